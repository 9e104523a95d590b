import { createDeflate, constants } from "node:zlib";
import { describe, expect, it } from "vitest";
import { DICTIONARY, DICTIONARY_ID } from "./dictionary.ts";
import { FieldsReader, FieldsWriter, type SpdyFields } from "./fields.ts";
import { SendWindows, SpdyConversation, SpdyReader, SpdyWriter, type SpdyFrame } from "./index.ts";

const fields = (...pairs: readonly (readonly [string, string])[]): SpdyFields => new Map(pairs);
const NONE = fields();

/** Blocks as a client packs them: one compressed text, flushed at each block's end. */
async function packed(blocks: readonly SpdyFields[]): Promise<readonly Buffer[]> {
  const deflate = createDeflate({ dictionary: DICTIONARY });
  const out: Buffer[] = [];
  let parts: Buffer[] = [];
  deflate.on("data", (part: Buffer) => parts.push(part));
  for (const block of blocks) {
    deflate.write(plain(block));
    await new Promise<void>((done) => deflate.flush(constants.Z_SYNC_FLUSH, () => done()));
    out.push(Buffer.concat(parts));
    parts = [];
  }
  return out;
}

function plain(block: SpdyFields): Buffer {
  const number = (value: number): Buffer => {
    const b = Buffer.alloc(4);
    b.writeUInt32BE(value);
    return b;
  };
  const texts = [...block].flatMap((pair) =>
    pair.map((text) => Buffer.concat([number(text.length), Buffer.from(text)])),
  );
  return Buffer.concat([number(block.size), ...texts]);
}

const BLOCKS = [
  fields(["streamtype", "error"]),
  fields(["streamtype", "stdin"], ["x-first", "accept-encoding content-location"]),
  NONE,
  fields(["streamtype", "data"], ["port", "8080"], ["requestid", "12"]),
];

describe("fields", () => {
  it("the dictionary is the one of SPDY/3", () => {
    expect([DICTIONARY.length, DICTIONARY_ID]).toEqual([1_423, 0xe3c6_a7c2]);
  });

  it("blocks that a compressor packed are unpacked one after the other", async () => {
    const reader = new FieldsReader();
    for (const [i, block] of (await packed(BLOCKS)).entries()) expect(reader.read(block)).toEqual(BLOCKS[i]);
  });

  it("references reach back over more than a window of blocks", async () => {
    const letters = (seed: number): string =>
      Array.from({ length: 900 }, (_, i) =>
        String.fromCharCode(97 + ((i * 7 + seed * 13 + ((i * seed) % 11)) % 26)),
      ).join("");
    const many = Array.from({ length: 120 }, (_, i) => fields(["streamtype", letters(i % 50)], ["port", String(i)]));
    const reader = new FieldsReader();
    for (const [i, block] of (await packed(many)).entries()) expect(reader.read(block)).toEqual(many[i]);
  });

  it("what is written is read by the same rules", () => {
    const [writer, reader] = [new FieldsWriter(), new FieldsReader()];
    for (const block of BLOCKS) expect(reader.read(writer.write(block))).toEqual(block);
  });

  it("blocks that can't be read are refused", async () => {
    const good = (await packed([BLOCKS[0]!]))[0]!;
    const head = (bytes: Buffer): Buffer => Buffer.concat([Buffer.from([0x78, 0xbb, 0xe3, 0xc6, 0xa7, 0xc2]), bytes]);
    const stored = (bytes: Buffer): Buffer => {
      const b = Buffer.alloc(5);
      b.writeUInt16LE(bytes.length, 1);
      b.writeUInt16LE(bytes.length ^ 0xffff, 3);
      return Buffer.concat([b, bytes, Buffer.from([0, 0, 0, 0xff, 0xff])]);
    };
    const twice = Buffer.concat([plain(fields(["a", "b"])).fill(2, 3, 4), plain(fields(["a", "c"])).subarray(4)]);
    const cases: readonly (readonly [Buffer, RegExp])[] = [
      [Buffer.alloc(3), /cut off/],
      [good.subarray(0, -1), /cut off/],
      [Buffer.concat([Buffer.from([0x78, 0x9c]), good.subarray(2)]), /not compressed/],
      [Buffer.concat([good.subarray(0, 2), Buffer.alloc(4), good.subarray(6)]), /another dictionary/],
      [head(Buffer.from([0x07, 0, 0, 0xff, 0xff])), /can't be unpacked/],
      [head(stored(twice)), /twice/],
      [head(stored(plain(fields(["Upper", "x"])))), /has the name/],
      [head(stored(plain(fields(["a", "x\0y"])))), /several values/],
      [head(stored(plain(fields(["a", "x\r\nb: c"])))), /several values/],
      [head(stored(Buffer.concat([plain(NONE), Buffer.from("x")]))), /bytes stand behind/],
      [head(stored(Buffer.from([0, 0, 0, 17]))), /more than 16/],
      [head(stored(Buffer.from([0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff]))), /cut off/],
    ];
    for (const [block, why] of cases) expect(new FieldsReader().read(block)).toMatch(why);
    const bomb = (await packed([fields(["a", "x".repeat(70_000)])]))[0]!;
    expect(bomb.length).toBeLessThan(1_000);
    expect(new FieldsReader().read(bomb)).toMatch(/too long/);
  });
});

const FRAMES: readonly SpdyFrame[] = [
  { kind: "syn_stream", stream: 1, priority: 0, fin: false, fields: BLOCKS[0]! },
  { kind: "syn_stream", stream: 3, priority: 7, fin: true, fields: BLOCKS[3]! },
  { kind: "syn_reply", stream: 1, fin: false, fields: NONE },
  { kind: "data", stream: 1, fin: false, data: Buffer.from("hello") },
  { kind: "data", stream: 1, fin: true, data: Buffer.alloc(0) },
  { kind: "settings", clear: true, entries: [{ flags: 1, id: 7, value: 1_024 }] },
  { kind: "ping", id: 0xffff_fffe },
  { kind: "window_update", stream: 0, delta: 0x7fff_ffff },
  { kind: "rst_stream", stream: 3, status: 5 },
  { kind: "goaway", last: 3, status: 0 },
];

/** Frames with the pieces of one data frame put together again. */
function joined(frames: readonly SpdyFrame[]): readonly SpdyFrame[] {
  const out: SpdyFrame[] = [];
  for (const frame of frames) {
    const before = out.at(-1);
    if (
      frame.kind === "data" &&
      before?.kind === "data" &&
      before.stream === frame.stream &&
      !before.fin &&
      frame.data.length > 0
    )
      out[out.length - 1] = { ...frame, data: Buffer.concat([before.data, frame.data]) };
    else out.push(frame);
  }
  return out;
}

describe("frames", () => {
  const writer = new SpdyWriter();
  const bytes = Buffer.concat(FRAMES.map((frame) => writer.write(frame)));

  it.each([1, 2, 3, 7, 8, 9, 13, 10_000])("are the same in pieces of %i bytes", (size) => {
    const reader = new SpdyReader();
    const got: SpdyFrame[] = [];
    for (let at = 0; at < bytes.length; at += size) got.push(...reader.push(bytes.subarray(at, at + size)));
    expect(reader.fault).toBeNull();
    expect(joined(got)).toEqual(FRAMES);
  });

  it("data that is longer than a frame goes into several", () => {
    const data = Buffer.alloc(0xff_ffff + 10, 1);
    const made = new SpdyWriter().write({ kind: "data", stream: 1, fin: true, data });
    const got = new SpdyReader().push(made);
    expect(got.map((one) => (one.kind === "data" ? [one.data.length, one.fin] : []))).toEqual([
      [0xff_ffff, false],
      [10, true],
    ]);
  });

  const control = (type: number, flags: number, body: readonly number[], version = 3): Buffer =>
    Buffer.from([0x80, version, 0, type, flags, 0, 0, body.length, ...body]);
  it.each<readonly [string, Buffer, RegExp]>([
    ["HEADERS", control(8, 0, [0, 0, 0, 1]), /unknown type 8/],
    ["CREDENTIAL", control(10, 0, []), /unknown type 10/],
    ["another version", control(6, 0, [0, 0, 0, 1], 2), /version 2/],
    ["a stream of one direction", control(1, 2, Array(10).fill(0) as number[]), /unknown flags 2/],
    ["PING with flags", control(6, 1, [0, 0, 0, 1]), /unknown flags/],
    ["a long PING", control(6, 0, [0, 0, 0, 1, 0]), /length/],
    ["data for nobody", Buffer.from([0, 0, 0, 0, 0, 0, 0, 0]), /stream 0/],
    ["compressed data", Buffer.from([0, 0, 0, 1, 2, 0, 0, 0]), /unknown flags 2/],
    ["a control frame that is too long", Buffer.from([0x80, 3, 0, 1, 0, 0xff, 0, 0]), /longer than/],
    ["WINDOW_UPDATE by nothing", control(9, 0, [0, 0, 0, 1, 0, 0, 0, 0]), /by nothing/],
    ["the reserved bit", control(9, 0, [0x80, 0, 0, 1, 0, 0, 0, 1]), /reserved/],
    ["RST_STREAM for no reason", control(3, 0, [0, 0, 0, 1, 0, 0, 0, 0]), /unknown status/],
    ["SETTINGS of another length", control(4, 0, [0, 0, 0, 2, 0, 0, 0, 7, 0, 0, 0, 1]), /another length/],
    ["an unknown setting", control(4, 0, [0, 0, 0, 1, 0, 0, 0, 99, 0, 0, 0, 1]), /unknown number 99/],
    ["a stream of another stream", control(1, 0, [0, 0, 0, 1, 0, 0, 0, 3, 0, 0]), /cut off|belongs/],
  ])("refused: %s", (_, frame, why) => {
    const reader = new SpdyReader();
    expect(reader.push(frame)).toEqual([]);
    expect(reader.fault).toMatch(why);
    expect(reader.push(bytes)).toEqual([]);
  });

  it("fuzz: any bytes give frames or a fault, and never more than they hold", () => {
    let seed = 20_261_126;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return Math.floor((seed / 0x1_0000_0000) * below);
    };
    for (let round = 0; round < 3_000; round++) {
      const b = Buffer.from(bytes);
      for (let i = random(6); i >= 0; i--) b[random(b.length)] = random(256);
      const cut = b.subarray(random(round % 3 === 0 ? b.length : 1));
      const [reader, again] = [new SpdyReader(), new SpdyReader()];
      const whole = reader.push(cut);
      const pieces: SpdyFrame[] = [];
      for (let at = 0; at < cut.length;) {
        const to = at + 1 + random(40);
        pieces.push(...again.push(cut.subarray(at, to)));
        at = to;
      }
      expect(again.fault).toBe(reader.fault);
      const conversation = new SpdyConversation(round % 2 === 0 ? "exec" : "portforward");
      for (const frame of whole) conversation.step(frame, round % 5 === 0 ? "target" : "client");
      const data = pieces.reduce((sum, one) => sum + (one.kind === "data" ? one.data.length : 0), 0);
      expect(data).toBeLessThanOrEqual(cut.length);
      // What was read and is written anew is read the same.
      const echo = new SpdyWriter();
      const back = new SpdyReader().push(Buffer.concat(whole.map((frame) => echo.write(frame))));
      expect(back).toEqual(whole);
    }
  });
});

describe("what may follow what", () => {
  const open = (stream: number, type: string, more: readonly (readonly [string, string])[] = []): SpdyFrame => ({
    kind: "syn_stream",
    stream,
    priority: 0,
    fin: false,
    fields: fields(["streamtype", type], ...more),
  });
  const reply = (stream: number): SpdyFrame => ({ kind: "syn_reply", stream, fin: false, fields: NONE });
  const data = (stream: number, text: string, fin = false): SpdyFrame => ({
    kind: "data",
    stream,
    fin,
    data: Buffer.from(text),
  });
  type Step = readonly ["client" | "target", SpdyFrame];
  const client = (frame: SpdyFrame): Step => ["client", frame];
  const target = (frame: SpdyFrame): Step => ["target", frame];
  const last = (kind: "exec" | "portforward", steps: readonly Step[]): string => {
    const conversation = new SpdyConversation(kind);
    let said = "";
    for (const [from, frame] of steps) {
      expect(said === "" || said === "on" || said === "late").toBe(true);
      const step = conversation.step(frame, from);
      said = step.kind === "fault" ? step.why : step.kind;
    }
    return said;
  };

  it.each<readonly [string, "exec" | "portforward", readonly Step[], RegExp]>([
    ["output on its stream", "exec", [client(open(1, "stdout")), target(reply(1)), target(data(1, "x"))], /^on$/],
    ["an end without data", "exec", [client(open(1, "stdout")), client(data(1, "", true))], /^on$/],
    ["input before the answer", "exec", [client(open(1, "stdin")), client(data(1, "x"))], /^on$/],
    ["output before the answer", "exec", [client(open(1, "stdout")), target(data(1, "x"))], /did not answer/],
    [
      "input where output is",
      "exec",
      [client(open(1, "stdout")), client(data(1, "x"))],
      /client sends data on the stream stdout/,
    ],
    [
      "output where input is",
      "exec",
      [client(open(1, "stdin")), target(reply(1)), target(data(1, "x"))],
      /target sends data on the stream stdin/,
    ],
    ["a stream of the target's", "exec", [target(open(2, "stdout"))], /the target opens/],
    ["an even stream", "exec", [client(open(2, "stdout"))], /out of order/],
    ["the same stream again", "exec", [client(open(1, "stdout")), client(open(1, "stderr"))], /out of order/],
    ["a type twice", "exec", [client(open(1, "stdout")), client(open(3, "stdout"))], /second stream stdout/],
    [
      "a type again after its end",
      "exec",
      [client(open(1, "stdout")), client({ kind: "rst_stream", stream: 1, status: 5 }), client(open(3, "stdout"))],
      /second stream/,
    ],
    ["an unknown type", "exec", [client(open(1, "data"))], /unknown type "data"/],
    ["a field more", "exec", [client(open(1, "stdout", [["port", "1"]]))], /unknown field port/],
    [
      "data after the end",
      "exec",
      [client(open(1, "stdin")), client(data(1, "", true)), client(data(1, "x"))],
      /after a stream's end/,
    ],
    ["data of no stream", "exec", [client(data(1, "x"))], /not opened/],
    [
      "late data",
      "exec",
      [client(open(1, "stdout")), client({ kind: "rst_stream", stream: 1, status: 5 }), target(data(1, "x"))],
      /^late$/,
    ],
    ["an answer of the client's", "exec", [client(open(1, "stdout")), client(reply(1))], /the client answers/],
    ["two answers", "exec", [client(open(1, "stdout")), target(reply(1)), target(reply(1))], /twice/],
    [
      "a stream after leaving",
      "exec",
      [client({ kind: "goaway", last: 0, status: 0 }), client(open(1, "stdout"))],
      /leaves/,
    ],
    [
      "a port",
      "portforward",
      [
        client(
          open(1, "data", [
            ["port", "80"],
            ["requestid", "0"],
          ]),
        ),
        client(data(1, "x")),
        target(reply(1)),
        target(data(1, "y")),
      ],
      /^on$/,
    ],
    ["no port", "portforward", [client(open(1, "data"))], /no port/],
    ["a port that is none", "portforward", [client(open(1, "data", [["port", "80;x"]]))], /no number/],
    [
      "data on errors",
      "portforward",
      [client(open(1, "error", [["port", "80"]])), client(data(1, "x"))],
      /on the stream error/,
    ],
  ])("%s", (_, kind, steps, said) => {
    expect(last(kind, steps)).toMatch(said);
  });

  it("no more streams than the limit", () => {
    const conversation = new SpdyConversation("portforward");
    const at = (i: number): string => conversation.step(open(i * 2 + 1, "data", [["port", "1"]]), "client").kind;
    for (let i = 0; i < 2_000; i++) expect(at(i)).toBe("on");
    expect(at(2_000)).toBe("fault");
  });
});

describe("windows", () => {
  it("a side that never speaks of them is held to none", () => {
    const windows = new SendWindows();
    windows.open(1);
    windows.sent(1, 1_000_000);
    expect(windows.room(1)).toBe(Number.POSITIVE_INFINITY);
  });

  it("grants count from the beginning, for a stream and for all", () => {
    const windows = new SendWindows();
    windows.open(1);
    windows.sent(1, 60_000);
    expect(windows.granted(1, 1_000)).toBeNull();
    expect(windows.room(1)).toBe(65_536 - 60_000 + 1_000);
    expect(windows.granted(0, 10)).toBeNull();
    expect(windows.room(1)).toBe(65_536 - 60_000 + 10);
    expect(windows.granted(9, 5)).toBeNull();
    expect(windows.granted(1, 0x7fff_ffff)).toMatch(/more than 2 GiB/);
  });

  it("another initial size holds for open streams too, and may leave less than nothing", () => {
    const windows = new SendWindows();
    windows.open(1);
    windows.sent(1, 100);
    expect(windows.set([{ flags: 0, id: 7, value: 50 }])).toBeNull();
    windows.open(3);
    expect([windows.room(1), windows.room(3)]).toEqual([0, 50]);
    windows.granted(1, 60);
    expect(windows.room(1)).toBe(10);
    expect(windows.set([{ flags: 0, id: 7, value: 0x8000_0000 }])).toMatch(/2 GiB/);
  });
});
