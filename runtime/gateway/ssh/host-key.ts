import ssh2, { type ParsedKey } from "ssh2";
import { assert } from "../../../base/assert.ts";

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

/**
 * The key as one connection's server shows it. ssh2 knows no host certificates: one is put in as a key of the certificate's
 * kind. When it signs, the kind that was agreed on is put back to the plain one, for that is what the signature is called.
 *
 * @param connection the connection, once there is one
 */
export function hostKeysFor({ key, certificate }: HostKey, connection: () => object): { key: ParsedKey }[] {
  if (certificate === null) return [{ key }];
  const { type, blob } = certificate;
  const certified = Object.create(key) as ParsedKey;
  Object.defineProperties(certified, {
    type: { value: type },
    getPublicSSH: { value: () => blob },
    sign: {
      value: (data: Buffer, hash?: string) => {
        const { negotiated } = (connection() as Exchange)._protocol._kex;
        assert(negotiated.serverHostKey === type, "the certificate signs only where it was agreed on");
        negotiated.serverHostKey = key.type;
        return key.sign(data, hash);
      },
    },
  });
  return [{ key: certified }, { key }];
}
