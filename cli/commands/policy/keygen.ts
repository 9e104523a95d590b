import { generateKeyPairSync } from "node:crypto";
import { existsSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { keyIdOf } from "../../../spec/contract/bundle/index.ts";
import { onlyArgument, readArguments } from "../../arguments.ts";
import { UsageError, type Io } from "../../io.ts";

const HELP = `policyc keygen: a pair of keys that sign bundles

  policyc keygen PREFIX

Writes PREFIX.key (keep it where bundles are built) and PREFIX.pub (give it to gateways under bundle.keys).
`;

export function keygenCommand(argv: readonly string[], io: Io): number {
  const { values, positionals } = readArguments(argv, {});
  if (values.help === true) {
    io.stdout(HELP);
    return 0;
  }
  const prefix = resolve(io.cwd, onlyArgument(positionals, "PREFIX"));
  if (existsSync(`${prefix}.key`)) throw new UsageError(`${prefix}.key is there already; a key is never overwritten`);
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  writeFileSync(`${prefix}.key`, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
  writeFileSync(`${prefix}.pub`, publicKey.export({ type: "spki", format: "pem" }));
  io.stdout(`${prefix}.key and ${prefix}.pub, key ${keyIdOf(publicKey)}\n`);
  return 0;
}
