import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { FileAction } from "../requests.ts";
import { SftpMachine, type FileOutcome, type FileRuling } from "./machine.ts";

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const str = (text: string | Buffer): Buffer => Buffer.concat([u32(Buffer.byteLength(text)), Buffer.from(text)]);
const packet = (type: number, ...parts: readonly Buffer[]): Buffer => {
  const body = Buffer.concat([Buffer.from([type]), ...parts]);
  return Buffer.concat([u32(body.length), body]);
};
const u64 = (value: number): Buffer => Buffer.concat([u32(0), u32(value)]);

const INIT = packet(1, u32(3));
const VERSION = packet(2, u32(3), str("posix-rename@openssh.com"), str("1"), str("copy-data"), str("1"));
const open = (id: number, path: string, flags = 1): Buffer => packet(3, u32(id), str(path), u32(flags), u32(0));
const write = (id: number, at: number, data: string): Buffer => packet(6, u32(id), str("H"), u64(at), str(data));
const status = (id: number, code: number): Buffer => packet(101, u32(id), u32(code), str("said"), str(""));

/** A session with a server that resolves paths by a table, and answers what is passed on as told. */
class Session {
  readonly actions: FileAction[] = [];
  readonly outcomes: FileOutcome[] = [];
  /** Numbers of what has its outcome. */
  readonly finished: number[] = [];
  toClient = Buffer.alloc(0);
  /** What the server got, but for the questions of the gateway itself. */
  readonly passed: Buffer[] = [];
  ended: string | null = null;
  readonly machine: SftpMachine;
  #left = Buffer.alloc(0);

  constructor(
    judge: (action: FileAction) => FileRuling | Promise<FileRuling> = () => ({ go: true, ticket: 1 }),
    resolve: (path: string) => string | null = (path) =>
      path.startsWith("/") ? path : path === "." ? "/people" : `/people/${path}`,
  ) {
    this.machine = new SftpMachine(
      {
        judge: (action) => {
          this.actions.push(action);
          return judge(action);
        },
        finished: (ticket, outcome) => {
          this.finished.push(ticket);
          this.outcomes.push(outcome);
        },
      },
      {
        toClient: (bytes) => {
          this.toClient = Buffer.concat([this.toClient, bytes]);
        },
        toServer: (bytes) => this.#serve(bytes, resolve),
        resumed: () => undefined,
        close: (why) => {
          this.ended = why;
        },
      },
    );
  }

  #serve(bytes: Buffer, resolve: (path: string) => string | null): void {
    this.#left = Buffer.concat([this.#left, bytes]);
    while (this.#left.length >= 4 && this.#left.length >= 4 + this.#left.readUInt32BE(0)) {
      const whole = this.#left.subarray(0, 4 + this.#left.readUInt32BE(0));
      this.#left = this.#left.subarray(whole.length);
      const id = whole.readUInt32BE(5);
      if (whole[4] !== 16 || id < 0xf000_0000) this.passed.push(Buffer.from(whole));
      else {
        const found = resolve(whole.toString("utf8", 13));
        this.machine.fromServer(
          found === null ? status(id, 2) : packet(104, u32(id), u32(1), str(found), str(found), u32(0)),
        );
      }
    }
  }

  start(): this {
    this.machine.fromClient(INIT);
    this.machine.fromServer(VERSION);
    this.toClient = Buffer.alloc(0);
    this.passed.length = 0;
    return this;
  }
}

const READ_AND = (operation: string): readonly object[] => [{ operation: "open_read" }, { operation }];
const refuse = (): FileRuling => ({ go: false, message: "no" });

describe("a session", () => {
  it("offers the client only extensions that are known", () => {
    const session = new Session();
    session.machine.fromClient(INIT);
    session.machine.fromServer(VERSION);
    expect(session.toClient).toEqual(packet(2, u32(3), str("posix-rename@openssh.com"), str("1")));
  });

  it.each<readonly [title: string, request: Buffer, actions: object | readonly object[], passed: Buffer]>([
    ["an open", open(7, "x"), { operation: "open_read", path: "/people/x" }, open(7, "/people/x")],
    ["one that writes", open(7, "/a", 2), { operation: "open_write", path: "/a" }, open(7, "/a", 2)],
    ["one that makes", open(7, "/a", 8 | 2), { operation: "open_write" }, open(7, "/a", 10)],
    [
      "one that reads and writes",
      open(7, "/a", 1 | 2),
      [
        { operation: "open_read", path: "/a", flags: 3 },
        { operation: "open_write", path: "/a", flags: 3 },
      ],
      open(7, "/a", 3),
    ],
    ["one that reads and appends", open(7, "/a", 7), READ_AND("open_append"), open(7, "/a", 7)],
    ["one that only makes, and is open for reading then", open(7, "/a", 8), READ_AND("open_write"), open(7, "/a", 8)],
    ["one that empties and reads", open(7, "/a", 16 | 1), READ_AND("open_write"), open(7, "/a", 17)],
    [
      "a made folder",
      packet(14, u32(7), str("/a"), u32(4), u32(0o777)),
      { operation: "make_directory", path: "/a", attributes: { mode: 0o777 } },
      packet(14, u32(7), str("/a"), u32(4), u32(0o777)),
    ],
    [
      "what nobody understands behind it",
      Buffer.from(packet(18, u32(7), str("a"), str("/b"), u32(0x0102_0304))),
      { operation: "rename" },
      packet(18, u32(7), str("/people/a"), str("/b")),
    ],
    ["one that appends", open(7, "/a", 6), { operation: "open_append" }, open(7, "/a", 6)],
    [
      "a list",
      packet(11, u32(7), str("d")),
      { operation: "list", path: "/people/d" },
      packet(11, u32(7), str("/people/d")),
    ],
    [
      "a removal",
      packet(13, u32(7), str("a/b")),
      { operation: "remove", path: "/people/a/b" },
      packet(13, u32(7), str("/people/a/b")),
    ],
    [
      "a renaming",
      packet(18, u32(7), str("a"), str("/b")),
      { operation: "rename", path: "/people/a", destination: "/b" },
      packet(18, u32(7), str("/people/a"), str("/b")),
    ],
    [
      "a renaming by extension",
      packet(200, u32(7), str("posix-rename@openssh.com"), str("a"), str("/b")),
      { operation: "rename", extension: "posix-rename@openssh.com", path: "/people/a", destination: "/b" },
      packet(200, u32(7), str("posix-rename@openssh.com"), str("/people/a"), str("/b")),
    ],
    [
      "a link, which keeps what it says",
      packet(20, u32(7), str("../etc/passwd"), str("/people/l")),
      { operation: "symlink", path: "/people/l", destination: "/people/../etc/passwd" },
      packet(20, u32(7), str("../etc/passwd"), str("/people/l")),
    ],
    [
      "changed attributes",
      packet(9, u32(7), str("/a"), u32(15), u64(5), u32(1), u32(2), u32(0o600), u32(3), u32(4)),
      {
        operation: "set_attributes",
        path: "/a",
        attributes: { bytes: 5, owner: 1, group: 2, mode: 0o600, accessed: 3, modified: 4 },
      },
      packet(9, u32(7), str("/a"), u32(15), u64(5), u32(1), u32(2), u32(0o600), u32(3), u32(4)),
    ],
  ])("%s is decided on the resolved path, and passed on with it", (_title, request, actions, passed) => {
    const session = new Session().start();
    session.machine.fromClient(request);
    const all = Array.isArray(actions) ? (actions as readonly object[]) : [actions];
    expect(session.actions).toEqual(all.map((one): unknown => expect.objectContaining(one)));
    expect(session.passed).toEqual([passed]);
    expect(session.ended).toBe(null);
  });

  it("attributes that are changed by a handle are decided as those by a path", () => {
    const session = new Session().start();
    session.machine.fromClient(open(1, "/f", 2));
    session.machine.fromServer(packet(102, u32(1), str("H")));
    const request = packet(10, u32(2), str("H"), u32(5), u64(9), u32(0o4755));
    session.machine.fromClient(request);
    const attributes = { bytes: 9, mode: 0o4755 };
    expect(session.actions.at(-1)).toEqual({ operation: "set_attributes", path: "/f", attributes });
    expect(session.passed.at(-1)).toEqual(request);
  });

  it.each([
    ["reading", "open_read", ["open_read"]],
    ["writing", "open_write", ["open_read", "open_write"]],
  ])("an open for both ways needs both: refused for %s it is not passed on", (_title, refused, asked) => {
    let tickets = 0;
    const session = new Session(({ operation }) =>
      operation === refused ? { go: false, message: "no" } : { go: true, ticket: ++tickets },
    ).start();
    session.machine.fromClient(Buffer.concat([open(5, "/x", 3), packet(200, u32(6), str("limits@openssh.com"))]));
    expect(session.actions.map((one) => one.operation)).toEqual(asked);
    expect(session.passed.map((one) => one[4])).toEqual([200]);
    expect(session.toClient).toEqual(packet(101, u32(5), u32(3), str("no"), str("en")));
    // What was granted for the other way was not used.
    expect(session.outcomes.map(({ ok, what }) => [ok, what])).toEqual(
      Array.from({ length: tickets }, () => [false, "not passed on"]),
    );
  });

  it.each([
    ["read", 2, packet(5, u32(2), str("H"), u64(0), u32(9)), "the file is not open for reading"],
    ["written", 1, write(2, 0, "x".repeat(100_000)), "the file is not open for writing"],
  ])("a file that was not opened for it is not %s, whatever the server would do", (_title, flags, request, why) => {
    const session = new Session().start();
    session.machine.fromClient(open(1, "/f", flags));
    session.machine.fromServer(packet(102, u32(1), str("H")));
    session.toClient = Buffer.alloc(0);
    const close = packet(4, u32(3), str("H"));
    for (let at = 0; at < request.length; at += 999) session.machine.fromClient(request.subarray(at, at + 999));
    session.machine.fromClient(close);
    expect(session.passed.slice(1)).toEqual([close]);
    expect(session.toClient).toEqual(packet(101, u32(2), u32(3), str(why), str("en")));
  });

  it("of a file that was open for both ways each decision has its bytes", () => {
    let tickets = 0;
    const session = new Session(() => ({ go: true, ticket: ++tickets })).start();
    session.machine.fromClient(open(1, "/f", 3));
    session.machine.fromServer(packet(102, u32(1), str("H")));
    session.machine.fromClient(Buffer.concat([write(2, 0, "hello"), packet(4, u32(3), str("H"))]));
    for (const id of [2, 3]) session.machine.fromServer(status(id, 0));
    expect(session.outcomes.map(({ bytesRead, bytesWritten }) => [bytesRead, bytesWritten])).toEqual([
      [0, 0],
      [0, 5],
    ]);
  });

  it("follows links for what is opened, and not for what is removed", () => {
    const session = new Session(undefined, (path) => (path.endsWith("/link") ? "/secret/real" : path)).start();
    session.machine.fromClient(open(1, "/d/link"));
    session.machine.fromServer(status(1, 3));
    session.machine.fromClient(packet(13, u32(2), str("/d/link")));
    expect(session.actions.map((one) => one.path)).toEqual(["/secret/real", "/d/link"]);
  });

  it("what is refused never reaches the server, and the session goes on", () => {
    const session = new Session(refuse).start();
    session.machine.fromClient(open(5, "/x"));
    expect(session.passed).toEqual([]);
    expect(session.toClient).toEqual(packet(101, u32(5), u32(3), str("no"), str("en")));
    session.machine.fromClient(packet(200, u32(6), str("limits@openssh.com")));
    expect(session.passed.length).toBe(1);
  });

  it("a path that the server can't resolve fails as there, and is not passed on", () => {
    const session = new Session(undefined, () => null).start();
    session.machine.fromClient(open(5, "/x/y"));
    expect(session.passed).toEqual([]);
    expect(session.actions).toEqual([{ operation: "open_read", path: null }]);
    expect(session.toClient).toEqual(packet(101, u32(5), u32(2), str("said"), str("en")));
  });

  it("an extension nobody knows is answered and not passed on", () => {
    const session = new Session().start();
    session.machine.fromClient(packet(200, u32(9), str("copy-data"), str("H"), u64(0), u64(0), str("I"), u64(0)));
    expect(session.passed).toEqual([]);
    expect(session.toClient.readUInt32BE(9)).toBe(8);
  });

  it("nothing that comes behind an undecided request overtakes it", async () => {
    const { promise, resolve } = Promise.withResolvers<FileRuling>();
    const session = new Session((action) => (action.path === "/held" ? promise : { go: true, ticket: 2 })).start();
    session.machine.fromClient(Buffer.concat([open(1, "/held"), open(2, "/next")]));
    expect([session.passed.length, session.machine.wantsClient]).toEqual([0, false]);
    resolve({ go: true, ticket: 1 });
    await promise;
    await Promise.resolve();
    expect(session.passed).toEqual([open(1, "/held"), open(2, "/next")]);
    expect(session.machine.wantsClient).toBe(true);
  });

  it("counts and hashes what is written through an open file, however its bytes are cut", () => {
    const file = [open(1, "/f", 2), write(2, 0, "hello "), write(3, 6, "world"), packet(4, u32(4), str("H"))];
    const bytes = Buffer.concat(file.slice(1));
    for (let at = 1; at < bytes.length; at++) {
      const session = new Session().start();
      session.machine.fromClient(file[0]!);
      session.machine.fromServer(packet(102, u32(1), str("H")));
      session.machine.fromClient(bytes.subarray(0, at));
      session.machine.fromClient(bytes.subarray(at));
      expect(Buffer.concat(session.passed.slice(1))).toEqual(bytes);
      for (const id of [2, 3, 4]) session.machine.fromServer(status(id, 0));
      expect(session.outcomes).toEqual([
        {
          ok: true,
          what: "closed",
          bytesRead: 0,
          bytesWritten: 11,
          digest: "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9",
        },
      ]);
    }
  });

  it("a handle that was not opened here can't be used", () => {
    const session = new Session().start();
    session.machine.fromClient(Buffer.concat([write(2, 0, "x"), packet(5, u32(3), str("H"), u64(0), u32(9))]));
    expect(session.passed).toEqual([]);
    expect(session.ended).toBe(null);
    expect(session.toClient.length).toBeGreaterThan(20);
  });

  it("what is open when the session ends has its outcome", () => {
    const session = new Session().start();
    session.machine.fromClient(open(1, "/f"));
    session.machine.fromServer(packet(102, u32(1), str("H")));
    session.machine.gone();
    session.machine.gone();
    expect(session.outcomes).toMatchObject([{ ok: false, what: "lost" }]);
  });
});

describe("hostile peers end the session", () => {
  it.each<readonly [title: string, from: "client" | "server", bytes: Buffer]>([
    ["a packet that is too long", "client", u32(300_000)],
    ["a packet of no bytes", "client", Buffer.concat([u32(0), Buffer.from([1])])],
    ["a second start", "client", INIT],
    ["a path that is cut off", "client", packet(3, u32(1), u32(9), Buffer.from("x"))],
    ["a path that is too long", "client", packet(11, u32(1), str("x".repeat(5000)))],
    ["a path with a zero byte", "client", packet(11, u32(1), str("a\0b"))],
    ["attributes of an unknown form", "client", packet(9, u32(1), str("/x"), u32(0x8000_0000))],
    ["an answer to nothing", "server", status(77, 0)],
    ["data that nobody asked for", "server", packet(103, u32(1), str("x"))],
    ["an answer that is cut off", "server", packet(101)],
    ["an answer that is too long", "server", Buffer.concat([u32(0xffff_ffff), Buffer.from([101])])],
  ])("%s", (_title, from, bytes) => {
    const session = new Session().start();
    const padded = Buffer.concat([bytes, bytes.length === 4 ? Buffer.from([3]) : Buffer.alloc(0)]);
    if (from === "client") session.machine.fromClient(padded);
    else session.machine.fromServer(padded);
    expect(session.ended).toMatch(from === "client" ? /^the client sent / : /^the target sent /);
    const passed = session.passed.length;
    session.machine.fromClient(open(8, "/x"));
    expect(session.passed.length).toBe(passed);
  });

  it("another version than 3", () => {
    const session = new Session();
    session.machine.fromClient(INIT);
    session.machine.fromServer(packet(2, u32(6)));
    expect(session.ended).toMatch(/another version/);
  });

  it.each([
    ["a handle that can't be read", packet(102, u32(1), str("H"), u32(0))],
    ["data for an open", packet(103, u32(1), str("x"))],
  ])("%s, and what was granted has its outcome", (_title, answer) => {
    const session = new Session().start();
    session.machine.fromClient(open(1, "/f"));
    session.machine.fromServer(answer);
    expect(session.ended).toMatch(/the target sent/);
    expect(session.outcomes).toMatchObject([{ ok: false, what: "lost" }]);
  });

  it("one number for two requests", () => {
    const session = new Session().start();
    const limits = packet(200, u32(6), str("limits@openssh.com"));
    session.machine.fromClient(Buffer.concat([limits, limits]));
    expect(session.ended).toMatch(/number 6 of another/);
  });
});

describe("fuzz", () => {
  const good = [
    open(1, "/a"),
    open(2, "b", 2),
    write(3, 0, "xyz"),
    status(1, 0),
    packet(102, u32(2), str("H")),
    packet(4, u32(4), str("H")),
    packet(16, u32(5), str(".")),
    packet(18, u32(6), str("a"), str("b")),
  ];
  const piece = fc.oneof(
    fc.constantFrom(...good),
    fc.tuple(fc.constantFrom(...good), fc.nat(60), fc.nat(255)).map(([bytes, at, to]) => {
      const changed = Buffer.from(bytes);
      changed[at % changed.length] = to;
      return changed;
    }),
    fc.uint8Array({ minLength: 1, maxLength: 30 }).map((bytes) => Buffer.from(bytes)),
  );
  it("any bytes of either side give a state, and nothing that was refused is passed on", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), piece), { maxLength: 25 }), (steps) => {
        const session = new Session(refuse).start();
        for (const [client, bytes] of steps) {
          if (client) session.machine.fromClient(Buffer.from(bytes));
          else session.machine.fromServer(Buffer.from(bytes));
        }
        // Only what needs no decision may have gone through.
        for (const passed of session.passed) expect([3, 6, 9, 11, 13, 14, 15, 16, 18, 20]).not.toContain(passed[4]);
        session.machine.gone();
      }),
      { numRuns: 2_000 },
    );
  });
  it("each granted operation has one outcome", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), piece), { maxLength: 25 }), (steps) => {
        let tickets = 0;
        const session = new Session(() => ({ go: true, ticket: ++tickets })).start();
        const { machine } = session;
        for (const [client, bytes] of steps) {
          if (client) machine.fromClient(Buffer.from(bytes));
          else machine.fromServer(Buffer.from(bytes));
        }
        machine.gone();
        expect(session.finished.toSorted((a, b) => a - b)).toEqual(Array.from({ length: tickets }, (_, i) => i + 1));
      }),
      { numRuns: 1_000 },
    );
  });
});
