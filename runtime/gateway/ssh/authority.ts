import type { Client, ParsedKey } from "ssh2";
import { assert } from "../../../base/assert.ts";
import { ISSUED_TYPE, issueCertificate, type Identity } from "../../identity/index.ts";
import type { Clock, Random } from "../../outside/index.ts";
import { certifiedKey } from "./certified-key.ts";
import { readPrivateKey } from "./host-key.ts";
import { newKeyPair } from "./new-key.ts";

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

function newKey(): ParsedKey {
  const key = readPrivateKey(Buffer.from(newKeyPair("").private));
  assert(typeof key !== "string", "a new key can be read");
  return key;
}
