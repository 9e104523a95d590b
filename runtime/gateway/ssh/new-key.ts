import ssh2 from "ssh2";
import { KEY_TRIES_MAX } from "./limits.ts";

/** Both halves of a key, in OpenSSH's format. */
export interface KeyPair {
  readonly private: string;
  readonly public: string;
}

const generate = (comment: string): KeyPair => ssh2.utils.generateKeyPairSync("ed25519", { comment });

/**
 * A new Ed25519 key pair. ssh2 1.17 drops a zero byte that an Ed25519 public key begins with, and so one key in 256 can't be
 * read again: such a one is thrown away.
 */
export function newKeyPair(comment: string, make: (comment: string) => KeyPair = generate): KeyPair {
  for (let tries = 0; tries < KEY_TRIES_MAX; tries++) {
    const pair = make(comment);
    if (!(ssh2.utils.parseKey(pair.private) instanceof Error)) return pair;
  }
  throw new Error(`ssh2 made ${KEY_TRIES_MAX} keys in a row that can't be read`);
}
