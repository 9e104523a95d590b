import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { newKeyPair } from "../runtime/gateway/ssh/index.ts";

/** Where the private key of the gateway's authority is when the configuration names none. */
export const ownAuthorityPath = (state: string): string => join(state, "ssh_user_ca_key");

/** A key pair in a file, its public half beside it; made when it is not there. Answers the public half as it is in its file. */
export function keyPairIn(path: string, comment: string): string {
  if (!existsSync(path)) {
    const pair = newKeyPair(comment);
    writeFileSync(path, pair.private, { mode: 0o600 });
    writeFileSync(`${path}.pub`, `${pair.public}\n`);
  }
  return readFileSync(`${path}.pub`, "utf8");
}
