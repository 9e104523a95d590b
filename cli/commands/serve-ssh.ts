import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type ssh2 from "ssh2";
import {
  readPrivateKey,
  type SshConfig,
  type SshParts,
  type SshTarget,
  type UserConfig,
} from "../../runtime/gateway/index.ts";
import {
  NOTHING_REVOKED,
  readCertificate,
  readKeyLine,
  readRevocations,
  type SshPublicKey,
  type SshRevocations,
} from "../../runtime/identity/index.ts";
import { recordingsIn } from "../../runtime/outside/index.ts";
import { bytesOf } from "../files.ts";
import { UsageError } from "../io.ts";
import { keyPairIn, ownAuthorityPath } from "../ssh-key-file.ts";

/** The SSH part of a gateway with its files read; null when nothing listens for SSH. */
export function sshParts(config: SshConfig, state: string, at: (name: string) => string): SshParts | null {
  if (config.listen.length === 0) return null;
  const hostKeyFile = config.hostKey === null ? ownHostKey(state) : at(config.hostKey);
  const key = privateKey(hostKeyFile, "ssh.hostKey");
  const authorities = config.userAuthorities.map((line) => publicKey(line, "ssh.userAuthorities").blob);
  const revocations = watched(config.revoked === null ? null : at(config.revoked));
  return {
    settings: config,
    targets: config.targets.map((target): SshTarget => ({
      ...target,
      pinned: target.hostKeys.map((line) => publicKey(line, `target ${target.name}: hostKeys`)),
      privateKey:
        target.credential.key === null
          ? null
          : privateKey(at(target.credential.key), `target ${target.name}: credential.key`),
    })),
    hostKey: {
      key,
      certificate:
        config.hostCertificate === null ? null : hostCertificate(at(config.hostCertificate), key.getPublicSSH()),
    },
    authority: { key: authorityKey(config, state, at), validMs: config.authority.validMs },
    trust: () => ({ authorities, revocations: revocations() }),
    recordings: recordingsIn(join(state, "recordings")),
  };
}

/** Keys of a user as the protocol shows them, in base64. */
export function keysOfUser({ name, keys }: UserConfig): readonly string[] {
  return keys.map((line) => publicKey(line, `user ${name}: keys`).blob.toString("base64"));
}

function publicKey(line: string, where: string): SshPublicKey {
  const key = readKeyLine(line);
  if (!key.ok) throw new UsageError(`${where}: ${key.error}`);
  return key.value;
}

function privateKey(path: string, where: string): ssh2.ParsedKey {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (fault) {
    throw new UsageError(
      `${where}: ${path} can't be read: ${(fault as Error).message}; ssh-keygen -t ed25519 makes a key`,
    );
  }
  if ((statSync(path).mode & 0o077) !== 0)
    throw new UsageError(`${where}: ${path} can be read by others; run: chmod 600 ${path}`);
  const key = readPrivateKey(bytes);
  if (typeof key === "string") throw new UsageError(`${where}: ${path} is no private key without a passphrase: ${key}`);
  return key;
}

/** The gateway's own key, made at the first start; its public half is put beside it for known_hosts. */
function ownHostKey(state: string): string {
  const path = join(state, "ssh_host_ed25519_key");
  keyPairIn(path, "sallyport");
  return path;
}

/** The key that signs certificates towards targets; made at the first start unless one is named. */
function authorityKey(
  { authority }: Pick<SshConfig, "authority">,
  state: string,
  at: (name: string) => string,
): ssh2.ParsedKey {
  if (authority.key === null) keyPairIn(ownAuthorityPath(state), "sallyport");
  const path = authority.key === null ? ownAuthorityPath(state) : at(authority.key);
  const key = privateKey(path, "ssh.authority.key");
  if (key.type !== "ssh-ed25519")
    throw new UsageError(`ssh.authority.key: ${path} is ${key.type}; ssh-keygen -t ed25519 makes one that is taken`);
  return key;
}

function hostCertificate(path: string, plain: Buffer): { readonly type: string; readonly blob: Buffer } {
  const [type = "", encoded = ""] = bytesOf(path, "ssh.hostCertificate").toString("utf8").trim().split(/\s+/);
  const blob = Buffer.from(encoded, "base64");
  const read = readCertificate(blob);
  if (!read.ok) throw new UsageError(`ssh.hostCertificate: ${path}: ${read.error}`);
  if (read.value.kind !== "host") throw new UsageError(`ssh.hostCertificate: ${path} is a user's certificate`);
  const certified = read.value.subject.key.export({ format: "der", type: "spki" });
  const own = readKeyLine(`${type.replace("-cert-v01@openssh.com", "")} ${plain.toString("base64")}`);
  if (!own.ok || !own.value.key.export({ format: "der", type: "spki" }).equals(certified))
    throw new UsageError(`ssh.hostCertificate: ${path} is of another key than ssh.hostKey`);
  return { type, blob };
}

/** Reads the list again when its file has changed. One that can't be read lets nobody in by a key or certificate. */
function watched(path: string | null): () => SshRevocations {
  if (path === null) return () => NOTHING_REVOKED;
  const load = (): SshRevocations => {
    const read = readRevocations(bytesOf(path, "ssh.revoked"));
    if (!read.ok) throw new UsageError(`ssh.revoked: ${path}: ${read.error}`);
    return read.value;
  };
  let list = load();
  let changed = statSync(path).mtimeMs;
  return () => {
    const { mtimeMs } = statSync(path);
    if (mtimeMs !== changed) {
      list = load();
      changed = mtimeMs;
    }
    return list;
  };
}
