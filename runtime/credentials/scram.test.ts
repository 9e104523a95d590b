import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatVerifier, makeVerifier, mockVerifier, parseVerifier, passwordMatches } from "./scram.ts";
import { ScramClient } from "./scram-client.ts";
import { offeredMechanisms, ScramServer } from "./scram-server.ts";
import type { ScramFailure, ScramVerifier } from "./scram.ts";
import type { Result } from "../../base/result.ts";

const text = (value: string): Buffer => Buffer.from(value, "utf8");

function value<T>(result: Result<T, ScramFailure>): T {
  if (!result.ok) throw new Error(`${result.error.kind}: ${result.error.message}`);
  return result.value;
}

const kind = (result: Result<unknown, ScramFailure>): string => (result.ok ? "ok" : result.error.kind);

const CLIENT_NONCE = "rOprNGfwEbeRWgbNEkqO";
const SERVER_NONCE = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const SALT = Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64");
const CLIENT_FIRST = `n,,n=user,r=${CLIENT_NONCE}`;
const SERVER_FIRST = `r=${CLIENT_NONCE}${SERVER_NONCE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`;
const CLIENT_FINAL = `c=biws,r=${CLIENT_NONCE}${SERVER_NONCE},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`;
const SERVER_FINAL = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
const pencil = await makeVerifier("pencil", SALT, 4096);

const server = (over: Partial<ConstructorParameters<typeof ScramServer>[0]> = {}) =>
  new ScramServer({ verifier: pencil, userExists: true, nonce: SERVER_NONCE, channelBinding: null, ...over });

const client = (over: Partial<ConstructorParameters<typeof ScramClient>[0]> = {}) =>
  new ScramClient({
    user: "user",
    password: "pencil",
    nonce: CLIENT_NONCE,
    offered: ["SCRAM-SHA-256"],
    channelBinding: null,
    ...over,
  });

describe("the exchange of RFC 7677, section 3", () => {
  it("on the server's side", () => {
    const side = server();
    expect(value(side.first("SCRAM-SHA-256", text(CLIENT_FIRST))).toString()).toBe(SERVER_FIRST);
    expect(value(side.final(text(CLIENT_FINAL))).toString()).toBe(SERVER_FINAL);
  });
  it("on the client's side", async () => {
    const side = client();
    expect(value(side.begin())).toEqual({ mechanism: "SCRAM-SHA-256", message: text(CLIENT_FIRST) });
    expect(value(await side.first(text(SERVER_FIRST))).toString()).toBe(CLIENT_FINAL);
    expect(value(side.final(text(SERVER_FINAL)))).toBeNull();
  });
});

/** Runs a whole exchange and tells how it ends at either side. */
async function exchange(options: {
  password: string | Uint8Array;
  verifier: ScramVerifier;
  userExists?: boolean;
  serverBinding?: Buffer | null;
  clientBinding?: Buffer | null;
  offered?: readonly string[];
}): Promise<{ server: string; client: string; mechanism: string }> {
  const serverBinding = options.serverBinding ?? null;
  const left = new ScramServer({
    verifier: options.verifier,
    userExists: options.userExists ?? true,
    nonce: SERVER_NONCE,
    channelBinding: serverBinding,
  });
  const right = new ScramClient({
    password: options.password,
    nonce: CLIENT_NONCE,
    offered: options.offered ?? offeredMechanisms(serverBinding),
    channelBinding: options.clientBinding ?? null,
  });
  const begun = value(right.begin());
  const first = left.first(begun.mechanism, begun.message);
  if (!first.ok) return { server: first.error.kind, client: "waiting", mechanism: begun.mechanism };
  const proof = value(await right.first(first.value));
  const final = left.final(proof);
  if (!final.ok) return { server: final.error.kind, client: "waiting", mechanism: begun.mechanism };
  return { server: "ok", client: kind(right.final(final.value)), mechanism: begun.mechanism };
}

describe("client and server", () => {
  it("agree on every password, and on no other", async () => {
    const password = fc.oneof(fc.string({ unit: "binary", maxLength: 30 }), fc.uint8Array({ maxLength: 30 }));
    await fc.assert(
      fc.asyncProperty(
        password,
        password,
        fc.uint8Array({ minLength: 1, maxLength: 30 }),
        async (right, wrong, salt) => {
          const verifier = await makeVerifier(right, salt, 4096);
          expect(await exchange({ password: right, verifier })).toEqual({
            server: "ok",
            client: "ok",
            mechanism: "SCRAM-SHA-256",
          });
          const same = await passwordMatches(wrong, verifier);
          expect((await exchange({ password: wrong, verifier })).server).toBe(same ? "ok" : "refused");
        },
      ),
      { numRuns: 60 },
    );
  });

  const hash = Buffer.alloc(32, 7);
  const other = Buffer.alloc(32, 8);
  const bindings: readonly (readonly [
    title: string,
    given: Omit<Parameters<typeof exchange>[0], "password" | "verifier">,
    server: string,
    mechanism: string,
  ])[] = [
    ["both bind to the same certificate", { serverBinding: hash, clientBinding: hash }, "ok", "SCRAM-SHA-256-PLUS"],
    [
      "somebody in the middle has another certificate",
      { serverBinding: hash, clientBinding: other },
      "channel-binding",
      "SCRAM-SHA-256-PLUS",
    ],
    ["a client that can't bind", { serverBinding: hash, clientBinding: null }, "ok", "SCRAM-SHA-256"],
    ["a server that can't bind", { serverBinding: null, clientBinding: hash }, "ok", "SCRAM-SHA-256"],
    [
      "the offer was cut short on its way",
      { serverBinding: hash, clientBinding: hash, offered: ["SCRAM-SHA-256"] },
      "channel-binding",
      "SCRAM-SHA-256",
    ],
  ];
  it.each(bindings)("channel binding: %s", async (_title, given, ending, mechanism) => {
    expect(await exchange({ password: "pencil", verifier: pencil, ...given })).toMatchObject({
      server: ending,
      mechanism,
    });
  });

  it("a user who does not exist goes the whole way and is refused like a wrong password", async () => {
    const verifier = mockVerifier(Buffer.from("secret"), "nobody");
    expect((await exchange({ password: "pencil", verifier, userExists: false })).server).toBe("refused");
    expect((await exchange({ password: "pencil", verifier: pencil, userExists: false })).server).toBe("refused");
  });
});

describe("the server refuses", () => {
  const nonce = CLIENT_NONCE + SERVER_NONCE;
  const firsts: readonly (readonly [
    title: string,
    mechanism: string,
    message: string,
    kind: string,
    bound: boolean,
  ])[] = [
    [
      "a mechanism that was not offered",
      "SCRAM-SHA-256-PLUS",
      `p=tls-server-end-point,,n=,r=${CLIENT_NONCE}`,
      "unsupported",
      false,
    ],
    ["an unknown mechanism", "PLAIN", "x", "unsupported", false],
    [
      "binding under the plain mechanism",
      "SCRAM-SHA-256",
      `p=tls-server-end-point,,n=,r=${CLIENT_NONCE}`,
      "malformed",
      true,
    ],
    ["another kind of binding", "SCRAM-SHA-256-PLUS", `p=tls-unique,,n=,r=${CLIENT_NONCE}`, "unsupported", true],
    ["no binding under PLUS", "SCRAM-SHA-256-PLUS", `n,,n=,r=${CLIENT_NONCE}`, "malformed", true],
    ["y under PLUS", "SCRAM-SHA-256-PLUS", `y,,n=,r=${CLIENT_NONCE}`, "malformed", true],
    ["an authorization identity", "SCRAM-SHA-256", `n,a=root,n=,r=${CLIENT_NONCE}`, "unsupported", false],
    ["a mandatory extension", "SCRAM-SHA-256", `n,,m=x,n=,r=${CLIENT_NONCE}`, "unsupported", false],
    ["a user name with a bare =", "SCRAM-SHA-256", `n,,n=a=b,r=${CLIENT_NONCE}`, "malformed", false],
    ["no nonce", "SCRAM-SHA-256", "n,,n=user", "malformed", false],
    ["an empty nonce", "SCRAM-SHA-256", "n,,n=user,r=", "malformed", false],
    ["a nonce with a blank", "SCRAM-SHA-256", "n,,n=user,r=a b", "malformed", false],
    ["a tail that is no extension", "SCRAM-SHA-256", `n,,n=user,r=${CLIENT_NONCE},?`, "malformed", false],
    ["a NUL", "SCRAM-SHA-256", `n,,n=u\0,r=${CLIENT_NONCE}`, "malformed", false],
    ["an endless message", "SCRAM-SHA-256", `n,,n=user,r=${"x".repeat(5000)}`, "malformed", false],
    ["nothing", "SCRAM-SHA-256", "", "malformed", false],
  ];
  it.each(firsts)("at first: %s", (_title, mechanism, message, expected, bound) => {
    expect(kind(server({ channelBinding: bound ? Buffer.alloc(32) : null }).first(mechanism, text(message)))).toBe(
      expected,
    );
  });

  const finals: readonly (readonly [title: string, message: string, kind: string])[] = [
    ["a wrong proof", `c=biws,r=${nonce},p=${Buffer.alloc(32).toString("base64")}`, "refused"],
    ["a proof of another length", `c=biws,r=${nonce},p=AAAA`, "malformed"],
    ["a proof that is not base64", `c=biws,r=${nonce},p=!!!!`, "malformed"],
    ["no proof", `c=biws,r=${nonce}`, "malformed"],
    ["another GS2 header than at first", CLIENT_FINAL.replace("biws", "eSws"), "channel-binding"],
    ["another nonce", CLIENT_FINAL.replace("r=r", "r=R"), "nonce"],
    ["nothing", "", "malformed"],
  ];
  it.each(finals)("at last: %s", (_title, message, expected) => {
    const side = server();
    value(side.first("SCRAM-SHA-256", text(CLIENT_FIRST)));
    expect(kind(side.final(text(message)))).toBe(expected);
  });

  it("any message with one changed bit, without throwing", () => {
    const bytes = text(CLIENT_FINAL);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      const side = server();
      value(side.first("SCRAM-SHA-256", text(CLIENT_FIRST)));
      expect(side.final(changed).ok, `bit ${bit}`).toBe(false);
    }
  });

  it("arbitrary bytes, without throwing", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.uint8Array({ maxLength: 60 }), (a, b) => {
        expect(server().first("SCRAM-SHA-256", a).ok).toBe(false);
        const side = server();
        value(side.first("SCRAM-SHA-256", text(CLIENT_FIRST)));
        expect(side.final(b).ok).toBe(false);
      }),
    );
  });
});

describe("the client refuses", () => {
  const firsts: readonly (readonly [title: string, message: string, kind: string])[] = [
    ["too few rounds", SERVER_FIRST.replace("i=4096", "i=4095"), "iterations"],
    ["too many rounds", SERVER_FIRST.replace("i=4096", "i=1000001"), "iterations"],
    ["rounds that are no number", SERVER_FIRST.replace("i=4096", "i=x"), "malformed"],
    ["a nonce that is not an extension of its own", SERVER_FIRST.replace("r=r", "r=R"), "nonce"],
    ["its own nonce back", `r=${CLIENT_NONCE},s=AAAA,i=4096`, "nonce"],
    ["no salt", `r=${CLIENT_NONCE}x,s=,i=4096`, "malformed"],
    ["a mandatory extension", `m=x,${SERVER_FIRST}`, "unsupported"],
    ["nothing", "", "malformed"],
  ];
  it.each(firsts)("at first: %s", async (_title, message, expected) => {
    const side = client();
    value(side.begin());
    expect(kind(await side.first(text(message)))).toBe(expected);
  });

  it.each([
    ["a wrong signature", `v=${Buffer.alloc(32).toString("base64")}`, "server-proof"],
    ["no signature", "x=1", "server-proof"],
    ["an error", "e=invalid-proof", "refused"],
  ] as const)("at last: %s", async (_title, message, expected) => {
    const side = client();
    value(side.begin());
    value(await side.first(text(SERVER_FIRST)));
    expect(kind(side.final(text(message)))).toBe(expected);
  });

  it("a server that offers nothing it knows", () => {
    expect(kind(client({ offered: ["PLAIN"] }).begin())).toBe("unsupported");
    expect(kind(client({ offered: ["SCRAM-SHA-256-PLUS"] }).begin())).toBe("unsupported");
  });
});

describe("verifiers", () => {
  it("are written and read as PostgreSQL writes them", () => {
    const written = formatVerifier(pencil);
    expect(written).toMatch(/^SCRAM-SHA-256\$4096:W22ZaJ0SNY7soEsUEjb6gQ==\$[A-Za-z0-9+/]{43}=:[A-Za-z0-9+/]{43}=$/);
    expect(parseVerifier(written)).toEqual({ ok: true, value: pencil });
  });
  it.each(["", "md5abc", "SCRAM-SHA-256$0:AAAA$AAAA:AAAA", "SCRAM-SHA-256$4096:AA$AAAA:AAAA", "SCRAM-SHA-256$4096:$:"])(
    "%j is none",
    (written) => {
      expect(parseVerifier(written).ok).toBe(false);
    },
  );
  it("of unknown users stay the same and differ by name and secret", () => {
    const of = (secret: string, user: string) => formatVerifier(mockVerifier(Buffer.from(secret), user));
    expect(of("s", "a")).toBe(of("s", "a"));
    expect(new Set([of("s", "a"), of("s", "b"), of("t", "a")]).size).toBe(3);
    expect(parseVerifier(of("s", "a")).ok).toBe(true);
  });
});
