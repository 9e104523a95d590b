import { sshString } from "./ssh-wire.ts";

/** What a user certificate of ours says; the rest of its fields are empty. */
export interface IssuedCertificate {
  /** 32 bytes: the point of the Ed25519 key that is certified. */
  readonly point: Buffer;
  /** At least 16 random bytes, so that nobody can choose what is signed. */
  readonly nonce: Buffer;
  readonly serial: bigint;
  readonly keyId: string;
  readonly principals: readonly string[];
  /** Seconds since 1970; good from the first to before the second. */
  readonly validAfter: bigint;
  readonly validBefore: bigint;
  /** Names of extensions without a value. */
  readonly extensions: readonly string[];
  /** The authority's public key as SSH shows it. */
  readonly authority: Buffer;
}

export const ISSUED_TYPE = "ssh-ed25519-cert-v01@openssh.com";
const USER = 1;

const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const uint64 = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
};

/**
 * Writes a user certificate (PROTOCOL.certkeys) for an Ed25519 key.
 *
 * @param sign signs with the authority's Ed25519 key
 */
export function issueCertificate(certificate: IssuedCertificate, sign: (bytes: Buffer) => Buffer): Buffer {
  const { point, nonce, serial, keyId, principals, validAfter, validBefore, extensions, authority } = certificate;
  const signed = Buffer.concat([
    sshString(ISSUED_TYPE),
    sshString(nonce),
    sshString(point),
    uint64(serial),
    uint32(USER),
    sshString(keyId),
    sshString(Buffer.concat(principals.map(sshString))),
    uint64(validAfter),
    uint64(validBefore),
    sshString(""), // no critical options
    // OpenSSH wants them in order.
    sshString(Buffer.concat([...extensions].sort().flatMap((name) => [sshString(name), sshString("")]))),
    sshString(""), // reserved
    sshString(authority),
  ]);
  return Buffer.concat([signed, sshString(Buffer.concat([sshString("ssh-ed25519"), sshString(sign(signed))]))]);
}
