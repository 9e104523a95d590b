import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { compile, runTests, seal } from "../../../compiler/index.ts";
import { renderTerminal } from "../../../lang/index.ts";
import { plural } from "../../../base/text.ts";
import { loadParser } from "../../../runtime/facts/sql/offline.ts";
import { readArguments } from "../../arguments.ts";
import { checkIndex, describeBundleError, loadBundle } from "../../../runtime/bundle/index.ts";
import { keyIdOf, type Manifest } from "../../../spec/contract/bundle/index.ts";
import { EXIT, UsageError, type Io } from "../../io.ts";
import { testDecider } from "./decide.ts";
import { policyFiles } from "./files.ts";
import { replaceFile } from "./findings.ts";

const HELP = `policyc build: compiles policy files and signs the bundle

  policyc build --out FILE --key FILE [--sequence N] [--max-steps N] [--no-test] [--json] [PATH…]

  -o, --out FILE   where the bundle goes; put in place by rename, so a running gateway can watch it (--output is the same)
  --key FILE       the private key (PEM, Ed25519); policyc keygen makes one
  --sequence N     number of this release; a gateway refuses one lower than it runs (0: not numbered)
  --max-steps N    build nothing when a decision could take more steps than this
  --no-test        don't run the policy's tests first
  --json           the certificate as JSON

The same files, key and options give the same bytes. What is printed is the cost certificate: the most steps that a
decision can take, as the loader proves them again, and what the gateway must be able to do.
Exit codes: 0 built; 1 the policy has errors; 2 wrong use or unreadable input; 3 tests failed; 4 --max-steps not met.
`;

export async function buildCommand(argv: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = readArguments(argv, {
    out: { type: "string", short: "o" },
    output: { type: "string" },
    key: { type: "string" },
    sequence: { type: "string" },
    "max-steps": { type: "string" },
    "no-test": { type: "boolean" },
    json: { type: "boolean" },
  });
  if (values.help === true) {
    io.stdout(HELP);
    return EXIT.ok;
  }
  const out = values.out ?? values.output;
  if (out === undefined) throw new UsageError("--out is missing: where should the bundle go?");
  if (values.key === undefined)
    throw new UsageError("--key is missing: a bundle is signed; policyc keygen makes a key");
  const wholeNumber = (option: string, given: string): number => {
    const number = Number(given);
    if (!Number.isSafeInteger(number) || number < 0) throw new UsageError(`--${option} takes a whole number from 0`);
    return number;
  };
  const sequence = wholeNumber("sequence", values.sequence ?? "0");
  const stepsMax = values["max-steps"] === undefined ? null : wholeNumber("max-steps", values["max-steps"]);
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
  if (stepsMax !== null && manifest.stepsMax > stepsMax) {
    io.stderr(
      `policyc: a decision could take ${manifest.stepsMax} steps, more than the ${stepsMax} of --max-steps, so nothing is built; policyc inspect of a build without it shows which rules\n`,
    );
    return EXIT.gateNotMet;
  }
  const { bytes, digest } = seal(manifest, key);
  // What no gateway would take must not leave here: that would be a fault of the compiler.
  const loaded = loadBundle(bytes, [createPublicKey(key)], 0);
  const refused = loaded.ok ? checkIndex(loaded.value) : loaded.error;
  if (refused !== null) throw new Error(`the bundle that was built is refused: ${describeBundleError(refused)}`);
  replaceFile(resolve(io.cwd, out), bytes);
  const certificate = {
    version: 1,
    file: out,
    digest,
    keyId: keyIdOf(createPublicKey(key)),
    sequence,
    bytes: bytes.length,
    rules: manifest.rules.length,
    stepsMax: manifest.stepsMax,
    requires: manifest.requires,
    facts: manifest.facts,
    vectors: manifest.vectors.length,
    costliest: costliest(manifest),
  };
  io.stdout(values.json === true ? `${JSON.stringify(certificate, null, 2)}\n` : shown(certificate));
  return EXIT.ok;
}

const COSTLIEST = 5;

/** The rules whose conditions can take the most steps. */
function costliest(manifest: Manifest): readonly { readonly rule: string; readonly stepsMax: number }[] {
  return manifest.rules
    .map(({ name, condition }) => ({
      rule: name,
      stepsMax: condition < 0 ? 0 : manifest.programs[condition]!.stepsMax,
    }))
    .sort((a, b) => b.stepsMax - a.stepsMax || (a.rule < b.rule ? -1 : 1))
    .slice(0, COSTLIEST);
}

function shown(certificate: {
  readonly file: string;
  readonly digest: string;
  readonly keyId: string;
  readonly sequence: number;
  readonly bytes: number;
  readonly rules: number;
  readonly stepsMax: number;
  readonly requires: readonly string[];
  readonly vectors: number;
  readonly costliest: readonly { readonly rule: string; readonly stepsMax: number }[];
}): string {
  const { file, rules, bytes, digest, keyId, sequence, stepsMax, vectors, requires } = certificate;
  const costs = certificate.costliest.map((one) => `${one.rule} ${one.stepsMax}`).join(", ");
  return `${file}: ${plural(rules, "rule")}, ${bytes} bytes
digest    ${digest}
key       ${keyId}
sequence  ${sequence}
steps     at most ${stepsMax} a decision (${costs || "no conditions"})
requires  ${requires.join(", ")}
vectors   ${vectors}
`;
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
