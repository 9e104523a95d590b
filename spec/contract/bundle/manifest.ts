import type { ProtocolName } from "../facts/index.ts";
import type { DecisionIndex } from "./decision-index.ts";

export const EFFECTS = ["allow", "deny", "approve", "mask", "limit"] as const;
export type Effect = (typeof EFFECTS)[number];

/** A pattern over catalog names. `null` stands for `*`: any name at that place. Names are folded as the database folds them. */
export interface ColumnPattern {
  readonly schema: string | null;
  readonly table: string | null;
  readonly column: string | null;
}

/** How a masked value is shown. `first` and `last` keep that many characters. */
export type MaskSpec =
  | { readonly kind: "null" }
  | { readonly kind: "redact" }
  | { readonly kind: "email" }
  | { readonly kind: "hash" }
  | { readonly kind: "first"; readonly keep: number }
  | { readonly kind: "last"; readonly keep: number };
export type MaskKind = MaskSpec["kind"];

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

export interface MaskClause {
  readonly columns: readonly ColumnPattern[];
  /** Column name to mask; `column: null` is `*`, the rest. A column that no entry names is redacted. */
  readonly with: readonly { readonly column: string | null; readonly mask: MaskSpec }[];
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
  readonly rowLimit: number | null;
}

/** A value in the constant pool. Sets are sorted and hold one kind of value. */
export type Constant =
  | { readonly kind: "bool"; readonly value: boolean }
  | { readonly kind: "int"; readonly value: number }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "set"; readonly values: readonly (string | number)[] }
  /** `like`: `*` within a segment, `**` across; segments are parted by `/`. */
  | { readonly kind: "glob"; readonly pattern: string }
  | { readonly kind: "cidr"; readonly text: string };

/** One condition: pairs of opcode and operand, and the most steps a run can take. */
export interface Program {
  readonly code: readonly number[];
  readonly stepsMax: number;
}

/** What a bundle says, decoded. The order of every list is part of the format, so that equal policies give equal bytes. */
export interface Manifest {
  readonly format: 2;
  readonly package: string;
  /** Increases with every release; a gateway refuses one lower than the one it runs. 0: not numbered. */
  readonly sequence: number;
  /** Features that a gateway must know to run this bundle; it refuses a bundle that names another. */
  readonly requires: readonly string[];
  /** Paths of the facts that programs read; the operand of `fact` is a place in this list. */
  readonly facts: readonly string[];
  readonly constants: readonly Constant[];
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
export type VectorValue = boolean | number | string | readonly string[] | { readonly [key: string]: string };
