import ssh2, { type ParsedKey } from "ssh2";
import { assert } from "../../../base/assert.ts";
import { sshString } from "../../identity/index.ts";

/** The gateway's own key, and the certificate that vouches for it. */
export interface HostKey {
  readonly key: ParsedKey;
  /** Kind and bytes of its certificate; null when there is none. */
  readonly certificate: { readonly type: string; readonly blob: Buffer } | null;
}

/** Reads a private key in PEM or OpenSSH's form; in words why it can't. */
export function readPrivateKey(bytes: Buffer): ParsedKey | string {
  const found = ssh2.utils.parseKey(bytes);
  const key = found instanceof Error ? found : (found as ParsedKey | readonly ParsedKey[]);
  if (key instanceof Error) return key.message;
  const one = Array.isArray(key) ? (key as readonly ParsedKey[])[0]! : (key as ParsedKey);
  return one.isPrivateKey() ? one : "it is a public key";
}

interface Exchange {
  readonly _protocol: { readonly _kex: { readonly negotiated: { serverHostKey: string } } };
}

/** The kind of a certificate by which is agreed on one for an RSA key, which would otherwise mean a signature with SHA-1. */
const RSA_TYPE = "rsa-sha2-512-cert-v01@openssh.com";

/**
 * The key as one connection's server shows it. ssh2 knows no host certificates: one is put in as a key of the certificate's
 * kind. When it signs, the kind that was agreed on is put back to the plain one, for that is what the signature is called.
 *
 * @param connection the connection, once there is one
 */
export function hostKeysFor({ key, certificate }: HostKey, connection: () => object): { key: ParsedKey }[] {
  if (certificate === null) return [{ key }];
  const rsa = key.type === "ssh-rsa";
  const type = rsa ? RSA_TYPE : certificate.type;
  const certified = Object.create(key) as ParsedKey;
  Object.defineProperties(certified, {
    type: { value: type },
    getPublicSSH: { value: () => certificate.blob },
    sign: {
      value: (data: Buffer) => {
        const { negotiated } = (connection() as Exchange)._protocol._kex;
        assert(negotiated.serverHostKey === type, "the certificate signs only where it was agreed on");
        negotiated.serverHostKey = rsa ? "rsa-sha2-512" : key.type;
        const signature = rsa ? key.sign(data, "sha512") : key.sign(data);
        // Of kinds that it does not know, ssh2 sends a signature as it is.
        return key.type.startsWith("ecdsa-") && Buffer.isBuffer(signature) ? fromDer(signature) : signature;
      },
    },
  });
  return [{ key: certified }, { key }];
}

/** An ECDSA signature as SSH writes it (RFC 5656, section 3.1.2), out of OpenSSL's: the numbers have the same form in both. */
function fromDer(signature: Buffer): Buffer {
  // SEQUENCE, its length, which for 521 bits takes two bytes, and INTEGER with length and bytes, twice.
  const first = signature[1] === 0x81 ? 3 : 2;
  const second = first + 2 + signature[first + 1]!;
  return Buffer.concat([sshString(signature.subarray(first + 2, second)), sshString(signature.subarray(second + 2))]);
}
