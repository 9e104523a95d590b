import type { CipherAlgorithm, MacAlgorithm, KexAlgorithm } from "ssh2";

/**
 * What both sides of the gateway offer. ChaCha20-Poly1305 only counts with strict key exchange (see `terrapinFault`); of the
 * modes that authenticate after encrypting none is there, and none that signs with SHA-1.
 */
export const CIPHERS: CipherAlgorithm[] = [
  "aes128-gcm@openssh.com",
  "aes256-gcm@openssh.com",
  "chacha20-poly1305@openssh.com",
  "aes128-ctr",
  "aes192-ctr",
  "aes256-ctr",
];
export const MACS: MacAlgorithm[] = ["hmac-sha2-256", "hmac-sha2-512"];
export const KEY_EXCHANGES: KexAlgorithm[] = [
  "curve25519-sha256",
  "curve25519-sha256@libssh.org",
  "ecdh-sha2-nistp256",
  "ecdh-sha2-nistp384",
  "ecdh-sha2-nistp521",
  "diffie-hellman-group-exchange-sha256",
  "diffie-hellman-group14-sha256",
  "diffie-hellman-group15-sha512",
  "diffie-hellman-group16-sha512",
];

/** What was agreed on, as ssh2 tells it. */
export interface Agreed {
  readonly cs: { readonly cipher: string };
  readonly sc: { readonly cipher: string };
}

/**
 * CVE-2023-48795: with ChaCha20-Poly1305 and without strict key exchange, whoever sits in the middle can cut messages off
 * the beginning of the encrypted stream. Answers why the connection can't go on, or null. ssh2 does not tell in public
 * whether the exchange was strict; where its private word for it is not `true`, it was not.
 */
export function terrapinFault(connection: object, agreed: Agreed): string | null {
  const affected = [agreed.cs.cipher, agreed.sc.cipher].some((cipher) => cipher.startsWith("chacha20"));
  if (!affected) return null;
  const { _protocol: protocol } = connection as { readonly _protocol?: { readonly _strictMode?: unknown } };
  return protocol?._strictMode === true
    ? null
    : "ChaCha20-Poly1305 without strict key exchange can be cut short by somebody in the middle; use AES-GCM";
}
