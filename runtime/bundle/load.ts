import type { KeyObject } from "node:crypto";
import { assert } from "../../base/assert.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { verify } from "../../spec/contract/bytecode/index.ts";
import { decodeManifest, openBundle, type EnvelopeError, type Manifest } from "../../spec/contract/bundle/index.ts";
import { PROTOCOLS, factAt, type FactLifetime, type ProtocolName } from "../../spec/contract/facts/index.ts";
import { CubeIndex, classesOf, prepare, type Classes, type Machine } from "../vm/index.ts";
import { factsReadBy } from "./facts-read.ts";
import { runProbes } from "./probes.ts";
import { ruleFault } from "./rule-fault.ts";
import { runVectors } from "./self-test.ts";

/** Features that this gateway can carry out. A bundle that needs another one is refused. */
export const FEATURES: ReadonlySet<string> = new Set([
  "sql/1",
  "mask/1",
  "mask-detect/1",
  "mask-output/1",
  "mask-fields/1",
  "mask-substitute/1",
  "mask-trusted/1",
  "approve/1",
  "limit-rows/1",
  "limit-bytes/1",
  "limit-rate/1",
  "alert/1",
]);

export type BundleError =
  | EnvelopeError
  | { readonly kind: "malformed"; readonly where: string; readonly why: string }
  | { readonly kind: "bad-bytecode"; readonly program: number; readonly at: number; readonly why: string }
  | { readonly kind: "missing-feature"; readonly feature: string }
  | { readonly kind: "unknown-fact"; readonly path: string }
  | { readonly kind: "older-sequence"; readonly found: number; readonly active: number }
  | { readonly kind: "index-strays"; readonly rule: string; readonly facts: string }
  | { readonly kind: "failed-self-test"; readonly vector: number; readonly expected: string; readonly found: string };

/** A bundle that was proved and tested, ready to decide. */
export class LoadedBundle {
  readonly digest: string;
  readonly keyId: string;
  readonly manifest: Manifest;
  readonly machine: Machine;
  /** The values of each dimension of the index, told apart. */
  readonly classesOf: (dimension: number) => Classes;
  readonly #rules: ReadonlyMap<ProtocolName, readonly number[]>;
  readonly #lifetimes: readonly FactLifetime[];
  readonly #indexes = new Map<ProtocolName, CubeIndex>();

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
    this.classesOf = classesOf(manifest.index);
    // Made now, so that the first decision does not wait for it.
    for (const protocol of rules.keys()) this.indexOf(protocol);
    const read = factsReadBy(manifest);
    const byProtocol = new Map(PROTOCOLS.map((protocol) => [protocol, lifetimesFor(protocol, manifest)]));
    this.#lifetimes = manifest.rules.map(({ condition, protocols }) => {
      let worst = 0;
      for (const protocol of condition < 0 ? [] : protocols)
        for (const fact of read[condition]!) worst = Math.max(worst, byProtocol.get(protocol)![fact]!);
      return LIFETIMES[worst]!;
    });
  }

  rulesOf(protocol: ProtocolName): readonly number[] {
    return this.#rules.get(protocol) ?? [];
  }

  lifetimeOf(rule: number): FactLifetime {
    return this.#lifetimes[rule] ?? "execution";
  }

  lifetimeOfFact(path: string, protocol: ProtocolName): FactLifetime {
    return factAt(protocol, path)?.lifetime ?? "execution";
  }

  indexOf(protocol: ProtocolName): CubeIndex {
    const known = this.#indexes.get(protocol);
    if (known !== undefined) return known;
    const { rules, index } = this.manifest;
    // Protocols of one family mostly have the same rules.
    const own = this.rulesOf(protocol);
    for (const [other, known] of this.#indexes)
      if (sameNumbers(own, this.rulesOf(other))) {
        this.#indexes.set(protocol, known);
        return known;
      }
    const made = new CubeIndex(index, (rule) => rules[rule]!.protocols.includes(protocol), this.classesOf);
    this.#indexes.set(protocol, made);
    return made;
  }
}

const sameNumbers = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((one, i) => one === b[i]);

const LIFETIMES: readonly FactLifetime[] = ["session", "statement", "execution"];

/** For a protocol, the lifetime of each fact that the bundle reads: a place in `LIFETIMES`, or -1 where it has none such. */
const lifetimesFor = (protocol: ProtocolName, { facts }: Manifest): Int8Array =>
  Int8Array.from(facts, (path) => LIFETIMES.indexOf(factAt(protocol, path)?.lifetime as FactLifetime));

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
  for (const [i, rule] of manifest.rules.entries()) {
    const why = ruleFault(rule, manifest);
    if (why !== null) return err({ kind: "malformed", where: `rules[${i}]`, why });
  }
  const verified = verify(manifest);
  if (!verified.ok) return err({ kind: "bad-bytecode", ...verified.error });
  const unknown = unknownFact(manifest);
  if (unknown !== null) return err({ kind: "unknown-fact", path: unknown });
  if (manifest.sequence < activeSequence)
    return err({ kind: "older-sequence", found: manifest.sequence, active: activeSequence });
  const machine = prepare(verified.value);
  const bundle = new LoadedBundle(opened.value.digest, opened.value.keyId, manifest, machine);
  assert(bundle.manifest.programs.length === machine.code.length, "every program was made ready");
  const failed = runVectors(bundle);
  return failed === null ? ok(bundle) : err({ kind: "failed-self-test", ...failed });
}

/**
 * What a build and `policyc verify` look for beyond that: an index that disagrees with the conditions. It takes longer than a
 * gateway may stand still for, and only whoever holds the key can have written such a bundle.
 */
export function checkIndex(bundle: LoadedBundle): BundleError | null {
  const strayed = runProbes(bundle);
  return strayed === null ? null : { kind: "index-strays", ...strayed };
}

/** A fact that a rule or its cubes read though one of its protocols has none such; after the bytecode was verified. */
function unknownFact(manifest: Manifest): string | null {
  const read = factsReadBy(manifest);
  const byProtocol = new Map(PROTOCOLS.map((protocol) => [protocol, lifetimesFor(protocol, manifest)]));
  for (const { condition, protocols } of manifest.rules)
    for (const protocol of condition < 0 ? [] : protocols) {
      const lifetimes = byProtocol.get(protocol)!;
      for (const fact of read[condition]!) if (lifetimes[fact]! < 0) return manifest.facts[fact]!;
    }
  const { dimensions, constraints, cubes } = manifest.index;
  // Cubes are many and dimensions few: for each protocol, those that it is known to have.
  const known = new Map<ProtocolName, Uint8Array>();
  for (const cube of cubes)
    for (const protocol of manifest.rules[cube.rule]!.protocols) {
      let own = known.get(protocol);
      if (own === undefined) known.set(protocol, (own = new Uint8Array(dimensions.length)));
      for (const number of cube.constraints) {
        const { dimension } = constraints[number]!;
        if (own[dimension] === 1) continue;
        const { path } = dimensions[dimension]!;
        if (factAt(protocol, path) === undefined) return path;
        own[dimension] = 1;
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
      if (error.program < 0) return error.why;
      return `program ${error.program}${error.at < 0 ? "" : `, instruction ${error.at}`}: ${error.why}`;
    case "missing-feature":
      return `it needs ${error.feature}, which this gateway does not have; upgrade the gateway first`;
    case "unknown-fact":
      return `it reads fact ${error.path}, which this gateway does not supply`;
    case "older-sequence":
      return `its sequence ${error.found} is lower than the active one, ${error.active}; build it with a higher --sequence`;
    case "index-strays":
      return `its index and the condition of rule ${error.rule} disagree when ${error.facts}; build it again with this version's policyc`;
    case "failed-self-test":
      return `its own test vector ${error.vector} fails: expected ${error.expected}, found ${error.found}`;
  }
}
