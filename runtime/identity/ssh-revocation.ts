import { createHash } from "node:crypto";
import { err, ok, type Result } from "../../base/result.ts";
import { SSH_REVOCATION_BITMAP_BITS_MAX, SSH_REVOCATION_BYTES_MAX } from "./limits.ts";
import type { SshCertificate } from "./ssh-certificate.ts";
import { readKeyLine } from "./ssh-key.ts";
import { SshReader } from "./ssh-wire.ts";

const MAGIC = Buffer.from("SSHKRL\n\0");

const SECTION = { certificates: 1, key: 2, sha1: 3, sha256: 5 } as const;
const PART = { serials: 0x20, range: 0x21, bitmap: 0x22, keyId: 0x23 } as const;

interface RevokedOfAuthority {
  /** Null: of every authority. */
  readonly authority: Buffer | null;
  readonly serials: ReadonlySet<bigint>;
  readonly ranges: readonly (readonly [from: bigint, to: bigint])[];
  readonly bitmaps: readonly { readonly offset: bigint; readonly bits: Buffer }[];
  readonly keyIds: ReadonlySet<string>;
}

/** Keys and certificates that were taken back. */
export class SshRevocations {
  /** Plain keys, and certificates that are listed whole, in base64. */
  readonly #keys: ReadonlySet<string>;
  readonly #sha1: ReadonlySet<string>;
  readonly #sha256: ReadonlySet<string>;
  readonly #certificates: readonly RevokedOfAuthority[];

  constructor(
    keys: ReadonlySet<string>,
    sha1: ReadonlySet<string> = new Set(),
    sha256: ReadonlySet<string> = new Set(),
    certificates: readonly RevokedOfAuthority[] = [],
  ) {
    this.#keys = keys;
    this.#sha1 = sha1;
    this.#sha256 = sha256;
    this.#certificates = certificates;
  }

  /** Whether a key, as the protocol shows it, was taken back. */
  key(blob: Buffer): boolean {
    const digest = (name: string): string => createHash(name).update(blob).digest("hex");
    return (
      this.#keys.has(blob.toString("base64")) ||
      (this.#sha1.size > 0 && this.#sha1.has(digest("sha1"))) ||
      (this.#sha256.size > 0 && this.#sha256.has(digest("sha256")))
    );
  }

  /**
   * Whether a certificate was taken back: by itself, by its serial number or key id, with the key it certifies, or with the
   * authority that signed it.
   *
   * @param subject the certified key by itself, as the protocol shows it
   */
  certificate(certificate: SshCertificate, subject: Buffer): boolean {
    const { authority, serial, keyId, blob } = certificate;
    if (this.key(blob) || this.key(subject) || this.key(authority.blob)) return true;
    return this.#certificates.some(
      (one) =>
        (one.authority === null || one.authority.equals(authority.blob)) &&
        (one.keyIds.has(keyId) ||
          // Zero is what an authority writes that does not count.
          (serial !== 0n &&
            (one.serials.has(serial) ||
              one.ranges.some(([from, to]) => from <= serial && serial <= to) ||
              one.bitmaps.some(({ offset, bits }) => bitOf(bits, serial - offset))))),
    );
  }
}

export const NOTHING_REVOKED = new SshRevocations(new Set());

/** Bit `at` of a number that is written with its highest byte first. */
function bitOf(bits: Buffer, at: bigint): boolean {
  if (at < 0n || at >= BigInt(bits.length * 8)) return false;
  const bit = Number(at);
  return ((bits[bits.length - 1 - (bit >> 3)]! >> (bit & 7)) & 1) === 1;
}

/**
 * Reads OpenSSH's binary list (PROTOCOL.krl), or a text with one public key a line. What is not understood makes the whole
 * list unusable: a part that is passed over may hold the very key that was stolen.
 */
export function readRevocations(bytes: Buffer): Result<SshRevocations, string> {
  if (bytes.length > SSH_REVOCATION_BYTES_MAX)
    return err(`a revocation list of ${bytes.length} bytes is longer than ${SSH_REVOCATION_BYTES_MAX}`);
  return bytes.subarray(0, MAGIC.length).equals(MAGIC) ? readBinary(bytes) : readLines(bytes);
}

function readLines(bytes: Buffer): Result<SshRevocations, string> {
  const keys = new Set<string>();
  for (const [i, line] of bytes.toString("utf8").split("\n").entries()) {
    if (line.trim() === "" || line.trimStart().startsWith("#")) continue;
    const key = readKeyLine(line);
    if (!key.ok) return err(`line ${i + 1}: ${key.error}`);
    keys.add(key.value.blob.toString("base64"));
  }
  return ok(new SshRevocations(keys));
}

function readBinary(bytes: Buffer): Result<SshRevocations, string> {
  const reader = new SshReader(bytes.subarray(MAGIC.length));
  const format = reader.uint32();
  if (format !== 1) return err(`revocation lists of format ${format} are not known`);
  reader.uint64(); // number of the list
  reader.uint64(); // when it was made
  reader.uint64(); // flags
  reader.string(); // reserved
  reader.string(); // comment
  const keys = new Set<string>();
  const sha1 = new Set<string>();
  const sha256 = new Set<string>();
  const certificates: RevokedOfAuthority[] = [];
  while (!reader.failed && !reader.done) {
    const type = reader.byte();
    const body = reader.string();
    if (type === null || body === null) break;
    const inner = new SshReader(body);
    if (type === SECTION.certificates) {
      const read = readCertificates(inner);
      if (!read.ok) return read;
      certificates.push(read.value);
    } else if (type === SECTION.key || type === SECTION.sha1 || type === SECTION.sha256) {
      while (!inner.failed && !inner.done) {
        const item = inner.string();
        if (item === null) break;
        if (type === SECTION.key) keys.add(item.toString("base64"));
        else (type === SECTION.sha1 ? sha1 : sha256).add(item.toString("hex"));
      }
    } else return err(`section ${type} of the revocation list is not known`);
    if (inner.failed) return err("a section of the revocation list is cut off");
  }
  return reader.failed
    ? err("the revocation list is cut off")
    : ok(new SshRevocations(keys, sha1, sha256, certificates));
}

function readCertificates(reader: SshReader): Result<RevokedOfAuthority, string> {
  const authority = reader.string();
  reader.string(); // reserved
  const serials = new Set<bigint>();
  const ranges: [bigint, bigint][] = [];
  const bitmaps: { offset: bigint; bits: Buffer }[] = [];
  const keyIds = new Set<string>();
  while (!reader.failed && !reader.done) {
    const type = reader.byte();
    const body = reader.string();
    if (type === null || body === null) break;
    const inner = new SshReader(body);
    switch (type) {
      case PART.serials:
        while (!inner.failed && !inner.done) {
          const serial = inner.uint64();
          if (serial !== null) serials.add(serial);
        }
        break;
      case PART.range: {
        const [from, to] = [inner.uint64(), inner.uint64()];
        if (from !== null && to !== null) ranges.push([from, to]);
        break;
      }
      case PART.bitmap: {
        const [offset, bits] = [inner.uint64(), inner.string()];
        if (bits !== null && bits.length * 8 > SSH_REVOCATION_BITMAP_BITS_MAX)
          return err("a bitmap of the revocation list is too long");
        if (offset !== null && bits !== null) bitmaps.push({ offset, bits });
        break;
      }
      case PART.keyId:
        while (!inner.failed && !inner.done) {
          const id = inner.text();
          if (id !== null) keyIds.add(id);
        }
        break;
      default:
        return err(`part ${type} of the revocation list is not known`);
    }
    if (!inner.done) return err("a part of the revocation list is cut off, or too long");
  }
  if (authority === null || reader.failed) return err("a section of the revocation list is cut off");
  return ok({ authority: authority.length === 0 ? null : authority, serials, ranges, bitmaps, keyIds });
}
