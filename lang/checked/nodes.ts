import type {
  ApprovalSpec,
  ColumnPattern,
  DetectorCheck,
  Effect,
  LimitSpec,
  MaskClause,
  MaskSpec,
} from "../../spec/contract/bundle/index.ts";
import type { FactType, ProtocolName } from "../../spec/contract/facts/index.ts";
import type { Span } from "../source/index.ts";
import type { RegexNode } from "../syntax/index.ts";

export const TIME_PARTS = ["hour", "minute", "weekday"] as const;
export type TimePart = (typeof TIME_PARTS)[number];

/** An expression that was read: `syntax` has its meaning, the rest is what the writer wrote. */
export interface CheckedRegex {
  readonly source: string;
  readonly ignoreCase: boolean;
  readonly syntax: RegexNode;
  readonly span: Span;
}

/** Conditions with every name resolved and every type known. Lets are put in place of their names. */
export type CheckedExpr =
  | { readonly kind: "const"; readonly value: boolean | number | string; readonly type: FactType; readonly span: Span }
  | {
      readonly kind: "constant-set";
      readonly values: readonly (string | number)[];
      readonly of: FactType;
      readonly span: Span;
    }
  | { readonly kind: "fact"; readonly path: string; readonly type: FactType; readonly span: Span }
  /** The element that the `depth`-th enclosing quantifier looks at; 0 is the innermost. */
  | { readonly kind: "element"; readonly depth: number; readonly type: FactType; readonly span: Span }
  /** A map fact at a constant key; absent when the key is not there. */
  | {
      readonly kind: "index";
      readonly path: string;
      readonly key: string;
      readonly type: FactType;
      readonly span: Span;
    }
  | { readonly kind: "not"; readonly operand: CheckedExpr; readonly span: Span }
  | { readonly kind: "and" | "or"; readonly left: CheckedExpr; readonly right: CheckedExpr; readonly span: Span }
  | {
      readonly kind: "compare";
      readonly op: "==" | "!=" | "<" | "<=" | ">" | ">=";
      readonly left: CheckedExpr;
      readonly right: CheckedExpr;
      readonly span: Span;
    }
  | { readonly kind: "in"; readonly value: CheckedExpr; readonly set: CheckedExpr; readonly span: Span }
  | {
      readonly kind: "has";
      readonly mode: "one" | "any" | "all";
      readonly set: CheckedExpr;
      readonly values: CheckedExpr;
      readonly span: Span;
    }
  | { readonly kind: "like"; readonly value: CheckedExpr; readonly pattern: string; readonly span: Span }
  | {
      readonly kind: "affix";
      readonly side: "start" | "end";
      readonly value: CheckedExpr;
      readonly text: CheckedExpr;
      readonly span: Span;
    }
  | { readonly kind: "matches"; readonly value: CheckedExpr; readonly regex: CheckedRegex; readonly span: Span }
  /** A field of the record that `of` is; records are always whole. */
  | {
      readonly kind: "field";
      readonly of: CheckedExpr;
      readonly name: string;
      readonly type: FactType;
      readonly span: Span;
    }
  /** A part of a time, as clocks in the zone have it. */
  | {
      readonly kind: "time-part";
      readonly part: TimePart;
      readonly time: CheckedExpr;
      readonly zone: string;
      readonly span: Span;
    }
  | { readonly kind: "within"; readonly value: CheckedExpr; readonly cidr: string; readonly span: Span }
  | { readonly kind: "exists"; readonly operand: CheckedExpr; readonly span: Span }
  | { readonly kind: "else"; readonly value: CheckedExpr; readonly fallback: CheckedExpr; readonly span: Span }
  | {
      readonly kind: "quantified";
      readonly quantifier: "any" | "all";
      readonly over: CheckedExpr;
      readonly condition: CheckedExpr;
      readonly span: Span;
    };

export type CheckedMask = Omit<MaskClause, "output"> & {
  /** Null: the rule says nothing of streams; empty: all of it. */
  readonly output: readonly CheckedRegex[] | null;
};

export interface CheckedRule {
  readonly name: string;
  readonly effect: Effect;
  readonly protocols: readonly ProtocolName[];
  readonly when: CheckedExpr | null;
  readonly unless: CheckedExpr | null;
  readonly because: string | null;
  readonly annotations: readonly { readonly key: string; readonly values: readonly (string | number | boolean)[] }[];
  readonly approve: ApprovalSpec | null;
  readonly mask: CheckedMask | null;
  readonly limit: LimitSpec | null;
  readonly alertTo: readonly string[];
  readonly span: Span;
  readonly nameSpan: Span;
}

export type FactValueLiteral = boolean | number | string | readonly string[];

export type CheckedExpectation =
  | {
      readonly kind: "verdict";
      readonly verdict: "allow" | "deny" | "approve";
      readonly by: string | null;
      readonly span: Span;
    }
  | {
      readonly kind: "masked";
      readonly column: string;
      readonly by: string | null;
      readonly mask: MaskSpec | null;
      readonly span: Span;
    }
  | { readonly kind: "plain"; readonly column: string; readonly span: Span }
  | { readonly kind: "limit"; readonly count: number; readonly unit: "rows" | "bytes"; readonly span: Span }
  | { readonly kind: "message"; readonly text: string; readonly span: Span }
  | {
      readonly kind: "approvers";
      readonly groups: readonly string[];
      readonly users: readonly string[];
      readonly quorum: number | null;
      readonly span: Span;
    }
  | { readonly kind: "matched"; readonly rule: string; readonly matched: boolean; readonly span: Span };

/** What a test does. `facts`: nothing but the facts that it states. */
export type TestAction =
  | { readonly form: "sql" | "ssh" | "kubectl"; readonly text: string; readonly span: Span }
  | {
      readonly form: "http";
      readonly method: string;
      readonly path: string;
      readonly headers: readonly (readonly [name: string, value: string])[];
      readonly body: string | null;
      readonly span: Span;
    }
  | {
      readonly form: "tool";
      readonly name: string;
      readonly args: Readonly<Record<string, string | number | boolean>>;
      readonly span: Span;
    }
  | { readonly form: "facts"; readonly protocol: ProtocolName; readonly span: Span };

/** One row of a test's tables: everything written out. */
export interface TestCase {
  /** What the tables put in, for titles: `who = ana`. Empty without tables. */
  readonly title: string;
  readonly user: { readonly name: string; readonly groups: readonly string[] };
  readonly target: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly action: TestAction;
}

export interface CheckedTest {
  readonly name: string;
  readonly file: string;
  readonly schema: string | null;
  /** Milliseconds since 1970; null when the test says nothing of it. */
  readonly timeMs: number | null;
  /** Facts given outright, by path; they stand beside what the action itself shows. */
  readonly facts: readonly { readonly path: string; readonly value: FactValueLiteral }[];
  readonly cases: readonly TestCase[];
  readonly expectations: readonly CheckedExpectation[];
  readonly span: Span;
}

export interface CheckedDetector {
  readonly name: string;
  readonly regex: CheckedRegex;
  readonly check: DetectorCheck | null;
  readonly span: Span;
}

/** An invariant: no action of these protocols for which the condition holds may come to be allowed. */
export interface CheckedNever {
  readonly title: string;
  readonly file: string;
  readonly protocols: readonly ProtocolName[];
  /** Null: every action. */
  readonly condition: CheckedExpr | null;
  /** Columns that would have to come back as they are for the invariant to be broken; all of them. */
  readonly plain: readonly ColumnPattern[];
  /** Not even when somebody approves it. */
  readonly evenApproved: boolean;
  readonly annotations: CheckedRule["annotations"];
  readonly span: Span;
}

export interface CheckedPolicy {
  readonly package: string;
  readonly rules: readonly CheckedRule[];
  readonly tests: readonly CheckedTest[];
  readonly detectors: readonly CheckedDetector[];
  readonly nevers: readonly CheckedNever[];
}
