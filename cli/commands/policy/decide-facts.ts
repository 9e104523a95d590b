import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { compile } from "../../../compiler/index.ts";
import { renderTerminal } from "../../../lang/index.ts";
import type { Decision } from "../../../spec/contract/decision/index.ts";
import type { BundleRule, Manifest } from "../../../spec/contract/bundle/index.ts";
import { ABSENT } from "../../../spec/contract/facts/index.ts";
import { describeBundleError, loadBundle, type LoadedBundle } from "../../../runtime/bundle/index.ts";
import { SessionPolicy } from "../../../runtime/decide/index.ts";
import { readArguments } from "../../arguments.ts";
import { EXIT, UsageError, type Io } from "../../io.ts";
import { executableOf } from "./decide.ts";
import { readFacts } from "./fact-json.ts";
import { policyFiles } from "./files.ts";
import { publicKeys } from "./inspect.ts";

const HELP = `policyc decide: decides one action, facts as JSON in, decision as JSON out

  policyc decide [--facts FILE] [PATH…]
  policyc decide [--facts FILE] --bundle FILE --key PUBLIC_KEY_FILE

  --facts FILE    the facts; without it they are read from standard input
  --bundle FILE   decide with this bundle instead of policy files; it is verified as a gateway would
  --key FILE      public key of who must have signed the bundle; may be given more than once

In:   { "protocol": "postgres", "facts": { "user.name": "ana", "user.groups": ["analyst"], "statement.kind": "select" } }
      null is unknown, and so is a fact that always exists and is not given; an optional one that is not given is absent.
      Times are RFC 3339 texts or milliseconds, durations milliseconds.
Out:  { "version": 1, "verdict": "allow", "deciding": [ … ], "matched": [ … ], "masks": [ … ], "limits": { … }, … }

Exit codes: 0 allow; 10 deny; 11 approval; 12 an error: no decision was made, so treat it as deny.
`;

export async function decideCommand(argv: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = readArguments(argv, {
    facts: { type: "string" },
    bundle: { type: "string" },
    key: { type: "string", multiple: true },
  });
  if (values.help === true) {
    io.stdout(HELP);
    return EXIT.ok;
  }
  const bundle = values.bundle === undefined ? fromSources(positionals, io) : fromBundle(values.bundle, values.key, io);
  if (bundle === null) return EXIT.undecided;
  const request = readFacts(await factText(values.facts, io));
  if (!request.ok) {
    for (const fault of request.error) io.stderr(`policyc: ${fault}\n`);
    return EXIT.undecided;
  }
  const { protocol, facts } = request.value;
  // One action is all there is, so nothing is folded ahead of it.
  const decision = new SessionPolicy(bundle, protocol, (path) => facts.get(path) ?? ABSENT).decide((path) =>
    facts.get(path),
  );
  io.stdout(`${JSON.stringify(decisionJson(bundle.manifest, decision), null, 2)}\n`);
  return decision.verdict === "allow" ? EXIT.ok : decision.verdict === "deny" ? EXIT.denied : EXIT.approval;
}

async function factText(file: string | undefined, io: Io): Promise<string> {
  if (file === undefined) return io.readStdin();
  try {
    return readFileSync(resolve(io.cwd, file), "utf8");
  } catch (fault) {
    throw new UsageError(`${file} can't be read: ${(fault as NodeJS.ErrnoException).code ?? "unknown reason"}`);
  }
}

function fromSources(paths: readonly string[], io: Io): LoadedBundle | null {
  const files = policyFiles(paths, io);
  const { diagnostics, manifest } = compile(files, { sequence: 0 });
  if (manifest !== null) return executableOf(manifest);
  const errors = diagnostics.filter((one) => one.severity === "error");
  io.stderr(renderTerminal(errors, files, io.colour));
  return null;
}

function fromBundle(file: string, keys: readonly string[] | undefined, io: Io): LoadedBundle | null {
  if (keys === undefined)
    throw new UsageError("--key is missing: give the public key that should have signed the bundle");
  let bytes: Buffer;
  try {
    bytes = readFileSync(resolve(io.cwd, file));
  } catch (fault) {
    throw new UsageError(`${file} can't be read: ${(fault as NodeJS.ErrnoException).code ?? "unknown reason"}`);
  }
  const loaded = loadBundle(bytes, publicKeys(keys, io), 0);
  if (loaded.ok) return loaded.value;
  io.stderr(`policyc: ${file} is refused: ${describeBundleError(loaded.error)}\n`);
  return null;
}

/** A decision with the rules' names in the place of their numbers. */
function decisionJson(manifest: Manifest, decision: Decision): object {
  const rule = (index: number): BundleRule => manifest.rules[index]!;
  const names = (indexes: readonly number[]): readonly string[] => indexes.map((index) => rule(index).name);
  return {
    version: 1,
    verdict: decision.verdict,
    deciding: decision.deciding.map((index) => {
      const { name, effect, because, annotations, source, approve } = rule(index);
      return {
        rule: name,
        effect,
        because,
        annotations: Object.fromEntries(annotations.map((one) => [one.key, one.values])),
        source: `${source.file}:${source.line}:${source.column}`,
        ...(approve === null ? {} : { approve }),
      };
    }),
    matched: names(decision.matched),
    unknown: names(decision.unknown),
    masks: decision.masks.map((index) => ({ rule: rule(index).name, mask: rule(index).mask })),
    limits: {
      rows: decision.rowLimit,
      bytes: decision.byteLimit,
      rates: decision.rates.map((index) => ({ rule: rule(index).name, ...rule(index).limit?.rate })),
    },
    alerts: decision.alerts.map((index) => ({ rule: rule(index).name, to: rule(index).alertTo })),
  };
}
