import type { KeyObject } from "node:crypto";
import { assert } from "../../base/assert.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { verify } from "../../spec/contract/bytecode/index.ts";
import { decodeManifest, openBundle, type EnvelopeError, type Manifest } from "../../spec/contract/bundle/index.ts";
import {
  ABSENT,
  UNKNOWN,
  factsOf,
  type FactLifetime,
  type FactValue,
  type ProtocolName,
} from "../../spec/contract/facts/index.ts";
import { prepare, run, type Machine } from "../vm/index.ts";
import { OP } from "../../spec/contract/bytecode/index.ts";

/** Features that this gateway can carry out. A bundle that needs another one is refused. */
export const FEATURES: ReadonlySet<string> = new Set(["sql/1", "mask/1", "approve/1", "limit-rows/1"]);

export type BundleError =
  | EnvelopeError
  | { readonly kind: "malformed"; readonly where: string; readonly why: string }
  | { readonly kind: "bad-bytecode"; readonly program: number; readonly at: number; readonly why: string }
  | { readonly kind: "missing-feature"; readonly feature: string }
  | { readonly kind: "unknown-fact"; readonly path: string }
  | { readonly kind: "older-sequence"; readonly found: number; readonly active: number }
  | { readonly kind: "failed-self-test"; readonly vector: number; readonly expected: string; readonly found: string };

/** A bundle that was proved and tested, ready to decide. */
export class LoadedBundle {
  readonly digest: string;
  readonly keyId: string;
  readonly manifest: Manifest;
  readonly machine: Machine;
  readonly #rules: ReadonlyMap<ProtocolName, readonly number[]>;
  readonly #lifetimes: readonly FactLifetime[];

  constructor(digest: string, keyId: string, manifest: Manifest, machine: Machine) {
    this.digest = digest;
    this.keyId = keyId;
    this.manifest = manifest;
    this.machine = machine;
    const rules = new Map<ProtocolName, number[]>();
    for (const [i, rule] of manifest.rules.entries()) {
      for (const protocol of rule.protocols) {
        const list = rules.get(protocol) ?? [];
        list.push(i);
        rules.set(protocol, list);
      }
    }
    this.#rules = rules;
    this.#lifetimes = manifest.rules.map((rule) =>
      lifetimeOf(manifest, rule.condition, rule.protocols[0] ?? "postgres"),
    );
  }

  rulesOf(protocol: ProtocolName): readonly number[] {
    return this.#rules.get(protocol) ?? [];
  }

  lifetimeOf(rule: number): FactLifetime {
    return this.#lifetimes[rule] ?? "execution";
  }
}

const LIFETIMES: readonly FactLifetime[] = ["session", "statement", "execution"];

function lifetimeOf(manifest: Manifest, program: number, protocol: ProtocolName): FactLifetime {
  if (program < 0) return "session";
  let worst = 0;
  const { code } = manifest.programs[program]!;
  for (let at = 0; at < code.length; at += 2) {
    const operand = code[at + 1]!;
    if (code[at] === OP.fact) {
      const path = manifest.facts[operand]!;
      const fact = factsOf(protocol).find((known) => known.path === path);
      worst = Math.max(worst, LIFETIMES.indexOf(fact?.lifetime ?? "execution"));
    } else if (code[at] === OP.any || code[at] === OP.all) {
      worst = Math.max(worst, LIFETIMES.indexOf(lifetimeOf(manifest, operand, protocol)));
    }
  }
  return LIFETIMES[worst]!;
}

/**
 * Takes a bundle in: signature, form, bytecode, features, facts, sequence, and at last the bundle's own test vectors. What
 * can't be proved is refused with the reason; nothing of a refused bundle is kept.
 */
export function loadBundle(
  bytes: Uint8Array,
  keys: readonly KeyObject[],
  activeSequence: number,
): Result<LoadedBundle, BundleError> {
  const opened = openBundle(bytes, keys);
  if (!opened.ok) return opened;
  const decoded = decodeManifest(opened.value.payload);
  if (!decoded.ok) return err({ kind: "malformed", ...decoded.error });
  const manifest = decoded.value;
  const feature = manifest.requires.find((name) => !FEATURES.has(name));
  if (feature !== undefined) return err({ kind: "missing-feature", feature });
  const wrong = wrongReference(manifest);
  if (wrong !== null) return err(wrong);
  const verified = verify(manifest);
  if (!verified.ok) return err({ kind: "bad-bytecode", ...verified.error });
  if (manifest.sequence < activeSequence)
    return err({ kind: "older-sequence", found: manifest.sequence, active: activeSequence });
  const machine = prepare(verified.value);
  const bundle = new LoadedBundle(opened.value.digest, opened.value.keyId, manifest, machine);
  assert(bundle.manifest.programs.length === machine.code.length, "every program was made ready");
  const failed = runVectors(bundle);
  return failed === null ? ok(bundle) : err(failed);
}

/** Places in tables that nothing but the loader looks at. */
function wrongReference(manifest: Manifest): BundleError | null {
  for (const [i, rule] of manifest.rules.entries()) {
    const malformed = (why: string): BundleError => ({ kind: "malformed", where: `rules[${i}]`, why });
    if (rule.condition < -1 || rule.condition >= manifest.programs.length)
      return malformed("has a condition that is not there");
    if ((rule.effect === "approve") !== (rule.approve !== null))
      return malformed("has approval details that don't fit its effect");
    if ((rule.effect === "mask") !== (rule.mask !== null))
      return malformed("has mask details that don't fit its effect");
    if ((rule.effect === "limit") !== (rule.rowLimit !== null))
      return malformed("has a limit that doesn't fit its effect");
    if (
      rule.approve !== null &&
      (rule.approve.quorum < 1 || rule.approve.groups.length + rule.approve.users.length === 0)
    ) {
      return malformed("asks for approval by nobody");
    }
    for (const protocol of rule.protocols) {
      const known = new Set(factsOf(protocol).map((fact) => fact.path));
      const unknown = manifest.facts.find((path) => !known.has(path));
      if (unknown !== undefined) return { kind: "unknown-fact", path: unknown };
    }
  }
  return null;
}

function runVectors(bundle: LoadedBundle): BundleError | null {
  const { manifest, machine } = bundle;
  for (const [i, vector] of manifest.vectors.entries()) {
    const given = new Map(vector.facts.map(({ path, value }): [string, FactValue] => [path, toFactValue(value)]));
    const slots = manifest.facts.map((path) => given.get(path) ?? ABSENT);
    const matched: number[] = [];
    for (const index of bundle.rulesOf(vector.protocol)) {
      const rule = manifest.rules[index]!;
      const found = rule.condition < 0 ? true : run(machine, rule.condition, slots);
      if (found === UNKNOWN ? rule.effect !== "allow" : found) matched.push(index);
    }
    if (matched.join() !== vector.matched.join()) {
      return {
        kind: "failed-self-test",
        vector: i,
        expected: `rules ${vector.matched.join(", ")}`,
        found: `rules ${matched.join(", ")}`,
      };
    }
  }
  return null;
}

function toFactValue(value: Manifest["vectors"][number]["facts"][number]["value"]): FactValue {
  if (value === null) return UNKNOWN;
  if (typeof value !== "object") return value;
  return Array.isArray(value)
    ? new Set(value as readonly string[])
    : new Map(Object.entries(value as Record<string, string>));
}

/** A refused bundle in words for an operator. */
export function describeBundleError(error: BundleError): string {
  switch (error.kind) {
    case "not-a-bundle":
      return `this is not a bundle: ${error.why}; build one with policyc build`;
    case "unsupported-version":
      return `its envelope is version ${error.found}; this gateway reads version 1`;
    case "unknown-key":
      return `it is signed by key ${error.keyId}; this gateway trusts ${error.known.join(", ") || "none"} (bundle.keys)`;
    case "bad-signature":
      return `its signature does not fit its content (key ${error.keyId})`;
    case "malformed":
      return `${error.where} ${error.why}`;
    case "bad-bytecode":
      return `program ${error.program}, instruction ${error.at}: ${error.why}`;
    case "missing-feature":
      return `it needs ${error.feature}, which this gateway does not have; upgrade the gateway first`;
    case "unknown-fact":
      return `it reads fact ${error.path}, which this gateway does not supply`;
    case "older-sequence":
      return `its sequence ${error.found} is lower than the active one, ${error.active}; build it with a higher --sequence`;
    case "failed-self-test":
      return `its own test vector ${error.vector} fails: expected ${error.expected}, found ${error.found}`;
  }
}
