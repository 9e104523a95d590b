import { generateKeyPairSync, randomBytes, sign, type KeyObject } from "node:crypto";

/** An Ed25519 key with its public half as SSH shows it. */
export interface TestKey {
  readonly privateKey: KeyObject;
  readonly blob: Buffer;
}

export const str = (bytes: Buffer | string): Buffer => {
  const body = Buffer.from(bytes);
  const head = Buffer.alloc(4);
  head.writeUInt32BE(body.length);
  return Buffer.concat([head, body]);
};
const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const u64 = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
};

export function testKey(): TestKey {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const point = Buffer.from(publicKey.export({ format: "jwk" }).x!, "base64url");
  return { privateKey, blob: Buffer.concat([str("ssh-ed25519"), str(point)]) };
}

export interface CertificateFields {
  readonly type: number;
  readonly serial: bigint;
  readonly keyId: string;
  readonly principals: readonly string[];
  readonly after: bigint;
  readonly before: bigint;
  readonly critical: readonly (readonly [string, Buffer])[];
  readonly extensions: readonly (readonly [string, Buffer])[];
  /** The key that is named as the authority; its own unless given. */
  readonly authorityBlob: Buffer;
  readonly signatureName: string;
  /** Behind the signature. */
  readonly tail: Buffer;
}

/** A user certificate as OpenSSH writes one, with any field otherwise. */
export function makeCertificate(subject: TestKey, authority: TestKey, fields: Partial<CertificateFields> = {}): Buffer {
  const options = (list: readonly (readonly [string, Buffer])[]): Buffer =>
    str(Buffer.concat(list.flatMap(([name, data]) => [str(name), str(data)])));
  const {
    type = 1,
    serial = 7n,
    keyId = "ana@example",
    principals = ["ana"],
    after = 0n,
    before = 4_000_000_000n,
    critical = [],
    extensions = [["permit-pty", Buffer.alloc(0)]] as const,
    authorityBlob = authority.blob,
    signatureName = "ssh-ed25519",
    tail = Buffer.alloc(0),
  } = fields;
  const signed = Buffer.concat([
    str("ssh-ed25519-cert-v01@openssh.com"),
    str(randomBytes(32)),
    subject.blob.subarray(4 + "ssh-ed25519".length),
    u64(serial),
    u32(type),
    str(keyId),
    str(Buffer.concat(principals.map((name) => str(name)))),
    u64(after),
    u64(before),
    options(critical),
    options(extensions),
    str(""),
    str(authorityBlob),
  ]);
  const signature = sign(null, signed, authority.privateKey);
  return Buffer.concat([signed, str(Buffer.concat([str(signatureName), str(signature)])), tail]);
}
