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

/** A checkpoint's content once its signature by `key` holds; else what is wrong with it. */
export function openCheckpoint(
  text: string,
  verifier: { readonly name: string; readonly key: KeyObject },
): Checkpoint | string {
  const split = text.indexOf("\n\n");
  if (split < 0) return "it is not a signed note";
  const body = text.slice(0, split + 1);
  const lines = body.split("\n");
  const size = Number(lines[1]);
  const root = Buffer.from(lines[2] ?? "", "base64");
  if (lines.length !== 4 || !/^(0|[1-9]\d*)$/.test(lines[1]!) || !Number.isSafeInteger(size) || root.length !== 32)
    return "its body is not a checkpoint";
  if (lines[0] !== verifier.name) return `it is of log ${lines[0]}, not of ${verifier.name}`;
  for (const line of text.slice(split + 2).split("\n")) {
    if (!line.startsWith(`${SIGNATURE_PREFIX}${verifier.name} `)) continue;
    const bytes = Buffer.from(line.slice(SIGNATURE_PREFIX.length + verifier.name.length + 1), "base64");
    if (!bytes.subarray(0, 4).equals(keyHash(verifier.name, verifier.key))) continue;
    if (verify(null, Buffer.from(body), verifier.key, bytes.subarray(4))) {
      const checkpoint = { origin: lines[0], size, root };
      return signedForm(checkpoint, body) ? checkpoint : "its body is not in the one form";
    }
    return "its signature does not fit its content";
  }
  return "it is not signed by the given key";
}

const signedForm = (checkpoint: Checkpoint, body: string): boolean => bodyOf(checkpoint) === body;
