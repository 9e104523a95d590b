import {
  brotliCompressSync,
  brotliDecompressSync,
  gunzipSync,
  gzipSync,
  zstdCompressSync,
  zstdDecompressSync,
} from "node:zlib";
import type { ServerResponse } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { startHttpGateway, startTarget, type HttpTestGateway, type TestTarget } from "../support/http-gateway.ts";

const POLICY = `package http_masks
allow everybody on http
  when user.groups has any ["analyst", "privacy", "engineer"]
mask fields_of_people on http
  fields "$..email", "$.customers[*].ssn", "$.form_secret"
  with { email: email, *: redact }
  unless user.groups has any ["privacy", "engineer"]
mask cards on http
  values detect [credit_card]
  with redact
  when user.groups has "engineer"
`;

const CARD = "4111111111111111";
const SECRETS = ["ana@example.com", "123-45-6789", CARD];
const PEOPLE = {
  customers: [{ name: "Ana", email: "ana@example.com", ssn: "123-45-6789", note: `paid with ${CARD}` }],
  next: null,
};
const JSON_TEXT = JSON.stringify(PEOPLE);

/** What the target answers, by path. */
const ANSWERS: Readonly<Record<string, (response: ServerResponse) => void>> = {
  "/json": (response) =>
    void response.setHeader("content-type", "application/json").setHeader("etag", '"1"').end(JSON_TEXT),
  "/json-slow": (response) => {
    response.setHeader("content-type", "application/vnd.api+json; charset=utf-8");
    for (const character of JSON_TEXT) response.write(character);
    response.end();
  },
  "/gzip": (response) =>
    void response
      .setHeader("content-type", "application/json")
      .setHeader("content-encoding", "gzip")
      .end(gzipSync(JSON_TEXT)),
  "/br": (response) =>
    void response
      .setHeader("content-type", "application/json")
      .setHeader("content-encoding", "br")
      .end(brotliCompressSync(JSON_TEXT)),
  "/zstd": (response) =>
    void response
      .setHeader("content-type", "application/json")
      .setHeader("content-encoding", "zstd")
      .end(zstdCompressSync(JSON_TEXT)),
  "/compress": (response) =>
    void response.setHeader("content-type", "application/json").setHeader("content-encoding", "compress").end("x"),
  "/bomb": (response) =>
    void response
      .setHeader("content-type", "application/json")
      .setHeader("content-encoding", "gzip")
      .end(gzipSync(Buffer.concat([Buffer.from('"'), Buffer.alloc(64 * 1024 * 1024, "a"), Buffer.from('"')]))),
  "/not-gzip": (response) =>
    void response.setHeader("content-type", "application/json").setHeader("content-encoding", "gzip").end(JSON_TEXT),
  "/lines": (response) =>
    void response.setHeader("content-type", "application/x-ndjson").end(`${JSON_TEXT}\n${JSON_TEXT}\n`),
  "/events": (response) => {
    response.setHeader("content-type", "text/event-stream");
    response.write(`: hello\nevent: row\nid: 7\ndata: ${JSON_TEXT.slice(0, 20)}`);
    response.write(`${JSON_TEXT.slice(20)}\r\n\r\ndata: not JSON ${SECRETS[0]}\n\n`);
    response.end("data: [DONE]\n\n");
  },
  "/form": (response) =>
    void response
      .setHeader("content-type", "application/x-www-form-urlencoded")
      .end("form_secret=top&email=ana%40example.com&ok=1+2"),
  "/multipart": (response) =>
    void response
      .setHeader("content-type", "multipart/form-data; boundary=XX")
      .end(
        `--XX\r\nContent-Disposition: form-data; name="email"\r\n\r\nana@example.com\r\n--XX\r\nContent-Disposition: form-data; name="ok"\r\n\r\nfine\r\n--XX--\r\n`,
      ),
  "/text": (response) =>
    void response.setHeader("content-type", "text/plain").end(`paid with ${CARD}\nor 4111-1111-1111-1111`),
  "/binary": (response) =>
    void response.setHeader("content-type", "application/octet-stream").end(Buffer.from(SECRETS[0]!)),
  "/latin1": (response) => void response.setHeader("content-type", "application/json; charset=utf-16").end(JSON_TEXT),
  "/typeless": (response) => void response.end(JSON_TEXT),
  "/broken": (response) => void response.setHeader("content-type", "application/json").end(`${JSON_TEXT}}`),
  "/error": (response) => void response.writeHead(404, { "content-type": "text/html" }).end(`<p>${SECRETS[0]}</p>`),
  "/moved": (response) =>
    void response.writeHead(302, { location: "/json", "content-type": "text/html" }).end(`<p>${SECRETS[0]}</p>`),
  "/nothing": (response) => void response.writeHead(204).end(),
};

let target: TestTarget;
let sockets: WebSocketServer;
let gateway: HttpTestGateway;

beforeAll(async () => {
  target = await startTarget((request, _body, response) => {
    const answer = ANSWERS[(request.url ?? "").split("?")[0]!];
    if (answer === undefined) return void response.writeHead(404).end();
    if (request.headers.range !== undefined || request.headers["if-none-match"] !== undefined)
      return void response
        .writeHead(206, { "content-type": "application/json", "content-range": "bytes 0-9/100" })
        .end(JSON_TEXT.slice(0, 10));
    answer(response);
  });
  sockets = new WebSocketServer({ server: target.server });
  sockets.on("connection", (socket) => {
    socket.on("message", (data, isBinary) => {
      const text = (data as Buffer).toString("utf8");
      if (isBinary) socket.send(Buffer.from(SECRETS[0]!));
      else socket.send(text === "people" ? JSON_TEXT : text === "plain" ? SECRETS[0]! : JSON.stringify({ echo: text }));
    });
  });
  gateway = await startHttpGateway({
    policy: POLICY,
    targets: `  - { name: api, protocol: http, hosts: [api, 127.0.0.1], address: "127.0.0.1:${target.port}" }`,
  });
});
afterAll(async () => {
  await gateway.close();
  sockets.close();
  await target.close();
});

const ask = (user: string, path: string, more: Readonly<Record<string, string>> = {}): Promise<Response> =>
  fetch(gateway.url(path), { headers: { ...gateway.as(user), ...more }, redirect: "manual" });

/** node's fetch sends its own Host: the gateway is asked by curl's way, with a listener of one target. */
const MASKED =
  '{"customers":[{"name":"Ana","email":"a***@***.com","ssn":"***","note":"paid with 4111111111111111"}],"next":null}';

describe("masked for an analyst", () => {
  it.each(["/json", "/json-slow"])("%s", async (path) => {
    const answer = await ask("ana", path);
    expect(await answer.text()).toBe(MASKED);
    expect(answer.headers.get("etag")).toBe(null);
    expect(answer.headers.get("cache-control")).toBe("no-store");
  });

  it.each([
    ["/gzip", gunzipSync],
    ["/br", brotliDecompressSync],
    ["/zstd", zstdDecompressSync],
  ] as const)("%s is decoded, masked and coded again", async (path, decode) => {
    const raw = await gateway.raw(
      `GET ${path} HTTP/1.0\r\nHost: api\r\nAccept-Encoding: gzip, br, zstd\r\nSallyport-Authorization: ${gateway.as("ana")["sallyport-authorization"]}\r\n\r\n`,
    );
    const [head, body] = [raw.slice(0, raw.indexOf("\r\n\r\n")), raw.slice(raw.indexOf("\r\n\r\n") + 4)];
    expect(head).toContain(`content-encoding: ${path.slice(1)}`);
    expect(decode(Buffer.from(body, "latin1")).toString("utf8")).toBe(MASKED);
  });

  it("NDJSON", async () => {
    expect(await (await ask("ana", "/lines")).text()).toBe(`${MASKED}\n${MASKED}\n`);
  });

  it("server-sent events: data that is no JSON is hidden", async () => {
    expect(await (await ask("ana", "/events")).text()).toBe(
      `event: row\nid: 7\ndata: ${MASKED}\n\ndata: ***\n\ndata: [DONE]\n\n`,
    );
  });

  it("forms and their parts", async () => {
    expect(await (await ask("ana", "/form")).text()).toBe("form_secret=***&email=a***@***.com&ok=1%202");
    expect(await (await ask("ana", "/multipart")).text()).toBe(
      '--XX\r\nContent-Disposition: form-data; name="email"\r\n\r\na***@***.com\r\n--XX\r\nContent-Disposition: form-data; name="ok"\r\n\r\nfine\r\n--XX--\r\n',
    );
  });

  it.each<readonly [path: string, status: number]>([
    ["/text", 403],
    ["/binary", 403],
    ["/latin1", 403],
    ["/typeless", 403],
    ["/compress", 403],
    ["/not-gzip", 502],
    ["/error", 404],
    ["/moved", 302],
    ["/broken", 502],
    ["/bomb", 200],
  ])("what can't be read is not shown: %s", async (path, status) => {
    const answer = await ask("ana", path);
    // An answer that was begun is cut off, and that is an error of its reader's.
    const text = await answer.text().catch(() => "cut off");
    for (const secret of SECRETS.slice(0, 2)) expect(text).not.toContain(secret);
    expect([answer.status, status === 200 ? text : ""]).toEqual([status, status === 200 ? "cut off" : ""]);
  });

  it("the status of errors and redirections stays", async () => {
    expect((await ask("ana", "/error")).status).toBe(404);
    const moved = await ask("ana", "/moved");
    expect([moved.status, moved.headers.get("location")]).toEqual([302, "/json"]);
    expect((await ask("ana", "/nothing")).status).toBe(204);
  });

  it("Range and conditions are not asked of the target", async () => {
    const answer = await ask("ana", "/json", { range: "bytes=0-9", "if-none-match": '"1"' });
    expect([answer.status, await answer.text()]).toEqual([200, MASKED]);
    expect(target.requests.at(-1)!.headers.range).toBe(undefined);
  });
});

it("who may see it gets the target's own bytes", async () => {
  const answer = await ask("kim", "/json");
  expect([await answer.text(), answer.headers.get("etag")]).toEqual([JSON_TEXT, '"1"']);
  expect((await ask("kim", "/json", { range: "bytes=0-9" })).status).toBe(206);
});

describe("detectors", () => {
  it("find values in text and in JSON", async () => {
    expect(await (await ask("dev", "/text")).text()).toBe("paid with ***\nor ***");
    const json = await (await ask("dev", "/json")).text();
    expect(json).not.toContain(CARD);
    expect(json).toContain("ana@example.com");
  });

  it("what holds no text is not shown", async () => {
    expect((await ask("dev", "/binary")).status).toBe(403);
  });
});

describe("WebSocket", () => {
  const open = (user: string): Promise<WebSocket> =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(gateway.url("/live").replace("http", "ws"), { headers: gateway.as(user) });
      socket.on("open", () => resolve(socket));
      socket.on("error", reject);
    });
  const answerTo = (socket: WebSocket, message: string | Buffer): Promise<string> =>
    new Promise((resolve) => {
      socket.once("message", (data) => resolve((data as Buffer).toString("utf8")));
      socket.once("close", (code, reason) => resolve(`closed ${code} ${reason.toString()}`));
      socket.send(message);
    });

  it("text is masked, and passes for who may see it", async () => {
    const ana = await open("ana");
    expect(await answerTo(ana, "people")).toBe(MASKED);
    expect(await answerTo(ana, "hello")).toBe('{"echo":"hello"}');
    ana.close();
    const kim = await open("kim");
    expect(await answerTo(kim, "people")).toBe(JSON_TEXT);
    kim.close();
  });

  it.each([
    ["text that is no JSON", "plain"],
    ["a binary message", Buffer.from("x")],
  ] as const)("%s ends it", async (_title, message) => {
    expect(await answerTo(await open("ana"), message)).toMatch(
      /^closed 1008 sallyport: .*mask fields_of_people applies/,
    );
  });
});
