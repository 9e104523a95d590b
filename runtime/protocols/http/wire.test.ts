import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BODY_END, ChunkedReader, chunkOf } from "./chunked.ts";
import { boundaryOf, readForm, readParts, writeForm, writeParts } from "./forms.ts";
import { readMediaType, takeCookie } from "./fields.ts";
import { readResponseHead } from "./head.ts";
import { responseFraming } from "./framing.ts";
import { CHUNK_BYTES_MAX, TRAILER_BYTES_MAX } from "./limits.ts";
import { OPCODE, WebSocketReader, webSocketFrame } from "./websocket.ts";

/** Reads chunks handed in in pieces of this size; the body, or the fault. */
function chunks(bytes: Buffer, step: number): string {
  const reader = new ChunkedReader();
  let body = "";
  for (let at = 0; at < bytes.length && !reader.done && reader.fault === null; at += step) {
    const piece = bytes.subarray(at, at + step);
    reader.read(piece, 0, piece.length, (from, to) => (body += piece.toString("latin1", from, to)));
  }
  return reader.fault !== null ? `fault: ${reader.fault}` : reader.done ? body : "not whole";
}

describe("chunks", () => {
  it.each<readonly [text: string, wanted: string | RegExp]>([
    ["5\r\nhello\r\n0\r\n\r\n", "hello"],
    ["A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789"],
    ["0\r\n\r\n", ""],
    ["0\r\nX: y\r\nZ: w\r\n\r\n", ""],
    ["5\r\nhello\r\n", "not whole"],
    ["5;name=value\r\nhello\r\n0\r\n\r\n", /plain hexadecimal/],
    ["5 \r\nhello\r\n0\r\n\r\n", /plain hexadecimal/],
    ["0x5\r\nhello\r\n", /plain hexadecimal/],
    ["-5\r\nhello\r\n", /plain hexadecimal/],
    ["\r\nhello", /plain hexadecimal/],
    ["5\nhello\n0\n\n", /plain hexadecimal/],
    ["5\r\nhelloX\r\n0\r\n\r\n", /longer than it says/],
    ["4\r\nhello\r\n0\r\n\r\n", /longer than it says/],
    ["5\rXhello", /CR LF/],
    [`${(CHUNK_BYTES_MAX + 1).toString(16)}\r\n`, /too large/],
    [`${"0".repeat(100)}\r\n`, /too large/],
    ["0\r\nX: y\n\r\n", /carriage return/],
    [`0\r\nX: ${"y".repeat(TRAILER_BYTES_MAX)}`, /trailer is longer/],
  ])("%j", (text, wanted) => {
    for (const step of [1, 2, 3, 1000]) {
      const found = chunks(Buffer.from(text), step);
      if (typeof wanted === "string") expect(found).toBe(wanted);
      else expect(found).toMatch(wanted);
    }
  });

  it("fuzz: what is written is read, cut anywhere", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 6 }),
        fc.integer({ min: 1, max: 20 }),
        (bodies, step) => {
          const bytes = Buffer.concat([...bodies.map(chunkOf), BODY_END]);
          expect(chunks(bytes, step)).toBe(Buffer.concat(bodies).toString("latin1"));
        },
      ),
    );
  });
});

describe("answers", () => {
  it.each<readonly [title: string, text: string, framing: object | RegExp]>([
    ["a length", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", { kind: "length", bytes: 3 }],
    ["chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", { kind: "chunked" }],
    ["until it closes", "HTTP/1.0 200 OK\r\n\r\n", { kind: "close" }],
    ["204", "HTTP/1.1 204 No Content\r\n\r\n", { kind: "none" }],
    ["304 with a length", "HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n", { kind: "none" }],
    ["no reason", "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", { kind: "length", bytes: 0 }],
    ["both", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", /both/],
    ["chunks in 1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", /1\.0/],
    ["HTTP/2", "HTTP/2 200\r\n\r\n", /HTTP\/1\.1/],
    ["a status of two digits", "HTTP/1.1 20 OK\r\n\r\n", /status/],
    ["a status of 600", "HTTP/1.1 600 OK\r\n\r\n", /status/],
    ["a CR in the reason", "HTTP/1.1 200 O\rK\r\n\r\n", /carriage return/],
  ])("%s", (_title, text, framing) => {
    const bytes = Buffer.from(text);
    const head = readResponseHead(bytes, 0, bytes.length);
    const found = head.ok ? responseFraming("GET", head.value.status, head.value.minor, head.value.fields) : head;
    if (framing instanceof RegExp) expect(found.ok ? "taken" : found.error.why).toMatch(framing);
    else expect(found).toEqual({ ok: true, value: framing });
  });

  it("fuzz: any bytes of a server are read or refused, and nothing is thrown", () => {
    const scrap = fc.constantFrom(
      "HTTP/1.1 ",
      "200",
      " OK",
      "\r\n",
      "\n",
      "\r",
      ":",
      "Content-Length",
      "Transfer-Encoding",
      "chunked",
      "5",
      "\0",
      "é",
      " ",
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 60 }).map((all) => Buffer.from(all)),
          fc.array(scrap, { maxLength: 20 }).map((all) => Buffer.from(all.join(""), "latin1")),
        ),
        (bytes) => {
          const head = readResponseHead(Buffer.concat([bytes, Buffer.from("\r\n\r\n")]), 0, bytes.length + 4);
          if (head.ok) responseFraming("GET", head.value.status, head.value.minor, head.value.fields);
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe("forms", () => {
  it("fuzz: fields that are written are read", () => {
    const name = fc.string({ minLength: 1, unit: "grapheme" }).filter((text) => !/[\0\r\n]/.test(text));
    const value = fc.string({ unit: "grapheme" }).filter((text) => !text.includes("\0"));
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value), { maxLength: 6 }), (fields) => {
        const well = fields.filter(([one, two]) => one.isWellFormed() && two.isWellFormed());
        expect(readForm(writeForm(well))).toEqual({ ok: true, value: well });
      }),
    );
  });

  const part = (fields: string, content = "x"): string => `--B\r\n${fields}\r\n\r\n${content}\r\n--B--\r\n`;
  it.each<readonly [title: string, body: string, wanted: RegExp | number]>([
    ["one part", part('Content-Disposition: form-data; name="a"'), 1],
    ["a file", part('Content-Disposition: form-data; name="a"; filename="f.txt"\r\nContent-Type: text/plain'), 1],
    ["two names", part('Content-Disposition: form-data; name="a"; name="b"'), /one plain name/],
    [
      "two dispositions",
      part('Content-Disposition: form-data; name="a"\r\nContent-Disposition: form-data; name="b"'),
      /one plain name/,
    ],
    ["an encoded file name", part("Content-Disposition: form-data; name=\"a\"; filename*=utf-8''x"), /one plain name/],
    [
      "a transfer encoding",
      part('Content-Disposition: form-data; name="a"\r\nContent-Transfer-Encoding: base64'),
      /not taken/,
    ],
    ["no name", part("Content-Disposition: form-data"), /one plain name/],
    ["a preamble", `hello\r\n${part('Content-Disposition: form-data; name="a"')}`, /begin with its boundary/],
    ["an epilogue", `${part('Content-Disposition: form-data; name="a"')}hello`, /behind/],
    ["no end", '--B\r\nContent-Disposition: form-data; name="a"\r\n\r\nx', /does not end/],
    ["bare line feeds", '--B\nContent-Disposition: form-data; name="a"\n\nx\n--B--\n', /line of its own/],
  ])("parts: %s", (_title, body, wanted) => {
    const read = readParts(Buffer.from(body), "B");
    if (typeof wanted === "number") {
      expect(read.ok && read.value.length).toBe(wanted);
      if (read.ok) expect(writeParts(read.value, "B").toString()).toBe(body);
    } else expect(read.ok ? "taken" : read.error).toMatch(wanted);
  });

  it("boundaries and media types", () => {
    const type = (text: string): ReturnType<typeof readMediaType> => readMediaType(text);
    expect(boundaryOf(type("multipart/form-data; boundary=abc")!.parameters)).toBe("abc");
    expect(boundaryOf(type('multipart/form-data; boundary="a b"')!.parameters)).toBe(null);
    expect(type("text/plain; charset=utf-8; charset=utf-16")).toBe(null);
    expect(type("text/plain; charset=utf-8, text/html")).toBe(null);
    expect(type("Application/JSON ;Charset=UTF-8")).toMatchObject({ type: "application/json" });
    expect(type("json")).toBe(null);
  });

  it("cookies", () => {
    expect(takeCookie("a=1; s=2; b=3", "s")).toEqual({ found: "2", rest: "a=1; b=3", doubled: false });
    expect(takeCookie("s=1; s=2", "s")).toMatchObject({ doubled: true });
    expect(takeCookie("xs=1", "s")).toEqual({ found: null, rest: "xs=1", doubled: false });
  });
});

describe("WebSocket frames", () => {
  const key = Buffer.from([1, 2, 3, 4]);
  it.each<readonly [title: string, bytes: readonly number[], why: RegExp]>([
    ["an extension's bit", [0xc1, 0x80, 0, 0, 0, 0], /extension/],
    ["not masked", [0x81, 0x00], /not masked/],
    ["an unknown code", [0x83, 0x80, 0, 0, 0, 0], /unknown code/],
    ["a long form of a short length", [0x81, 0xfe, 0, 5, 0, 0, 0, 0], /shortest/],
    ["a control frame in parts", [0x09, 0x80, 0, 0, 0, 0], /control frame/],
    ["a control frame that is too long", [0x89, 0xfe, 0, 126], /control frame/],
    ["a continuation of nothing", [0x80, 0x80, 0, 0, 0, 0], /did not begin/],
    ["a message of 2^40 bytes", [0x82, 0xff, 0, 0, 1, 0, 0, 0, 0, 0], /longer than/],
    ["text that is not UTF-8", [0x81, 0x81, 0, 0, 0, 0, 0xff], /UTF-8/],
  ])("%s", (_title, bytes, why) => {
    const reader = new WebSocketReader(true);
    reader.push(Buffer.from(bytes));
    expect(reader.fault).toMatch(why);
  });

  it("a server's frame must not be masked", () => {
    const reader = new WebSocketReader(false);
    reader.push(webSocketFrame(OPCODE.text, Buffer.from("x"), key));
    expect(reader.fault).toMatch(/is masked/);
  });

  it("fuzz: messages that are written are read, cut anywhere; any bytes are read or refused", () => {
    const message = fc.tuple(fc.constantFrom(OPCODE.text, OPCODE.binary), fc.string({ maxLength: 300 }));
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 4 }),
        fc.integer({ min: 1, max: 50 }),
        fc.uint8Array({ maxLength: 30 }),
        (messages, step, noise) => {
          const bytes = Buffer.concat(messages.map(([opcode, text]) => webSocketFrame(opcode, Buffer.from(text), key)));
          const reader = new WebSocketReader(true);
          const read = [];
          for (let at = 0; at < bytes.length; at += step) read.push(...reader.push(bytes.subarray(at, at + step)));
          expect(read.map(({ opcode, data }) => [opcode, data.toString("utf8")])).toEqual(messages);
          reader.push(Buffer.from(noise));
          new WebSocketReader(false).push(Buffer.from(noise));
        },
      ),
    );
  });
});
