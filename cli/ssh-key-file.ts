import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import ssh2 from "ssh2";

/** Where the private key of the gateway's authority is when the configuration names none. */
export const ownAuthorityPath = (state: string): string => join(state, "ssh_user_ca_key");

interface KeyPair {
  readonly private: string;
  readonly public: string;
}

const TRIES_MAX = 16;

const generate = (comment: string): KeyPair => ssh2.utils.generateKeyPairSync("ed25519", { comment });

/**
 * A new Ed25519 key pair in OpenSSH's format. ssh2 1.17 drops a zero byte that an Ed25519 public key begins with, and so one
 * key in 256 can't be read again: such a one is thrown away.
 */
export function newKeyPair(comment: string, make: (comment: string) => KeyPair = generate): KeyPair {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const pair = make(comment);
    if (!(ssh2.utils.parseKey(pair.private) instanceof Error)) return pair;
  }
  throw new Error(`ssh2 made ${TRIES_MAX} keys in a row that can't be read`);
}

/** A key pair in a file, its public half beside it; made when it is not there. Answers the public half as it is in its file. */
export function keyPairIn(path: string, comment: string): string {
  if (!existsSync(path)) {
    const pair = newKeyPair(comment);
    writeFileSync(path, pair.private, { mode: 0o600 });
    writeFileSync(`${path}.pub`, `${pair.public}\n`);
  }
  return readFileSync(`${path}.pub`, "utf8");
}
