import { err, ok, type Result } from "../../base/result.ts";
import type { Directory, Identity } from "./directory.ts";
import {
  EVERY_PERMIT,
  certificateFault,
  certifiedType,
  groupsOf,
  permitsOf,
  readCertificate,
  type SshPermits,
} from "./ssh-certificate.ts";
import { readPublicKey, signatureFits } from "./ssh-key.ts";
import type { SshRevocations } from "./ssh-revocation.ts";
import { SshReader, sshString } from "./ssh-wire.ts";

/** A request of method `publickey` (RFC 4252, section 7), as ssh2 hands it out. */
export interface KeyRequest {
  readonly name: string;
  /** Name of the kind of key. ssh2 writes `ssh-rsa` for keys that sign with SHA-2, and says so in `hash`. */
  readonly algorithm: string;
  readonly blob: Buffer;
  readonly hash: string | undefined;
  /** Null: the client only asks whether the key would do. */
  readonly proof: { readonly signature: Buffer; readonly data: Buffer } | null;
  readonly address: string;
  readonly nowMs: number;
}

export interface SshTrust {
  /** Keys of the authorities of user certificates, as bytes. */
  readonly authorities: readonly Buffer[];
  readonly revocations: SshRevocations;
}

export interface SshIdentity extends Identity {
  readonly permits: SshPermits;
  /** Fingerprint's key, and of a certificate its id and serial number: for the record. */
  readonly proof: string;
}

/** What a key is worth: `offered` is no sign-in, only the word that it would do. */
export type KeyAnswer = { readonly kind: "offered" } | { readonly kind: "signed"; readonly identity: SshIdentity };

/**
 * Judges one key that a client shows. Nobody is signed in by showing a key, only by the signature of that same key over this
 * connection's own identifier; who they are is worked out from the key that signed, and nothing is kept of keys shown before.
 */
export function judgeKey(request: KeyRequest, directory: Directory, trust: SshTrust): Result<KeyAnswer, string> {
  return certifiedType(request.algorithm) !== null || request.algorithm.includes("-cert-v")
    ? judgeCertificate(request, directory, trust)
    : judgePlainKey(request, directory, trust);
}

function judgePlainKey(request: KeyRequest, directory: Directory, trust: SshTrust): Result<KeyAnswer, string> {
  const { name, algorithm, blob, hash, proof } = request;
  const key = readPublicKey(blob);
  if (!key.ok) return key;
  if (key.value.type !== algorithm) return err(`the key is ${key.value.type}, not ${algorithm.slice(0, 64)}`);
  if (trust.revocations.key(blob)) return err("the key was revoked");
  const identity = directory.byKey(name, blob.toString("base64"));
  if (identity === null) return err("no such user has that key");
  if (proof === null) return ok({ kind: "offered" });
  const signature = hash === undefined ? algorithm : `rsa-sha2-${hash === "sha512" ? "512" : "256"}`;
  if (!signatureFits(key.value, signature, proof.signature, proof.data, true))
    return err("the signature of the key does not fit");
  return ok({ kind: "signed", identity: { ...identity, permits: EVERY_PERMIT, proof: "key" } });
}

function judgeCertificate(request: KeyRequest, directory: Directory, trust: SshTrust): Result<KeyAnswer, string> {
  const { name, blob, proof, address, nowMs } = request;
  const read = readCertificate(blob);
  if (!read.ok) return read;
  const certificate = read.value;
  const fault = certificateFault(certificate, {
    authorities: trust.authorities,
    name,
    address,
    nowMs,
    revoked: (one) => trust.revocations.certificate(one, plainBlob(one.blob)),
  });
  if (fault !== null) return err(`the certificate ${JSON.stringify(certificate.keyId)}: ${fault}`);
  const known = directory.user(name);
  const groups = known?.groups ?? groupsOf(certificate);
  if (groups === null) return err("nobody here has that name, and the certificate gives no groups");
  if (proof === null) return ok({ kind: "offered" });
  const inner = new SshReader(proof.signature);
  const [algorithm, bytes] = [inner.text(), inner.string()];
  if (algorithm === null || bytes === null || !inner.done) return err("the signature can't be read");
  if (!signatureFits(certificate.subject, algorithm, bytes, proof.data))
    return err("the signature of the certified key does not fit");
  return ok({
    kind: "signed",
    identity: {
      name,
      groups,
      method: "certificate",
      issuer: null,
      expiresAt: expiryOf(certificate.validBefore),
      permits: permitsOf(certificate),
      proof: `certificate ${certificate.keyId} (${certificate.serial})`,
    },
  });
}

/** 2^64 - 1 stands for a certificate without an end. */
const expiryOf = (validBefore: bigint): number | null =>
  validBefore >= 0xffff_ffff_ffffn ? null : Number(validBefore) * 1000;

/** The certified key by itself: the kind's plain name, and the same fields without the nonce. */
function plainBlob(blob: Buffer): Buffer {
  const reader = new SshReader(blob);
  const type = certifiedType(reader.text() ?? "")!;
  reader.string();
  const start = reader.position;
  const fields = type === "ssh-ed25519" ? 1 : 2;
  for (let i = 0; i < fields; i++) reader.string();
  return Buffer.concat([sshString(type), blob.subarray(start, reader.position)]);
}
