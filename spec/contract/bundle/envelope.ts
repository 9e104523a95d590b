import { createHash, createPublicKey, sign, verify, type KeyObject } from "node:crypto";
import { Packr } from "msgpackr";
import { err, ok, type Result } from "../../../base/result.ts";

/** Largest bundle file. */
export const BUNDLE_BYTES_MAX = 64 * 1024 * 1024;

const MAGIC = "sallyport-bundle";
const ENVELOPE_VERSION = 1;
/** What is signed is the payload behind this line, so that a signature can't be taken for one of something else. */
const SIGNED_PREFIX = Buffer.from("sallyport-bundle/v1\n", "utf8");

const packr = new Packr({ useRecords: false });

/** SHA-256 of the payload in hex: the bundle's name in decisions and in the record. */
export const digestOf = (payload: Uint8Array): string => createHash("sha256").update(payload).digest("hex");

/** The first 16 hex digits of the SHA-256 over the raw Ed25519 public key. */
export function keyIdOf(publicKey: KeyObject): string {
  const der = publicKey.export({ type: "spki", format: "der" });
  return createHash("sha256")
    .update(der.subarray(der.length - 32))
    .digest("hex")
    .slice(0, 16);
}

/** `[magic, version, payload, key id, Ed25519 signature]` in MessagePack. */
export function sealBundle(payload: Uint8Array, privateKey: KeyObject): Buffer {
  const signature = sign(null, Buffer.concat([SIGNED_PREFIX, payload]), privateKey);
  return Buffer.from(
    packr.pack([MAGIC, ENVELOPE_VERSION, Buffer.from(payload), keyIdOf(createPublicKey(privateKey)), signature]),
  );
}

export type EnvelopeError =
  | { readonly kind: "not-a-bundle"; readonly why: string }
  | { readonly kind: "unsupported-version"; readonly found: number }
  | { readonly kind: "unknown-key"; readonly keyId: string; readonly known: readonly string[] }
  | { readonly kind: "bad-signature"; readonly keyId: string };

/** Opens an envelope: the payload, once one of `keys` is seen to have signed it. Nothing of the payload is read before. */
export function openBundle(
  bytes: Uint8Array,
  keys: readonly KeyObject[],
): Result<{ readonly payload: Buffer; readonly keyId: string; readonly digest: string }, EnvelopeError> {
  const notABundle = (why: string): { ok: false; error: EnvelopeError } => err({ kind: "not-a-bundle", why });
  if (bytes.length > BUNDLE_BYTES_MAX)
    return notABundle(`it has ${bytes.length} bytes; at most ${BUNDLE_BYTES_MAX} are read`);
  let raw: unknown;
  try {
    raw = packr.unpack(bytes);
  } catch {
    return notABundle("it is not MessagePack, or it is cut short");
  }
  if (!Array.isArray(raw) || raw.length !== 5 || raw[0] !== MAGIC)
    return notABundle("it does not begin as a bundle does");
  const [, version, payload, keyId, signature] = raw as unknown[];
  if (version !== ENVELOPE_VERSION) return err({ kind: "unsupported-version", found: Number(version) });
  if (!Buffer.isBuffer(payload) || typeof keyId !== "string" || !Buffer.isBuffer(signature))
    return notABundle("its parts are of wrong types");
  const key = keys.find((candidate) => keyIdOf(candidate) === keyId);
  if (key === undefined) return err({ kind: "unknown-key", keyId, known: keys.map(keyIdOf) });
  if (!verify(null, Buffer.concat([SIGNED_PREFIX, payload]), key, signature))
    return err({ kind: "bad-signature", keyId });
  // Whatever a lenient reader would also have taken for this envelope is refused.
  if (!Buffer.from(packr.pack([MAGIC, version, payload, keyId, signature])).equals(bytes))
    return notABundle("it is not in canonical form");
  return ok({ payload, keyId, digest: digestOf(payload) });
}
