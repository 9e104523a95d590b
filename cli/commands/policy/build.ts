import { createPrivateKey, type KeyObject } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { compile, runTests, seal } from "../../../compiler/index.ts";
import { renderTerminal } from "../../../lang/index.ts";
import { plural } from "../../../base/text.ts";
import { loadParser } from "../../../runtime/facts/sql/offline.ts";
import { readArguments } from "../../arguments.ts";
import { UsageError, type Io } from "../../io.ts";
import { testDecider } from "./decide.ts";
import { policyFiles } from "./files.ts";

const HELP = `policyc build: compiles policy files and signs the bundle

  policyc build --output FILE --key FILE [--sequence N] [--no-test] [PATH…]

  -o, --output FILE   where the bundle goes; put in place by rename, so a running gateway can watch it
  --key FILE          the private key (PEM, Ed25519); policyc keygen makes one
  --sequence N        number of this release; a gateway refuses one lower than it runs (0: not numbered)
  --no-test           don't run the policy's tests first

The same files, key and options give the same bytes.
Exit codes: 0 built; 1 the policy has errors; 2 wrong use; 3 tests failed.
`;

export async function buildCommand(argv: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = readArguments(argv, {
    output: { type: "string", short: "o" },
    key: { type: "string" },
    sequence: { type: "string" },
    "no-test": { type: "boolean" },
  });
  if (values.help === true) {
    io.stdout(HELP);
    return 0;
  }
  if (values.output === undefined) throw new UsageError("--output is missing: where should the bundle go?");
  if (values.key === undefined)
    throw new UsageError("--key is missing: a bundle is signed; policyc keygen makes a key");
  const sequence = Number(values.sequence ?? "0");
  if (!Number.isSafeInteger(sequence) || sequence < 0) throw new UsageError("--sequence takes a whole number from 0");
  const key = privateKey(resolve(io.cwd, values.key));
  const files = policyFiles(positionals, io);
  const { policy, diagnostics, manifest } = compile(files, { sequence });
  io.stderr(renderTerminal(diagnostics, files, io.colour));
  if (manifest === null) return 1;
  if (values["no-test"] !== true && policy.tests.length > 0) {
    await loadParser();
    const failed = runTests(policy.tests, testDecider(manifest, io)).filter((one) => one.failures.length > 0);
    if (failed.length > 0) {
      io.stderr(
        `policyc: ${plural(failed.length, "test")} failed, so nothing is built; run policyc test to see which\n`,
      );
      return 3;
    }
  }
  const { bytes, digest } = seal(manifest, key);
  const output = resolve(io.cwd, values.output);
  writeFileSync(`${output}.new`, bytes);
  renameSync(`${output}.new`, output);
  io.stdout(
    `${values.output}: ${plural(manifest.rules.length, "rule")}, at most ${manifest.stepsMax} steps a decision, ${bytes.length} bytes\n${digest}\n`,
  );
  return 0;
}

function privateKey(path: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(readFileSync(path));
  } catch (fault) {
    throw new UsageError(`key ${path} can't be read: ${(fault as Error).message}; policyc keygen makes one`);
  }
  if (key.asymmetricKeyType !== "ed25519")
    throw new UsageError(`key ${path} is of type ${key.asymmetricKeyType}; bundles are signed with Ed25519`);
  return key;
}
