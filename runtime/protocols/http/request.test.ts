import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { headEnd, readRequestHead, type HttpFault } from "./head.ts";
import { FIELDS_MAX, HEAD_BYTES_MAX, SEGMENTS_MAX, TARGET_CHARS_MAX } from "./limits.ts";
import { normaliseRequest, type NormalRequest } from "./request.ts";
import { readOrigin } from "./target.ts";

/** Reads a request from bytes as a connection does; the fault in words when it is none. */
function read(text: string): NormalRequest | string {
  const bytes = Buffer.from(text, "latin1");
  const told = ({ status, why }: HttpFault): string => `${status} ${why}`;
  const end = headEnd(bytes, 0, bytes.length, 0);
  if (!end.ok) return told(end.error);
  if (end.value === 0) return "not whole";
  const head = readRequestHead(bytes, 0, end.value);
  if (!head.ok) return told(head.error);
  const request = normaliseRequest(head.value);
  return request.ok ? request.value : told(request.error);
}
const get = (target: string, ...fields: readonly string[]): NormalRequest | string =>
  read(`GET ${target} HTTP/1.1\r\nHost: api\r\n${fields.map((field) => `${field}\r\n`).join("")}\r\n`);
const post = (...fields: readonly string[]): NormalRequest | string =>
  read(`POST / HTTP/1.1\r\nHost: api\r\n${fields.map((field) => `${field}\r\n`).join("")}\r\n`);

describe("smuggling: what two servers could read in two ways is refused", () => {
  it.each<readonly [title: string, text: string, why: RegExp]>([
    [
      "CL.TE",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
      /both/,
    ],
    ["TE.CL", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n", /both/],
    ["TE.TE, another coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", /^501/],
    ["TE.TE, a list", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", /^501/],
    ["TE.TE, identity", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", /^501/],
    [
      "TE twice",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
      /twice/,
    ],
    [
      "TE with a space before the colon",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n",
      /space before its colon/,
    ],
    ["TE folded", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n", /folded/],
    [
      "TE with a tab at the line's start",
      "POST / HTTP/1.1\r\nHost: a\r\n\tTransfer-Encoding: chunked\r\n\r\n",
      /folded/,
    ],
    ["TE with a vertical tab", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\x0bchunked\r\n\r\n", /control/],
    ["TE in quotes", 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "chunked"\r\n\r\n', /^501/],
    ["TE in HTTP/1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", /1\.0/],
    ["CL twice, alike", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", /twice/],
    ["CL twice, unlike", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", /twice/],
    ["CL as a list", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\n", /plain number/],
    ["CL with a sign", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n", /plain number/],
    ["CL negative", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", /plain number/],
    ["CL in hex", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\n", /plain number/],
    ["CL with zeros", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 005\r\n\r\n", /plain number/],
    ["CL beyond 2^53", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551616\r\n\r\n", /plain number/],
    ["CL empty", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", /plain number/],
    ["a GET with a body (CL.0)", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", /GET with a body/],
    ["a HEAD with a body", "HEAD / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", /HEAD with a body/],
    ["bare LF behind the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", /505/],
    ["bare LF behind a field", "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", /carriage return|control/],
    ["only bare LFs", "GET / HTTP/1.1\nHost: a\n\n", /carriage return/],
    ["bare CR in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: b\rY: c\r\n\r\n", /carriage return/],
    ["NUL in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n", /control/],
    ["NUL in a name", "GET / HTTP/1.1\r\nHost: a\r\nX\0: b\r\n\r\n", /not a token/],
    ["a line without colon", "GET / HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n", /not a token/],
    ["an empty name", "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", /not a token/],
    ["two spaces in the request line", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", /one space/],
    ["a tab in the request line", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", /one space/],
    ["words behind the version", "GET / HTTP/1.1 x\r\nHost: a\r\n\r\n", /HTTP\/1\.1|505/],
    ["no version", "GET /\r\nHost: a\r\n\r\n", /one space|version/],
    ["HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", /505/],
    ["HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", /505/],
    ["a method in small letters", "get / HTTP/1.1\r\nHost: a\r\n\r\n", /capitals/],
    ["CONNECT", "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", /501 CONNECT/],
    ["TRACE", "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", /405 TRACE/],
    ["no host", "GET / HTTP/1.1\r\n\r\n", /no Host/],
    ["host twice", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", /host is given twice/],
    ["host with a user", "GET / HTTP/1.1\r\nHost: x@a\r\n\r\n", /host/],
    ["host with a trailing dot", "GET / HTTP/1.1\r\nHost: a.\r\n\r\n", /host/],
    ["host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", /host/],
    ["host as a list", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", /host/],
    ["absolute target of another host", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", /not that of the Host/],
    ["absolute target with a user", "GET http://x@a/ HTTP/1.1\r\nHost: a\r\n\r\n", /host/],
    ["target without slash", "GET admin HTTP/1.1\r\nHost: a\r\n\r\n", /neither a path/],
    ["asterisk", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", /neither a path/],
    [
      "Connection that names a field",
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: close, authorization\r\n\r\n",
      /no option/,
    ],
    ["a method override", "POST / HTTP/1.1\r\nHost: a\r\nX-HTTP-Method-Override: DELETE\r\n\r\n", /change the method/],
    [
      "a method override with underscores",
      "POST / HTTP/1.1\r\nHost: a\r\nX_HTTP_Method_Override: DELETE\r\n\r\n",
      /change the method/,
    ],
    ["a method override in the query", "POST /?_method=DELETE HTTP/1.1\r\nHost: a\r\n\r\n", /change the method/],
    ["Expect of something else", "POST / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n", /^417/],
    [
      "a field twice that is no list",
      "GET / HTTP/1.1\r\nHost: a\r\nX-Role: a\r\nX-Role: b\r\n\r\n",
      /x-role is given twice/,
    ],
    ["Authorization twice", "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: a\r\nauthorization: b\r\n\r\n", /twice/],
    ["Content-Type twice", "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: a/b\r\nContent-Type: c/d\r\n\r\n", /twice/],
    ["Content-Type that is none", "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: json\r\n\r\n", /media type/],
    [
      "an upgrade to something else",
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
      /^501/,
    ],
    [
      "an upgrade by POST",
      "POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
      /is a GET/,
    ],
  ])("%s", (_title, text, why) => {
    const found = read(text);
    expect(typeof found === "string" ? found : "taken").toMatch(why);
  });

  it.each<readonly [title: string, text: string, why: RegExp]>([
    ["head", `GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(HEAD_BYTES_MAX)}\r\n\r\n`, /^431/],
    ["head without end", `GET / HTTP/1.1\r\nX: ${"x".repeat(HEAD_BYTES_MAX)}`, /^431/],
    ["fields", `GET / HTTP/1.1\r\nHost: a\r\n${"A: b\r\n".repeat(FIELDS_MAX)}\r\n`, /^431/],
    ["target", `GET /${"x".repeat(TARGET_CHARS_MAX)} HTTP/1.1\r\nHost: a\r\n\r\n`, /^414/],
    ["segments", `GET ${"/x".repeat(SEGMENTS_MAX + 1)} HTTP/1.1\r\nHost: a\r\n\r\n`, /segments/],
  ])("limit of the %s", (_title, text, why) => {
    expect(read(text)).toMatch(why);
  });
});

describe("targets", () => {
  it.each([
    "/a/../admin",
    "/a/./b",
    "/..",
    "/%2e%2e/admin",
    "/%2E./admin",
    "/a//b",
    "//admin",
    "/a%2fb",
    "/a%2Fb",
    "/a%5cb",
    "/a\\b",
    "/%252e%252e/admin",
    "/a%252fb",
    "/admin;x=1",
    "/admin%3bx",
    "/..;/admin",
    "/a%00b",
    "/a%0ab",
    "/a%zzb",
    "/a%",
    "/a%e9",
    "/%c0%ae%c0%ae/admin",
    "/%ef%bc%8fadmin",
    "/%ef%bc%8e%ef%bc%8e/admin",
    "/admin.",
    "/admin%20",
    "/cafe%cc%81",
    '/a"b',
    "/a<b",
    "/a{b",
    "/a#b",
    "/?a;b",
    "/?a%zz",
    "/?a=%ff",
    "/?=1",
    "/?a=%00",
    "/?a=1%0d%0ab",
  ])("refused: %s", (target) => {
    expect(typeof get(target)).toBe("string");
  });

  it.each<readonly [target: string, path: string, encoded: string]>([
    ["/", "/", "/"],
    ["/a/b", "/a/b", "/a/b"],
    ["/a/b/", "/a/b/", "/a/b/"],
    ["/%61dmin", "/admin", "/admin"],
    ["/a%20b", "/a b", "/a%20b"],
    ["/caf%C3%A9", "/café", "/caf%C3%A9"],
    ["/a?x=1&y=a+b", "/a", "/a?x=1&y=a%20b"],
    ["/a?x=%41&flag&e=", "/a", "/a?x=A&flag&e="],
    ["/a?", "/a", "/a"],
    ["/a?x=1&x=2", "/a", "/a?x=1&x=2"],
    ["/a?x[]=1", "/a", "/a?x%5B%5D=1"],
    ["http://api/a?b=c", "/a", "/a?b=c"],
    ["http://API:80", "/", "/"],
    ["/users/@me", "/users/@me", "/users/@me"],
    ["/a:b,c=d!$&'()*+", "/a:b,c=d!$&'()*+", "/a:b,c=d!$&'()*+"],
  ])("%s", (target, path, encoded) => {
    const found = get(target);
    if (typeof found === "string") throw new Error(found);
    expect([found.target.path, found.target.encoded]).toEqual([path, encoded]);
  });

  it("fuzz: what is sent on reads as what was decided on", () => {
    const piece = fc.constantFrom(
      "a",
      "admin",
      "%61",
      "%2e",
      "..",
      ".",
      "/",
      "//",
      "%2f",
      "%5c",
      "%25",
      "%3b",
      ";",
      "é",
      "%C3%A9",
      "?",
      "&",
      "=",
      "+",
      "%20",
      "%00",
      "x=1",
      "~",
      "%EF%BC%8F",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 10 }), (parts) => {
        const read = readOrigin(`/${parts.join("")}`);
        if (!read.ok) return;
        const again = readOrigin(read.value.encoded);
        expect(again).toEqual(read);
        // As a lenient reader has it.
        const url = new URL(`http://x${read.value.encoded}`);
        expect(decodeURIComponent(url.pathname)).toBe(read.value.path);
        expect(
          read.value.segments.every((one) => one !== "" && one !== "." && one !== ".." && !/[/\\;\0]/.test(one)),
        ).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });
});

describe("fields that only the gateway may say", () => {
  it.each([
    "Sallyport-Identity",
    "SALLYPORT-USER",
    "sallyport_user",
    "Sallyport.User",
    "X-Forwarded-For",
    "X-Forwarded-User",
    "x_forwarded_user",
    "X-FORWARDED-GROUPS",
    "Forwarded",
    "X-Real-IP",
    "Remote-User",
    "REMOTE_USER",
    "X-Remote-User",
    "X-Remote-Group",
    "X-Remote-Extra-Scopes",
    "X-Auth-Request-Email",
    "X-WebAuth-User",
    "Impersonate-User",
    "Impersonate-Group",
    "Impersonate-Extra-scopes",
    "Cf-Access-Jwt-Assertion",
    "X-Amzn-Oidc-Data",
    "X-Goog-IAP-JWT-Assertion",
    "X-Original-URL",
    "X-Rewrite-URL",
    "X-Envoy-Original-Path",
    "X-SSL-Client-Cert",
    "Via",
    "Proxy-Connection",
    "Keep-Alive",
    "TE",
    "Trailer",
    "Approval-Id",
  ])("%s does not go on, on an upgrade neither", (name) => {
    for (const upgrade of [[], ["Connection: Upgrade", "Upgrade: websocket"]]) {
      const found = get("/", `${name}: root`, ...upgrade);
      if (typeof found === "string") throw new Error(found);
      expect(found.forward).toEqual([]);
    }
  });

  it("the target's own fields go on", () => {
    const found = get("/", "Authorization: Bearer t", "X-Custom: 1", "Cookie: a=b", "Accept: x", "Accept: y");
    if (typeof found === "string") throw new Error(found);
    expect(found.forward).toEqual([
      ["authorization", "Bearer t"],
      ["x-custom", "1"],
      ["cookie", "a=b"],
      ["accept", "x"],
      ["accept", "y"],
    ]);
    expect(found.byName.get("accept")).toBe("x, y");
  });
});

it.each<readonly [fields: readonly string[], framing: object]>([
  [[], { kind: "none" }],
  [["Content-Length: 0"], { kind: "length", bytes: 0 }],
  [["Content-Length: 7"], { kind: "length", bytes: 7 }],
  [["Transfer-Encoding: Chunked"], { kind: "chunked" }],
])("framing of %j", (fields, framing) => {
  expect(post(...fields)).toMatchObject({ framing });
});

it("fuzz: any bytes are read or refused, and what is read goes on as one request", () => {
  const scrap = fc.constantFrom(
    "GET",
    "POST",
    " ",
    "/",
    "HTTP/1.1",
    "\r\n",
    "\n",
    "\r",
    ":",
    "Host",
    "Content-Length",
    "Transfer-Encoding",
    "chunked",
    "5",
    "a",
    "\0",
    "\t",
    ",",
    "é",
    "Connection",
    "close",
    "x: y\r\n",
    "Host: a\r\n",
  );
  const shape = fc
    .tuple(fc.array(scrap, { maxLength: 6 }), fc.array(scrap, { maxLength: 12 }))
    .map(([line, fields]) => `${line.join("")} / HTTP/1.1\r\nHost: a\r\n${fields.join("")}\r\n\r\n`);
  fc.assert(
    fc.property(
      fc.oneof(
        shape,
        fc.string({ unit: "binary" }),
        fc.array(scrap, { maxLength: 30 }).map((all) => all.join("")),
      ),
      (text) => {
        const found = read(text);
        if (typeof found === "string") return;
        for (const [name, value] of found.forward) {
          expect(name).toMatch(/^[!#$%&'*+\-.^_`|~0-9a-z]+$/);
          expect(value).not.toMatch(/[\r\n\0]/);
        }
        expect(found.target.encoded).toMatch(/^\/[\x21-\x7e]*$/);
        expect(found.method).toMatch(/^[A-Z_-]+$/);
      },
    ),
    { numRuns: 3000 },
  );
});
