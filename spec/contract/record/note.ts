import { createHash, createPublicKey, sign, verify, type KeyObject } from "node:crypto";

/**
 * C2SP signed notes with Ed25519, and the checkpoint in one: origin, size and root of the log.
 * Source: c2sp.org/signed-note, c2sp.org/tlog-checkpoint.
 */
const ED25519 = 0x01;
const SIGNATURE_PREFIX = "\u2014 ";

export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Buffer;
}

const rawKey = (key: KeyObject): Buffer => key.export({ type: "spki", format: "der" }).subarray(-32);

/** The first four bytes of SHA-256(name ‖ newline ‖ algorithm ‖ key). */
function keyHash(name: string, key: KeyObject): Buffer {
  return createHash("sha256")
    .update(`${name}\n`)
    .update(Buffer.of(ED25519))
    .update(rawKey(key))
    .digest()
    .subarray(0, 4);
}

/** A verifier key as text: `name+hash+base64`. */
export function verifierKey(name: string, key: KeyObject): string {
  return `${name}+${keyHash(name, key).toString("hex")}+${Buffer.concat([Buffer.of(ED25519), rawKey(key)]).toString("base64")}`;
}

const ED25519_SPKI_PREFIX = Buffer.from("302a300506032b6570032100", "hex");

/** A name that a note may carry: no blank and no plus sign. */
export const isOrigin = (name: string): boolean => /^[^\s+]+$/.test(name);

/** Reads a verifier key's text; undefined when it is none, or its hash is not its own. */
export function parseVerifierKey(text: string): { readonly name: string; readonly key: KeyObject } | undefined {
  const match = /^([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(text.trim());
  if (match === null) return undefined;
  const bytes = Buffer.from(match[3]!, "base64");
  if (bytes.length !== 33 || bytes[0] !== ED25519) return undefined;
  const key = createPublicKey({
    key: Buffer.concat([ED25519_SPKI_PREFIX, bytes.subarray(1)]),
    format: "der",
    type: "spki",
  });
  return keyHash(match[1]!, key).toString("hex") === match[2] ? { name: match[1]!, key } : undefined;
}

const bodyOf = (checkpoint: Checkpoint): string =>
  `${checkpoint.origin}\n${checkpoint.size}\n${checkpoint.root.toString("base64")}\n`;

export function signCheckpoint(checkpoint: Checkpoint, privateKey: KeyObject): string {
  const body = bodyOf(checkpoint);
  const publicKey = createPublicKey(privateKey);
  const signature = Buffer.concat([keyHash(checkpoint.origin, publicKey), sign(null, Buffer.from(body), privateKey)]);
  return `${body}\n${SIGNATURE_PREFIX}${checkpoint.origin} ${signature.toString("base64")}\n`;
}

/** Base64 in its one form, or undefined: a decoder that is lenient would let bytes of a note be changed unnoticed. */
function strictBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes : undefined;
}

/** Signature lines of a note; more than that is no note of ours. */
const SIGNATURES_MAX = 64;

/**
 * A checkpoint's content once its signature by `key` holds; else what is wrong with it. Lines of other signers (witnesses)
 * may follow; they must have the form but are not checked.
 */
export function openCheckpoint(
  text: string,
  verifier: { readonly name: string; readonly key: KeyObject },
): Checkpoint | string {
  const split = text.indexOf("\n\n");
  if (split < 0 || !text.endsWith("\n")) return "it is not a signed note";
  const body = text.slice(0, split + 1);
  const lines = body.split("\n");
  const size = Number(lines[1]);
  const root = strictBase64(lines[2] ?? "");
  if (lines.length !== 4 || !/^(0|[1-9]\d*)$/.test(lines[1]!) || !Number.isSafeInteger(size) || root?.length !== 32)
    return "its body is not a checkpoint";
  const origin = lines[0]!;
  if (origin !== verifier.name)
    return `it is of log ${JSON.stringify(origin)}, not of ${JSON.stringify(verifier.name)}`;
  const signatures = text.slice(split + 2, -1).split("\n");
  if (signatures.length > SIGNATURES_MAX) return `it has more than ${SIGNATURES_MAX} signatures`;
  const hash = keyHash(verifier.name, verifier.key);
  let found = false;
  for (const line of signatures) {
    const [, name, encoded] = /^\u2014 ([^\s+]+) (\S+)$/.exec(line) ?? [];
    const bytes = encoded === undefined ? undefined : strictBase64(encoded);
    if (bytes === undefined || bytes.length < 5) return "a line of its signatures is not in the form";
    if (name !== verifier.name || !bytes.subarray(0, 4).equals(hash)) continue;
    if (!verify(null, Buffer.from(body), verifier.key, bytes.subarray(4)))
      return "its signature does not fit its content";
    found = true;
  }
  return found ? { origin, size, root } : "it is not signed by the given key";
}
