import { createHash, X509Certificate } from "node:crypto";

/**
 * `tls-server-end-point` of a certificate: its hash by the hash function of its own signature, SHA-256 in place of MD5 and
 * SHA-1. Source: RFC 5929, section 4.1.
 *
 * @param der the certificate that the server presents
 * @returns the hash, or null where the signature names no single hash function (Ed25519, RSA-PSS) or the bytes are no
 *   certificate: then there is no channel binding
 */
export function endpointBinding(der: Uint8Array): Buffer | null {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(der);
  } catch {
    return null;
  }
  const algorithm = HASH_OF_SIGNATURE.get(certificate.signatureAlgorithmOid ?? "");
  return algorithm === undefined ? null : createHash(algorithm).update(certificate.raw).digest();
}

/** Signature algorithms by object identifier. Sources: RFC 8017 appendix C, RFC 5758. */
const HASH_OF_SIGNATURE: ReadonlyMap<string, string> = new Map([
  ["1.2.840.113549.1.1.4", "sha256"], // md5WithRSAEncryption
  ["1.2.840.113549.1.1.5", "sha256"], // sha1WithRSAEncryption
  ["1.2.840.113549.1.1.14", "sha224"],
  ["1.2.840.113549.1.1.11", "sha256"],
  ["1.2.840.113549.1.1.12", "sha384"],
  ["1.2.840.113549.1.1.13", "sha512"],
  ["1.2.840.10045.4.1", "sha256"], // ecdsa-with-SHA1
  ["1.2.840.10045.4.3.1", "sha224"],
  ["1.2.840.10045.4.3.2", "sha256"],
  ["1.2.840.10045.4.3.3", "sha384"],
  ["1.2.840.10045.4.3.4", "sha512"],
]);
