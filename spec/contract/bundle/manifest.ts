import type { ProtocolName } from "../facts/index.ts";
import type { DecisionIndex } from "./decision-index.ts";
import type { MaskSpec } from "./masks.ts";

export const EFFECTS = ["allow", "deny", "approve", "mask", "limit", "alert"] as const;
export type Effect = (typeof EFFECTS)[number];

/** A pattern over catalog names. `null` stands for `*`: any name at that place. Names are folded as the database folds them. */
export interface ColumnPattern {
  readonly schema: string | null;
  readonly table: string | null;
  readonly column: string | null;
}

export interface ApprovalSpec {
  /** Approvers are members of any of these groups, or any of these users. */
  readonly groups: readonly string[];
  readonly users: readonly string[];
  /** Distinct people who must grant. At least 1. */
  readonly quorum: number;
  /** How long the request waits. */
  readonly withinMs: number;
  /** 0: used once; else the grant serves the same action for that long. */
  readonly validMs: number;
}

/** What happens to a statement whose conditions, order or grouping would tell what a mask on columns hides. */
export const PREDICATE_MODES = ["refuse", "substitute", "allow"] as const;
export type PredicateMode = (typeof PREDICATE_MODES)[number];

/** What a mask rule speaks of: at least one of the four. */
export interface MaskClause {
  readonly columns: readonly ColumnPattern[];
  /** Paths into JSON and forms: `$.customers[*].email`, `$..ssn`; into GraphQL by type and field: `User.email`. */
  readonly fields: readonly string[];
  /** Names of detectors: of `Manifest.detectors`, or built in. */
  readonly detect: readonly string[];
  /** Of a text stream: null when the rule says nothing of it; empty: all of it; else what these match (`Manifest.expressions`). */
  readonly output: readonly number[] | null;
  /** Name of a column or field to mask; `name: null` is `*`, the rest. What no entry names is redacted. */
  readonly with: readonly { readonly name: string | null; readonly mask: MaskSpec }[];
  readonly predicates: PredicateMode;
  /** `schema.function`s that the author vouches for: calls over masked columns reveal nothing but what the mask shows. */
  readonly trusted: readonly string[];
}

/** What a limit rule allows; at least one of the three. */
export interface LimitSpec {
  readonly rows: number | null;
  readonly bytes: number | null;
  readonly rate: { readonly count: number; readonly perMs: number } | null;
}

export interface BundleRule {
  readonly name: string;
  readonly effect: Effect;
  readonly protocols: readonly ProtocolName[];
  /** Program of the condition (`when` and not `unless`), or -1 when the rule always applies. */
  readonly condition: number;
  readonly because: string | null;
  readonly annotations: readonly { readonly key: string; readonly values: readonly (string | number | boolean)[] }[];
  readonly source: { readonly file: string; readonly line: number; readonly column: number };
  readonly approve: ApprovalSpec | null;
  readonly mask: MaskClause | null;
  readonly limit: LimitSpec | null;
  /** Names of the gateway's channels that are told; only of `alert` rules. */
  readonly alertTo: readonly string[];
}

/** A value in the constant pool. Sets are sorted and hold one kind of value. */
export type Constant =
  | { readonly kind: "bool"; readonly value: boolean }
  | { readonly kind: "int"; readonly value: number }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "set"; readonly values: readonly (string | number)[] }
  /** `like`: `*` within a segment, `**` across; segments are parted by `/`. */
  | { readonly kind: "glob"; readonly pattern: string }
  | { readonly kind: "cidr"; readonly text: string }
  /** `matches`: a place in `Manifest.expressions`. */
  | { readonly kind: "expression"; readonly expression: number }
  /** A time zone: from each moment (ms since 1970, ascending, the first is the earliest told) on, minutes ahead of UTC. */
  | {
      readonly kind: "zone";
      readonly name: string;
      readonly from: readonly number[];
      readonly minutes: readonly number[];
    };

/** One condition: pairs of opcode and operand, and the most steps a run can take. */
export interface Program {
  readonly code: readonly number[];
  readonly stepsMax: number;
}

/**
 * A linear-time expression, as a deterministic automaton over code points. It begins in state 0; state 1 is the one that
 * nothing leaves and nothing is accepted in. Accepting is judged at the end of a text (`matches` has `.*` put around what
 * is not anchored) or, for detectors and streams, wherever a longest match ends.
 */
export interface Expression {
  /** As the author wrote it, for people to read. */
  readonly source: string;
  /** First code points of runs that are read alike; ascending, the first is 0. */
  readonly starts: readonly number[];
  /** The input class of each run. */
  readonly inputs: readonly number[];
  readonly inputCount: number;
  /** `state * inputCount + input` gives the next state. */
  readonly next: Uint32Array;
  /** Accepting states, ascending. */
  readonly accepting: readonly number[];
}

export const DETECTOR_CHECKS = ["luhn", "mod97"] as const;
export type DetectorCheck = (typeof DETECTOR_CHECKS)[number];

/** A detector that the policy itself declares: what its expression matches and its check confirms. */
export interface DetectorSpec {
  readonly name: string;
  /** Place in `Manifest.expressions`; its automaton is anchored at the beginning. */
  readonly expression: number;
  readonly check: DetectorCheck | null;
}

/** What a bundle says, decoded. The order of every list is part of the format, so that equal policies give equal bytes. */
export interface Manifest {
  readonly format: 3;
  readonly package: string;
  /** Increases with every release; a gateway refuses one lower than the one it runs. 0: not numbered. */
  readonly sequence: number;
  /** Features that a gateway must know to run this bundle; it refuses a bundle that names another. */
  readonly requires: readonly string[];
  /** Paths of the facts that programs read; the operand of `fact` is a place in this list. */
  readonly facts: readonly string[];
  readonly constants: readonly Constant[];
  readonly expressions: readonly Expression[];
  readonly detectors: readonly DetectorSpec[];
  readonly programs: readonly Program[];
  readonly rules: readonly BundleRule[];
  /** Source files with the SHA-256 of each, so that a decision can be traced to the text. */
  readonly sources: readonly { readonly file: string; readonly sha256: string }[];
  /** Self-tests: facts by path and the expected decision; run before the bundle is taken into use. */
  readonly vectors: readonly TestVector[];
  /** The most steps that a decision of one action can take. */
  readonly stepsMax: number;
  /** When each rule fires, as cubes. */
  readonly index: DecisionIndex;
}

export interface TestVector {
  readonly protocol: ProtocolName;
  /** `null` stands for unknown; a fact that is not listed is absent. */
  readonly facts: readonly { readonly path: string; readonly value: VectorValue | null }[];
  readonly verdict: "allow" | "approve" | "deny";
  readonly matched: readonly number[];
}
export type VectorRecord = { readonly [field: string]: boolean | number | string | readonly string[] };
export type VectorValue =
  | boolean
  | number
  | string
  | readonly string[]
  | { readonly [key: string]: string }
  | { readonly records: readonly VectorRecord[] };
