import { createHash, createPublicKey, verify, type KeyObject } from "node:crypto";
import { err, ok, type Result } from "../../base/result.ts";
import { SSH_KEY_BYTES_MAX, SSH_RSA_BITS_MAX, SSH_RSA_BITS_MIN } from "./limits.ts";
import { SshReader } from "./ssh-wire.ts";

/** Kinds of keys that sign. DSA and certificates are not among them. */
export const SSH_KEY_TYPES = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "ssh-rsa",
] as const;
export type SshKeyType = (typeof SSH_KEY_TYPES)[number];

export interface SshPublicKey {
  readonly type: SshKeyType;
  /** As the protocol shows it (RFC 4253, section 6.6). */
  readonly blob: Buffer;
  readonly key: KeyObject;
}

const CURVES: Readonly<Record<string, { readonly jwk: string; readonly bytes: number; readonly hash: string }>> = {
  nistp256: { jwk: "P-256", bytes: 32, hash: "sha256" },
  nistp384: { jwk: "P-384", bytes: 48, hash: "sha384" },
  nistp521: { jwk: "P-521", bytes: 66, hash: "sha512" },
};

const isKeyType = (name: string | null): name is SshKeyType => SSH_KEY_TYPES.some((type) => type === name);

/** The bytes of a public key, or why they are none. */
export function readPublicKey(blob: Buffer): Result<SshPublicKey, string> {
  if (blob.length > SSH_KEY_BYTES_MAX) return err(`a key of ${blob.length} bytes is longer than ${SSH_KEY_BYTES_MAX}`);
  const reader = new SshReader(blob);
  const type = reader.text();
  if (!isKeyType(type))
    return err(
      type?.includes("-cert-") === true
        ? "a certificate stands where a plain key belongs"
        : `keys of kind ${JSON.stringify(type?.slice(0, 64) ?? "?")} are not taken; take ssh-ed25519`,
    );
  return readKeyFields(type, reader, blob);
}

/** The fields behind the kind's name, up to the end of the bytes. */
function readKeyFields(type: SshKeyType, reader: SshReader, blob: Buffer): Result<SshPublicKey, string> {
  const key = publicKeyOf(type, reader);
  if (!key.ok) return key;
  return reader.done ? ok({ type, blob, key: key.value }) : err("the key's bytes are cut off, or more than a key");
}

/** Reads the fields of a key of this kind, and leaves the reader behind them. */
export function publicKeyOf(type: SshKeyType, reader: SshReader): Result<KeyObject, string> {
  try {
    switch (type) {
      case "ssh-ed25519": {
        const point = reader.string();
        if (point?.length !== 32) return err("an Ed25519 key has 32 bytes");
        return ok(
          createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: point.toString("base64url") }, format: "jwk" }),
        );
      }
      case "ssh-rsa": {
        const [e, n] = [unsigned(reader.string()), unsigned(reader.string())];
        if (e === null || n === null || e.length === 0) return err("the numbers of an RSA key can't be read");
        const bits = n.length * 8 - Math.clz32(n[0] ?? 0) + 24;
        if (bits < SSH_RSA_BITS_MIN || bits > SSH_RSA_BITS_MAX)
          return err(`an RSA key has ${SSH_RSA_BITS_MIN} to ${SSH_RSA_BITS_MAX} bits, not ${bits}`);
        return ok(
          createPublicKey({
            key: { kty: "RSA", e: e.toString("base64url"), n: n.toString("base64url") },
            format: "jwk",
          }),
        );
      }
      default: {
        const name = reader.text();
        const curve = CURVES[name ?? ""];
        const point = reader.string();
        if (curve === undefined || name !== type.slice("ecdsa-sha2-".length)) return err("the curve is not the key's");
        if (point?.length !== 1 + 2 * curve.bytes || point[0] !== 4) return err("the point of the curve can't be read");
        const [x, y] = [point.subarray(1, 1 + curve.bytes), point.subarray(1 + curve.bytes)];
        return ok(
          createPublicKey({
            key: { kty: "EC", crv: curve.jwk, x: x.toString("base64url"), y: y.toString("base64url") },
            format: "jwk",
          }),
        );
      }
    }
  } catch {
    return err("the key's numbers are no key");
  }
}

/** An mpint that is not negative, without the zero in front; null when it is negative, or padded more than it may be. */
function unsigned(bytes: Buffer | null): Buffer | null {
  if (bytes === null || bytes.length === 0 || bytes[0]! >= 0x80) return null;
  if (bytes[0] !== 0) return bytes;
  return bytes.length > 1 && bytes[1]! < 0x80 ? null : bytes.subarray(1);
}

/** One line of an authorized_keys or known_hosts file, without options or names in front. */
export function readKeyLine(line: string): Result<SshPublicKey, string> {
  const [type, encoded] = line.trim().split(/\s+/);
  if (type === undefined || encoded === undefined || !isKeyType(type))
    return err(`a key is written as "ssh-ed25519 AAAA…", without anything in front of it`);
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(encoded)) return err("the key's bytes are not in base64");
  const found = readPublicKey(Buffer.from(encoded, "base64"));
  if (found.ok && found.value.type !== type) return err(`the key is ${found.value.type}, not ${type}`);
  return found;
}

/** `SHA256:…`, as `ssh-keygen -l` shows it. */
export function fingerprint(blob: Buffer): string {
  return `SHA256:${createHash("sha256").update(blob).digest("base64").replace(/=+$/, "")}`;
}

/**
 * Checks a signature.
 *
 * @param algorithm the signature's own name; `rsa-sha2-256` and `rsa-sha2-512` for RSA keys, the key's kind for others
 * @param signature as SSH writes it inside of its string; for ECDSA also in DER (`asDer`)
 */
export function signatureFits(
  { type, key }: Pick<SshPublicKey, "type" | "key">,
  algorithm: string,
  signature: Buffer,
  data: Buffer,
  asDer = false,
): boolean {
  try {
    switch (type) {
      case "ssh-ed25519":
        return algorithm === type && signature.length === 64 && verify(null, data, key, signature);
      case "ssh-rsa":
        if (algorithm !== "rsa-sha2-256" && algorithm !== "rsa-sha2-512") return false;
        return verify(algorithm === "rsa-sha2-256" ? "sha256" : "sha512", data, key, signature);
      default: {
        const curve = CURVES[type.slice("ecdsa-sha2-".length)]!;
        if (algorithm !== type) return false;
        if (asDer) return verify(curve.hash, data, key, signature);
        const reader = new SshReader(signature);
        const [r, s] = [unsigned(reader.string()), unsigned(reader.string())];
        if (r === null || s === null || !reader.done || r.length > curve.bytes || s.length > curve.bytes) return false;
        const plain = Buffer.alloc(2 * curve.bytes);
        r.copy(plain, curve.bytes - r.length);
        s.copy(plain, 2 * curve.bytes - s.length);
        return verify(curve.hash, data, { key, dsaEncoding: "ieee-p1363" }, plain);
      }
    }
  } catch {
    return false;
  }
}
