import ssh2, { type Client, type ParsedKey } from "ssh2";
import { ISSUED_TYPE, issueCertificate, type Identity } from "../../identity/index.ts";
import type { Clock, Random } from "../../outside/index.ts";
import { certifiedKey } from "./certified-key.ts";
import { readPrivateKey } from "./host-key.ts";
import { KEY_TRIES_MAX } from "./limits.ts";

/** Signs the gateway in to targets that trust it. */
export interface SshAuthority {
  /** Ed25519. */
  readonly key: ParsedKey;
  readonly validMs: number;
}

/** Clocks of targets may be behind. */
const SKEW_S = 60n;
const SEED_BYTES = 32;
/** What the gateway asks of targets. Agents and X11 are never carried, and `~/.ssh/rc` is nobody's request. */
const EXTENSIONS = ["permit-port-forwarding", "permit-pty"];

/** `ana` and the session, as sshd writes it into its log: without spaces, and with nothing that could end a line there. */
export function keyIdOf(name: string, sid: string): string {
  // A lone surrogate has no UTF-8.
  return `sallyport:${encodeURIComponent(name.toWellFormed())}:${sid}`;
}

/**
 * A key of its own for one session, with a certificate that names its person and the session.
 *
 * @param account the target's account, the only one that it is good for
 * @param client the client that signs in with it
 */
export function sessionKey(
  authority: SshAuthority,
  who: { readonly identity: Identity; readonly sid: string; readonly account: string },
  clock: Clock,
  random: Random,
  client: () => Client,
): ParsedKey {
  const key = newKey();
  const now = BigInt(Math.floor(clock.now() / 1000));
  const certificate = issueCertificate(
    {
      point: key.getPublicSSH().subarray(-SEED_BYTES),
      nonce: random.bytes(32),
      serial: random.bytes(8).readBigUInt64BE(),
      keyId: keyIdOf(who.identity.name, who.sid),
      principals: [who.account],
      validAfter: now - SKEW_S,
      validBefore: now + BigInt(Math.ceil(authority.validMs / 1000)),
      extensions: EXTENSIONS,
      authority: authority.key.getPublicSSH(),
    },
    (bytes) => authority.key.sign(bytes) as unknown as Buffer,
  );
  return certifiedKey(key, ISSUED_TYPE, certificate, client);
}

/** ssh2 1.17 drops a zero byte at the beginning of an Ed25519 key, so that one in 256 can't be read again. */
function newKey(): ParsedKey {
  for (let tries = 0; tries < KEY_TRIES_MAX; tries++) {
    const key = readPrivateKey(Buffer.from(ssh2.utils.generateKeyPairSync("ed25519").private));
    if (typeof key !== "string") return key;
  }
  throw new Error(`ssh2 made ${KEY_TRIES_MAX} keys in a row that can't be read`);
}
