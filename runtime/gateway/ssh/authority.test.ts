import { Client, type ParsedKey } from "ssh2";
import { describe, expect, it } from "vitest";
import { readCertificate, sshString } from "../../identity/index.ts";
import { systemClock, systemRandom } from "../../outside/index.ts";
import { keyIdOf, sessionKey } from "./authority.ts";
import { readPrivateKey } from "./host-key.ts";
import { newKeyPair } from "./new-key.ts";

function key(): ParsedKey {
  const found = readPrivateKey(Buffer.from(newKeyPair("").private));
  if (typeof found === "string") throw new Error(found);
  return found;
}

describe("certificates towards targets", () => {
  it("say who it is for and from when to when, and nothing more", () => {
    const authority = { key: key(), validMs: 300_000 };
    const identity = { name: "ana", groups: [], method: "key", issuer: null, expiresAt: null } as const;
    const clock = { ...systemClock, now: () => 1_800_000_000_000 };
    const made = sessionKey(
      authority,
      { identity, sid: "s1", account: "deploy" },
      clock,
      systemRandom,
      () => new Client(),
    );
    const read = readCertificate(made.getPublicSSH());
    if (!read.ok) throw new Error(read.error);
    expect(read.value).toMatchObject({
      kind: "user",
      keyId: "sallyport:ana:s1",
      principals: ["deploy"],
      validAfter: 1_799_999_940n,
      validBefore: 1_800_000_300n,
      critical: new Map(),
    });
    expect([...read.value.extensions.keys()]).toEqual(["permit-port-forwarding", "permit-pty"]);
    expect(read.value.authority.blob).toEqual(authority.key.getPublicSSH());
    expect(authority.key.verify(read.value.signed, read.value.signature.bytes)).toBe(true);
  });

  it.each([
    ["ana@example.com", "sallyport:ana%40example.com:s"],
    ["ana (serial 1)\nAccepted publickey", "sallyport:ana%20(serial%201)%0AAccepted%20publickey:s"],
    ["a:b", "sallyport:a%3Ab:s"],
    ["\ud800", "sallyport:%EF%BF%BD:s"],
  ])("the name %j can't be taken for more of sshd's log", (name, id) => {
    expect(keyIdOf(name, "s")).toBe(id);
  });

  it("a key that can't be written as ssh2 1.17 does signs nothing", () => {
    const identity = { name: "ana", groups: [], method: "key", issuer: null, expiresAt: null } as const;
    const who = { identity, sid: "s", account: "deploy" };
    const made = sessionKey({ key: key(), validMs: 1000 }, who, systemClock, systemRandom, () => new Client());
    expect(() => made.sign(sshString("x"))).toThrow(/writes packets as ssh2/);
  });
});
