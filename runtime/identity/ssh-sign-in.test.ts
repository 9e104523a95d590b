import { sign } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  makeCertificate,
  str,
  testKey,
  type CertificateFields,
  type TestKey,
} from "../../test/support/ssh-certificate.ts";
import { Directory } from "./directory.ts";
import { readCertificate } from "./ssh-certificate.ts";
import { readKeyLine, readPublicKey } from "./ssh-key.ts";
import { NOTHING_REVOKED, SshRevocations, readRevocations } from "./ssh-revocation.ts";
import { judgeKey, type KeyRequest, type SshTrust } from "./ssh-sign-in.ts";

const authority = testKey();
const ana = testKey();
const stranger = testKey();
const SESSION = Buffer.from("this connection's own identifier, and the request");
const CERTIFICATE = "ssh-ed25519-cert-v01@openssh.com";

const directory = new Directory(
  [
    { name: "ana", groups: ["engineer"], verifier: null, keys: [ana.blob.toString("base64")] },
    { name: "bob", groups: ["ops"], verifier: null },
  ],
  [],
  Buffer.alloc(32),
  { now: () => 0, monotonic: () => 0, after: () => () => undefined },
  () => Promise.reject(new Error("no network")),
);

const signed = (key: TestKey, data = SESSION): Buffer =>
  Buffer.concat([str("ssh-ed25519"), str(sign(null, data, key.privateKey))]);

function answer(request: Partial<KeyRequest>, trust: Partial<SshTrust> = {}): string {
  const found = judgeKey(
    {
      name: "ana",
      algorithm: "ssh-ed25519",
      blob: ana.blob,
      hash: undefined,
      proof: null,
      address: "10.0.0.7",
      nowMs: 1_700_000_000_000,
      ...request,
    },
    directory,
    { authorities: [authority.blob], revocations: NOTHING_REVOKED, ...trust },
  );
  if (!found.ok) return found.error;
  if (found.value.kind === "offered") return "offered";
  const { name, groups, method } = found.value.identity;
  return `${name} ${method} ${groups.join(",")}`;
}

const certified = (fields: Partial<CertificateFields> = {}, signer: TestKey = ana): Partial<KeyRequest> => ({
  algorithm: CERTIFICATE,
  blob: makeCertificate(ana, authority, fields),
  proof: { signature: signed(signer), data: SESSION },
});

describe("plain keys", () => {
  it("a key that is only shown signs nobody in", () => {
    expect(answer({})).toBe("offered");
  });
  it("the signature of that key does", () => {
    const proof = { signature: sign(null, SESSION, ana.privateKey), data: SESSION };
    expect(answer({ proof })).toBe("ana key engineer");
  });
  it.each<readonly [title: string, request: Partial<KeyRequest>, why: RegExp]>([
    ["another's key", { blob: stranger.blob }, /no such user has that key/],
    ["a name that has no keys", { name: "bob" }, /no such user has that key/],
    ["a name that nobody has", { name: "eve" }, /no such user has that key/],
    [
      "the signature of another key, shown after a good one",
      { proof: { signature: sign(null, SESSION, stranger.privateKey), data: SESSION } },
      /does not fit/,
    ],
    [
      "a signature over something else",
      { proof: { signature: sign(null, Buffer.from("another connection"), ana.privateKey), data: SESSION } },
      /does not fit/,
    ],
    ["an empty signature", { proof: { signature: Buffer.alloc(0), data: SESSION } }, /does not fit/],
    ["a kind that is not the key's", { algorithm: "ssh-rsa" }, /the key is ssh-ed25519/],
    ["a kind that is not taken", { algorithm: "ssh-dss", blob: str("ssh-dss") }, /not taken/],
    ["a certificate in the place of a key", { blob: makeCertificate(ana, authority) }, /a certificate stands where/],
    ["bytes behind the key", { blob: Buffer.concat([ana.blob, Buffer.from([0])]) }, /cut off, or more/],
  ])("%s is refused", (_title, request, why) => expect(answer(request)).toMatch(why));

  it("a revoked key is refused, shown or signed", () => {
    const revocations = new SshRevocations(new Set([ana.blob.toString("base64")]));
    expect(answer({}, { revocations })).toMatch(/revoked/);
  });
});

describe("user certificates", () => {
  it("of our authority, for that name, sign in", () => {
    expect(answer(certified())).toBe("ana certificate engineer");
    expect(answer({ ...certified(), proof: null })).toBe("offered");
  });
  it("somebody who is not in the directory has the groups that the certificate gives", () => {
    const groups = ["groups@sallyport", str("dev,ops")] as const;
    expect(answer({ ...certified({ principals: ["eve"], extensions: [groups] }), name: "eve" })).toBe(
      "eve certificate dev,ops",
    );
    expect(answer({ ...certified({ principals: ["eve"] }), name: "eve" })).toMatch(/gives no groups/);
  });

  const nested = makeCertificate(stranger, authority);
  it.each<readonly [title: string, request: Partial<KeyRequest>, why: RegExp]>([
    ["of another authority", { ...certified(), blob: makeCertificate(ana, stranger) }, /none of the authorities/],
    [
      "that names our authority, signed by another",
      { ...certified(), blob: makeCertificate(ana, stranger, { authorityBlob: authority.blob }) },
      /signature does not fit/,
    ],
    [
      "signed by a key that is itself only a certificate of ours",
      { ...certified(), blob: makeCertificate(ana, stranger, { authorityBlob: nested }) },
      /a certificate stands where a plain key belongs/,
    ],
    ["signed under another name of algorithm", certified({ signatureName: "rsa-sha2-512" }), /signature does not fit/],
    ["for another name", certified({ principals: ["bob"] }), /other names/],
    ["for no name", certified({ principals: [] }), /names nobody/],
    ["for a name that only looks alike", certified({ principals: ["Ana", "ana "] }), /other names/],
    ["that is over", certified({ before: 1_699_999_999n }), /has expired/],
    ["that ends this very second", certified({ before: 1_700_000_000n }), /has expired/],
    ["that has not begun", certified({ after: 1_700_000_001n }), /not valid yet/],
    ["of a host", certified({ type: 2 }), /certificate of a host/],
    ["of neither", certified({ type: 3 }), /for a user \(1\) or a host/],
    [
      "with a command of its own",
      certified({ critical: [["force-command", str("id")]] }),
      /"force-command" is not known/,
    ],
    ["with a condition nobody knows", certified({ critical: [["verify-moon@x", str("")]] }), /is not known here/],
    [
      "for another address",
      certified({ critical: [["source-address", str("192.168.0.0/16,10.0.0.8/32")]] }),
      /this address/,
    ],
    [
      "for addresses that can't be read",
      certified({ critical: [["source-address", str("everywhere")]] }),
      /can't be read/,
    ],
    [
      "whose options are out of order",
      certified({
        extensions: [
          ["b", str("")],
          ["a", str("")],
        ],
      }),
      /stand twice/,
    ],
    [
      "with an option twice",
      certified({
        critical: [
          ["source-address", str("10.0.0.7")],
          ["source-address", str("0.0.0.0/0")],
        ],
      }),
      /stand twice/,
    ],
    ["with more behind it", certified({ tail: Buffer.from([1]) }), /more behind its signature/],
    ["used by who does not have its key", certified({}, stranger), /certified key does not fit/],
    ["used with its authority's key", certified({}, authority), /certified key does not fit/],
    [
      "of a kind that is not taken",
      { ...certified(), algorithm: "ssh-dss-cert-v01@openssh.com", blob: str("ssh-dss-cert-v01@openssh.com") },
      /not taken/,
    ],
  ])("%s is refused", (_title, request, why) => expect(answer(request)).toMatch(why));

  it("is good from its own addresses", () => {
    expect(answer(certified({ critical: [["source-address", str("192.168.0.0/16,10.0.0.0/24")]] }))).toMatch(/^ana/);
    expect(
      answer({ ...certified({ critical: [["source-address", str("2001:db8::/32")]] }), address: "2001:db8::5" }),
    ).toMatch(/^ana/);
  });

  const revoking = (lists: {
    readonly keys?: readonly Buffer[];
    readonly serials?: readonly bigint[];
    readonly ids?: readonly string[];
  }): SshRevocations =>
    new SshRevocations(new Set(lists.keys?.map((key) => key.toString("base64"))), new Set(), new Set(), [
      {
        authority: authority.blob,
        serials: new Set(lists.serials),
        ranges: [],
        bitmaps: [],
        keyIds: new Set(lists.ids),
      },
    ]);
  it.each([
    ["by its serial number", revoking({ serials: [7n] })],
    ["by its key id", revoking({ ids: ["ana@example"] })],
    ["with the key it certifies", revoking({ keys: [ana.blob] })],
    ["with its authority", revoking({ keys: [authority.blob] })],
  ])("is refused when it was revoked %s", (_title, revocations) =>
    expect(answer(certified(), { revocations })).toMatch(/it was revoked/),
  );
  it("is taken when others were revoked", () => {
    expect(
      answer(certified(), { revocations: revoking({ serials: [8n], ids: ["bob"], keys: [stranger.blob] }) }),
    ).toMatch(/^ana/);
  });
});

describe("keys in text", () => {
  const line = `ssh-ed25519 ${ana.blob.toString("base64")}`;
  it.each([
    [line, null],
    [`${line} ana@laptop`, null],
    [`command="id" ${line}`, /without anything in front/],
    ["ssh-ed25519", /without anything in front/],
    ["ssh-ed25519 ???", /base64/],
    [`ecdsa-sha2-nistp256 ${ana.blob.toString("base64")}`, /the key is ssh-ed25519/],
  ] as const)("%s", (text, why) => {
    const read = readKeyLine(text);
    if (why === null) expect(read.ok).toBe(true);
    else expect(read).toMatchObject({ ok: false, error: expect.stringMatching(why) as string });
  });
});

describe("fuzz", () => {
  const good = makeCertificate(ana, authority);
  it("a certificate with any bytes changed is never taken for another", () => {
    const changes = fc.array(fc.tuple(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 })), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(changes, (list) => {
        const bytes = Buffer.from(good);
        for (const [at, by] of list) bytes[at]! ^= by;
        if (bytes.equals(good)) return;
        const found = judgeKey(
          {
            name: "ana",
            algorithm: CERTIFICATE,
            blob: bytes,
            hash: undefined,
            proof: { signature: signed(ana), data: SESSION },
            address: "10.0.0.7",
            nowMs: 1e12,
          },
          directory,
          { authorities: [authority.blob], revocations: NOTHING_REVOKED },
        );
        expect(found.ok).toBe(false);
      }),
      { numRuns: 2_000 },
    );
  });
  it("any bytes are answered, as key, certificate and revocation list", () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.uint8Array({ maxLength: 300 }).map((rest) => Buffer.concat([str(CERTIFICATE), rest])),
      fc.uint8Array({ maxLength: 300 }).map((rest) => Buffer.concat([Buffer.from("SSHKRL\n\0\0\0\0\u0001"), rest])),
    );
    fc.assert(
      fc.property(bytes, (raw) => {
        readPublicKey(Buffer.from(raw));
        readCertificate(Buffer.from(raw));
        readRevocations(Buffer.from(raw));
      }),
      { numRuns: 2_000 },
    );
  });
});
