import { createHash, createHmac, pbkdf2, timingSafeEqual } from "node:crypto";
import { err, ok, type Result } from "../../base/result.ts";
import { ITERATIONS_DEFAULT, SALT_BYTES, SALT_BYTES_MAX, SASL_MESSAGE_BYTES_MAX } from "./limits.ts";
import { saslPrep } from "./saslprep.ts";

/**
 * What both sides of SCRAM-SHA-256 share: keys, verifiers, and the reading of messages.
 * Sources: RFC 5802, RFC 7677; verifier text: PostgreSQL, `pg_authid.rolpassword`.
 */
export const SCRAM_SHA_256 = "SCRAM-SHA-256";
export const SCRAM_SHA_256_PLUS = "SCRAM-SHA-256-PLUS";
export type ScramMechanism = typeof SCRAM_SHA_256 | typeof SCRAM_SHA_256_PLUS;

const KEY_BYTES = 32;

/**
 * Why an exchange failed. `refused`: the proof does not fit, or there is no such user; the two are one kind so that they
 * can't be told apart. The message never holds a secret.
 */
export interface ScramFailure {
  readonly kind: "malformed" | "unsupported" | "channel-binding" | "iterations" | "nonce" | "refused" | "server-proof";
  readonly message: string;
}

export const scramFailure = (kind: ScramFailure["kind"], message: string) => err<ScramFailure>({ kind, message });

/** What a server keeps of a password: enough to check a proof, not enough to make one. */
export interface ScramVerifier {
  readonly iterations: number;
  readonly salt: Buffer;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

export const hmac = (key: Uint8Array, data: Uint8Array | string): Buffer =>
  createHmac("sha256", key).update(data).digest();
export const sha256 = (data: Uint8Array): Buffer => createHash("sha256").update(data).digest();

export function xor(a: Buffer, b: Buffer): Buffer {
  const out = Buffer.allocUnsafe(a.length);
  for (let i = 0; i < a.length; i++) out[i] = a[i]! ^ b[i]!;
  return out;
}

export const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && timingSafeEqual(a, b);

/** PBKDF2 of the prepared password, on the thread pool: 32 bytes. */
export function saltedPassword(password: Uint8Array, salt: Uint8Array, iterations: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    pbkdf2(saslPrep(password), salt, iterations, KEY_BYTES, "sha256", (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}

const passwordBytes = (password: string | Uint8Array): Uint8Array =>
  typeof password === "string" ? Buffer.from(password, "utf8") : password;

/**
 * The verifier of a password.
 *
 * @param salt random, 16 bytes as PostgreSQL takes them
 * @param iterations rounds of PBKDF2
 */
export async function makeVerifier(
  password: string | Uint8Array,
  salt: Uint8Array,
  iterations: number = ITERATIONS_DEFAULT,
): Promise<ScramVerifier> {
  const salted = await saltedPassword(passwordBytes(password), salt, iterations);
  return {
    iterations,
    salt: Buffer.from(salt),
    storedKey: sha256(hmac(salted, "Client Key")),
    serverKey: hmac(salted, "Server Key"),
  };
}

/** Whether a password given in the clear is the verifier's. Costs the verifier's rounds. */
export async function passwordMatches(password: string | Uint8Array, verifier: ScramVerifier): Promise<boolean> {
  const found = await makeVerifier(password, verifier.salt, verifier.iterations);
  return sameBytes(found.storedKey, verifier.storedKey);
}

/** `SCRAM-SHA-256$4096:<salt>$<StoredKey>:<ServerKey>`, as PostgreSQL stores it. */
export function formatVerifier(verifier: ScramVerifier): string {
  const base64 = (bytes: Buffer) => bytes.toString("base64");
  return `${SCRAM_SHA_256}$${verifier.iterations}:${base64(verifier.salt)}$${base64(verifier.storedKey)}:${base64(verifier.serverKey)}`;
}

/** Reads a verifier's text; the error says what is wrong with its form and repeats nothing of it. */
export function parseVerifier(text: string): Result<ScramVerifier, string> {
  const match = /^SCRAM-SHA-256\$(\d{1,10}):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)$/.exec(text);
  if (match === null) return err("it is not of the form SCRAM-SHA-256$<iterations>:<salt>$<stored key>:<server key>");
  const iterations = Number(match[1]);
  const salt = decodeBase64(match[2]!);
  const storedKey = decodeBase64(match[3]!);
  const serverKey = decodeBase64(match[4]!);
  if (iterations < 1 || iterations > 2_147_483_647) return err("its number of iterations is out of range");
  if (salt === undefined || salt.length === 0 || salt.length > SALT_BYTES_MAX)
    return err("its salt is not base64 of 1 to 1,024 bytes");
  if (storedKey?.length !== KEY_BYTES || serverKey?.length !== KEY_BYTES)
    return err("its keys are not base64 of 32 bytes each");
  return ok({ iterations, salt, storedKey, serverKey });
}

/**
 * The verifier that a user who does not exist seems to have: the same for the same name as long as the secret lives, so
 * that asking twice tells nothing. No proof fits it but by chance of 2^-256, and the server refuses even then.
 *
 * @param iterations the same that real users have
 */
export function mockVerifier(secret: Uint8Array, user: string, iterations: number = ITERATIONS_DEFAULT): ScramVerifier {
  const derive = (what: string) => hmac(secret, `scram mock ${what}\0${user}`);
  return {
    iterations,
    salt: derive("salt").subarray(0, SALT_BYTES),
    storedKey: derive("stored"),
    serverKey: derive("server"),
  };
}

/** Bytes of canonical base64 with padding; undefined for anything else. */
export function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes : undefined;
}

/** A nonce or its part: printable ASCII but no comma (RFC 5802, section 7). */
export const isNonce = (text: string): boolean => /^[\x21-\x2b\x2d-\x7e]+$/.test(text);

/** A message's text: valid UTF-8 without NUL, of bounded length. */
export function messageText(bytes: Uint8Array): Result<string, ScramFailure> {
  if (bytes.length > SASL_MESSAGE_BYTES_MAX) {
    return scramFailure("malformed", `a SASL message of ${bytes.length} bytes, more than ${SASL_MESSAGE_BYTES_MAX}`);
  }
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    if (text.includes("\0")) return scramFailure("malformed", "a SASL message with a NUL in it");
    return ok(text);
  } catch {
    return scramFailure("malformed", "a SASL message that is not UTF-8");
  }
}

/** Value of an attribute `x=value`; undefined when the part is not that attribute. */
export const attribute = (part: string | undefined, name: string): string | undefined =>
  part !== undefined && part.startsWith(`${name}=`) ? part.slice(2) : undefined;

/** Extensions at a message's end: each a letter, `=` and a value. */
export const areExtensions = (parts: readonly string[]): boolean => parts.every((part) => /^[A-Za-z]=./s.test(part));
