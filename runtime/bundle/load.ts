import type { KeyObject } from "node:crypto";
import { assert } from "../../base/assert.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { verify } from "../../spec/contract/bytecode/index.ts";
import { decodeManifest, openBundle, type EnvelopeError, type Manifest } from "../../spec/contract/bundle/index.ts";
import { factsOf, type FactLifetime, type ProtocolName } from "../../spec/contract/facts/index.ts";
import { CubeIndex, classesOf, prepare, type Machine } from "../vm/index.ts";
import { runVectors } from "./self-test.ts";
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
  readonly #indexes = new Map<ProtocolName, CubeIndex>();
  readonly #classes: ReturnType<typeof classesOf>;

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
    this.#classes = classesOf(manifest.index);
    // Made now, so that the first decision does not wait for it.
    for (const protocol of rules.keys()) this.indexOf(protocol);
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

  lifetimeOfFact(path: string, protocol: ProtocolName): FactLifetime {
    return factsOf(protocol).find((fact) => fact.path === path)?.lifetime ?? "execution";
  }

  indexOf(protocol: ProtocolName): CubeIndex {
    const known = this.#indexes.get(protocol);
    if (known !== undefined) return known;
    const { rules, index } = this.manifest;
    const made = new CubeIndex(index, (rule) => rules[rule]!.protocols.includes(protocol), this.#classes);
    this.#indexes.set(protocol, made);
    return made;
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
  return failed === null ? ok(bundle) : err({ kind: "failed-self-test", ...failed });
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
    if ((rule.effect === "limit") !== (rule.limit !== null))
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
