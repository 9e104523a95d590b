import { Client, type ParsedKey, type PublicKeyAuthMethod, type ServerHostKeyAlgorithm } from "ssh2";
import type { SshPublicKey } from "../../identity/index.ts";
import { dial, type Random } from "../../outside/index.ts";
import type { SshTargetConfig } from "./config.ts";
import { KEEPALIVE_COUNT, KEEPALIVE_MS, UPSTREAM_MS } from "./limits.ts";
import { quicken } from "./quicken.ts";
import { CIPHERS, KEY_EXCHANGES, MACS, terrapinFault, type Agreed } from "./transport.ts";

/** A target with its keys read. */
export interface SshTarget extends SshTargetConfig {
  readonly pinned: readonly SshPublicKey[];
  /** Null: the gateway's authority vouches for the account. */
  readonly privateKey: ParsedKey | null;
}

/** Kinds of host keys that may be agreed on: those of the keys that are pinned. */
const kindsOf = (pinned: readonly SshPublicKey[]): ServerHostKeyAlgorithm[] => [
  ...new Set(
    pinned.flatMap(({ type }): ServerHostKeyAlgorithm[] =>
      type === "ssh-rsa" ? ["rsa-sha2-512", "rsa-sha2-256"] : [type],
    ),
  ),
];

/** The host has refused the gateway, and an operator must look at both. */
const notTaken = ({ credential: { user }, privateKey }: SshTarget): string =>
  privateKey === null
    ? `sshd does not take the gateway's certificate for the account ${user}; it must trust what sallyport ssh-config --authority prints, and its clock be right`
    : `sshd does not take the gateway's key for the account ${user}; its public half belongs into authorized_keys`;

/**
 * Connects to a target and signs in.
 *
 * @param keyFor the key to sign in with, for the client that does
 * @returns the signed-in connection, or in words why there is none; the words name no secret
 */
export async function connectTarget(
  target: SshTarget,
  keyFor: (client: Client) => ParsedKey,
  random: Random,
): Promise<Client | string> {
  let socket;
  try {
    socket = await dial(target.host, target.port, UPSTREAM_MS, null);
  } catch (fault) {
    return `target ${target.name} can't be reached: ${fault instanceof Error ? fault.message : String(fault)}`;
  }
  return new Promise((resolve) => {
    const client = new Client();
    let why = "";
    const fail = (fault: Error & { readonly level?: string }): void => {
      client.destroy();
      if (fault.level === "client-authentication") why = notTaken(target);
      resolve(`target ${target.name}: ${why === "" ? fault.message : why}`);
    };
    client.once("ready", () => {
      client.off("error", fail);
      resolve(client);
    });
    client.on("error", fail);
    client.once("close", () => resolve(`target ${target.name}: ${why === "" ? "it closed the connection" : why}`));
    client.on("handshake", (agreed: Agreed) => {
      quicken(client, socket, random);
      const fault = terrapinFault(client, agreed);
      if (fault === null) return;
      why = fault;
      client.destroy();
    });
    const signIn: PublicKeyAuthMethod = {
      type: "publickey",
      username: target.credential.user,
      key: keyFor(client),
    };
    client.connect({
      sock: socket,
      username: target.credential.user,
      authHandler: [signIn],
      hostVerifier: (shown: Buffer): boolean => {
        if (target.pinned.some(({ blob }) => blob.equals(shown))) return true;
        why = "the host shows a key that is not pinned in target.hostKeys";
        return false;
      },
      algorithms: { cipher: CIPHERS, hmac: MACS, kex: KEY_EXCHANGES, serverHostKey: kindsOf(target.pinned) },
      readyTimeout: UPSTREAM_MS,
      keepaliveInterval: KEEPALIVE_MS,
      keepaliveCountMax: KEEPALIVE_COUNT,
    });
  });
}
