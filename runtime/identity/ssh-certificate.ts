import { err, ok, type Result } from "../../base/result.ts";
import { parseRange } from "../../spec/contract/bytecode/index.ts";
import { inRange } from "../vm/index.ts";
import { SSH_CERTIFICATE_BYTES_MAX, SSH_PRINCIPALS_MAX } from "./limits.ts";
import {
  SSH_KEY_TYPES,
  publicKeyOf,
  readPublicKey,
  signatureFits,
  type SshKeyType,
  type SshPublicKey,
} from "./ssh-key.ts";
import { SshReader } from "./ssh-wire.ts";

/** What an OpenSSH certificate says (PROTOCOL.certkeys). Nothing of it is proved before `proveCertificate`. */
export interface SshCertificate {
  readonly subject: Pick<SshPublicKey, "type" | "key">;
  readonly serial: bigint;
  readonly kind: "user" | "host";
  readonly keyId: string;
  readonly principals: readonly string[];
  /** Seconds since 1970; good from the first to before the second. */
  readonly validAfter: bigint;
  readonly validBefore: bigint;
  readonly critical: ReadonlyMap<string, Buffer>;
  readonly extensions: ReadonlyMap<string, Buffer>;
  readonly authority: SshPublicKey;
  readonly signature: { readonly algorithm: string; readonly bytes: Buffer };
  /** What the authority has signed. */
  readonly signed: Buffer;
  readonly blob: Buffer;
}

const CERTIFICATE_SUFFIX = "-cert-v01@openssh.com";

/** The plain kind of a certificate's kind, or null when the name is none of a certificate. */
export function certifiedType(name: string): SshKeyType | null {
  return SSH_KEY_TYPES.find((type) => `${type}${CERTIFICATE_SUFFIX}` === name) ?? null;
}

/** Reads a certificate strictly: every field, nothing behind the last, no name twice. */
export function readCertificate(blob: Buffer): Result<SshCertificate, string> {
  if (blob.length > SSH_CERTIFICATE_BYTES_MAX)
    return err(`a certificate of ${blob.length} bytes is longer than ${SSH_CERTIFICATE_BYTES_MAX}`);
  const reader = new SshReader(blob);
  const name = reader.text() ?? "";
  const type = certifiedType(name);
  if (type === null) return err(`certificates of kind ${JSON.stringify(name.slice(0, 64))} are not taken`);
  reader.string(); // the nonce
  const key = publicKeyOf(type, reader);
  if (!key.ok) return err(`the certified key: ${key.error}`);
  const serial = reader.uint64();
  const kind = reader.uint32();
  const keyId = reader.text();
  const principals = readNames(reader.string());
  const [validAfter, validBefore] = [reader.uint64(), reader.uint64()];
  const critical = readOptions(reader.string());
  const extensions = readOptions(reader.string());
  const reserved = reader.string();
  const authorityBlob = reader.string();
  const signedEnd = reader.position;
  const signatureBlob = reader.string();
  if (!reader.done) return err("the certificate is cut off, or has more behind its signature");
  if (serial === null || keyId === null || validAfter === null || validBefore === null || reserved === null)
    return err("the certificate can't be read");
  if (kind !== 1 && kind !== 2) return err(`a certificate is for a user (1) or a host (2), not ${kind}`);
  if (principals === null) return err("the names that the certificate is good for can't be read");
  if (critical === null || extensions === null) return err("the certificate's options can't be read, or stand twice");
  const authority = readPublicKey(authorityBlob!);
  if (!authority.ok) return err(`the key that signed the certificate: ${authority.error}`);
  const inner = new SshReader(signatureBlob!);
  const [algorithm, bytes] = [inner.text(), inner.string()];
  if (algorithm === null || bytes === null || !inner.done) return err("the certificate's signature can't be read");
  return ok({
    subject: { type, key: key.value },
    serial,
    kind: kind === 1 ? "user" : "host",
    keyId,
    principals,
    validAfter,
    validBefore,
    critical,
    extensions,
    authority: authority.value,
    signature: { algorithm, bytes },
    signed: blob.subarray(0, signedEnd),
    blob,
  });
}

function readNames(bytes: Buffer | null): readonly string[] | null {
  if (bytes === null) return null;
  const reader = new SshReader(bytes);
  const names: string[] = [];
  while (!reader.failed && !reader.done) {
    const name = reader.text();
    if (name === null || names.length === SSH_PRINCIPALS_MAX) return null;
    names.push(name);
  }
  return reader.failed ? null : names;
}

/** Options with what they say. They stand in order, each once (PROTOCOL.certkeys). */
function readOptions(bytes: Buffer | null): ReadonlyMap<string, Buffer> | null {
  if (bytes === null) return null;
  const reader = new SshReader(bytes);
  const options = new Map<string, Buffer>();
  let last = "";
  while (!reader.failed && !reader.done) {
    const name = reader.text();
    const data = reader.string();
    if (name === null || data === null || name <= last) return null;
    last = name;
    options.set(name, data);
  }
  return reader.failed ? null : options;
}

/** Why a certificate is not taken: for the record, and in other words for the client. */
export type CertificateFault = string;

/** What must hold for a certificate to sign somebody in. */
export interface CertificateDemand {
  /** Keys of the authorities that are trusted, as bytes. */
  readonly authorities: readonly Buffer[];
  /** The name that is asked for: one of the certificate's principals. */
  readonly name: string;
  readonly address: string;
  readonly nowMs: number;
  /** Whether a key or certificate was taken back. */
  readonly revoked: (certificate: SshCertificate) => boolean;
}

/** Checks everything but the proof that the client has the private key. Null when the certificate is good. */
export function certificateFault(certificate: SshCertificate, demand: CertificateDemand): CertificateFault | null {
  const { authority, kind, principals, signature, signed } = certificate;
  if (kind !== "user") return "it is a certificate of a host, and signs nobody in";
  if (!demand.authorities.some((blob) => blob.equals(authority.blob)))
    return "the key that signed it is none of the authorities in ssh.userAuthorities";
  if (!signatureFits(authority, signature.algorithm, signature.bytes, signed))
    return "the authority's signature does not fit";
  if (demand.revoked(certificate)) return "it was revoked";
  const seconds = BigInt(Math.floor(demand.nowMs / 1000));
  if (seconds < certificate.validAfter) return "it is not valid yet";
  if (seconds >= certificate.validBefore) return "it has expired";
  // OpenSSH takes an empty list for "good for every name". Here it is good for none.
  if (principals.length === 0) return "it names nobody that it is good for";
  if (!principals.includes(demand.name)) return "it is good for other names than this one";
  for (const [option, data] of certificate.critical) {
    if (option !== "source-address") return `its critical option ${JSON.stringify(option)} is not known here`;
    const fault = sourceFault(data, demand.address);
    if (fault !== null) return fault;
  }
  return null;
}

function sourceFault(data: Buffer, address: string): string | null {
  const reader = new SshReader(data);
  const list = reader.text();
  if (list === null || !reader.done) return "its source addresses can't be read";
  const ranges = list
    .split(",")
    .map((text) => parseRange(text.includes("/") ? text : `${text}/${text.includes(":") ? 128 : 32}`));
  if (ranges.length > SSH_PRINCIPALS_MAX || ranges.includes(null)) return "its source addresses can't be read";
  return ranges.some((range) => inRange(range!, address) === true) ? null : "it may not be used from this address";
}

/** What a user certificate lets its holder ask for (`permit-…`). */
export interface SshPermits {
  readonly pty: boolean;
  readonly portForwarding: boolean;
  readonly agentForwarding: boolean;
  readonly x11Forwarding: boolean;
}

/** Somebody who signed with a plain key of theirs may ask for everything; the policy says what they get. */
export const EVERY_PERMIT: SshPermits = {
  pty: true,
  portForwarding: true,
  agentForwarding: true,
  x11Forwarding: true,
};

export function permitsOf({ extensions }: SshCertificate): SshPermits {
  return {
    pty: extensions.has("permit-pty"),
    portForwarding: extensions.has("permit-port-forwarding"),
    agentForwarding: extensions.has("permit-agent-forwarding"),
    x11Forwarding: extensions.has("permit-X11-forwarding"),
  };
}

/** Extension in which our authority writes the holder's groups, with commas between. */
const GROUPS_EXTENSION = "groups@sallyport";

/** The groups that the certificate gives its holder; null when it says nothing of groups. */
export function groupsOf({ extensions }: SshCertificate): readonly string[] | null {
  const data = extensions.get(GROUPS_EXTENSION);
  if (data === undefined) return null;
  const reader = new SshReader(data);
  const text = reader.text();
  return text === null || !reader.done ? null : text.split(",").filter((group) => group !== "");
}
