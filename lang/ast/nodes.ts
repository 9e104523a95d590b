import type { Span } from "../source/index.ts";

/** The syntax tree: plain data, `kind` and `span` on every node, no links to later stages. A hole is a node too. */
interface Node<K extends string> {
  readonly kind: K;
  readonly span: Span;
}

export interface Identifier {
  readonly text: string;
  readonly span: Span;
}

export interface BoolLiteral extends Node<"bool"> {
  readonly value: boolean;
}
export interface IntLiteral extends Node<"int"> {
  readonly value: number;
}
export interface StringLiteral extends Node<"string"> {
  readonly value: string;
}
export interface DurationLiteral extends Node<"duration"> {
  readonly ms: number;
}
export interface ListLiteral extends Node<"list"> {
  readonly items: readonly Expr[];
}
/** `statement.kind`, `production`, `drop_table`: what it means is found out by the checker. */
export interface Path extends Node<"path"> {
  readonly parts: readonly Identifier[];
}
export interface Index extends Node<"index"> {
  readonly of: Expr;
  readonly key: StringLiteral;
}
export interface Call extends Node<"call"> {
  readonly name: Identifier;
  readonly args: readonly Expr[];
}
export interface Not extends Node<"not"> {
  readonly operand: Expr;
}
export interface Exists extends Node<"exists"> {
  readonly operand: Expr;
}
export const BINARY_OPERATORS = [
  "or",
  "and",
  "==",
  "!=",
  "<",
  "<=",
  ">",
  ">=",
  "in",
  "has",
  "has any",
  "has all",
  "like",
  "matches",
  "starts with",
  "ends with",
  "within",
  "else",
] as const;
export type BinaryOperator = (typeof BINARY_OPERATORS)[number];
export interface Binary extends Node<"binary"> {
  readonly op: BinaryOperator;
  readonly left: Expr;
  readonly right: Expr;
}
export interface Quantified extends Node<"quantified"> {
  readonly quantifier: "any" | "all";
  readonly variable: Identifier;
  readonly over: Expr;
  readonly condition: Expr;
}
/** Stands where an expression is required but none was written. */
export interface Missing extends Node<"missing"> {}

export type Expr =
  | BoolLiteral
  | IntLiteral
  | StringLiteral
  | DurationLiteral
  | ListLiteral
  | Path
  | Index
  | Call
  | Not
  | Exists
  | Binary
  | Quantified
  | Missing;

/** One place of a column pattern: a name (folded unless it was quoted), `*`, or a choice of names. */
export interface PatternPart {
  readonly names: readonly { readonly text: string; readonly quoted: boolean; readonly span: Span }[] | "*";
  readonly span: Span;
}
/** `public.users.{email, ssn}`, or the name of a column set (one part). */
export interface ColumnPatternNode extends Node<"pattern"> {
  readonly parts: readonly PatternPart[];
}

export interface MaskSpecNode extends Node<"mask-spec"> {
  readonly name: Identifier;
  readonly argument: IntLiteral | null;
}
export interface MaskEntry {
  readonly column: Identifier | "*";
  readonly mask: MaskSpecNode;
  readonly span: Span;
}

export interface Annotation extends Node<"annotation"> {
  readonly key: Identifier;
  readonly values: readonly (StringLiteral | IntLiteral | BoolLiteral)[];
}

export interface Approver {
  readonly kind: "group" | "user";
  readonly name: StringLiteral;
}

export type Clause =
  | (Node<"when"> & { readonly condition: Expr })
  | (Node<"unless"> & { readonly condition: Expr })
  | (Node<"because"> & { readonly text: StringLiteral })
  | (Node<"by"> & { readonly approvers: readonly Approver[] })
  | (Node<"quorum"> & { readonly count: IntLiteral })
  | (Node<"within"> & { readonly duration: DurationLiteral })
  | (Node<"valid"> & { readonly duration: DurationLiteral | null })
  | (Node<"columns"> & { readonly patterns: readonly ColumnPatternNode[] })
  | (Node<"with"> & { readonly masks: readonly MaskEntry[] })
  | (Node<"rows"> & { readonly count: IntLiteral })
  /** A clause of the language that this version reads but can't carry out. */
  | (Node<"planned"> & { readonly word: string });

export interface PackageDecl extends Node<"package"> {
  readonly name: string;
}
export interface LetDecl extends Node<"let"> {
  readonly name: Identifier;
  readonly value: Expr;
}
export interface ColumnsDecl extends Node<"column-set"> {
  readonly name: Identifier;
  readonly patterns: readonly ColumnPatternNode[];
}
export interface RuleDecl extends Node<"rule"> {
  readonly effect: Identifier;
  readonly name: Identifier;
  readonly scopes: readonly Identifier[];
  readonly clauses: readonly Clause[];
  readonly annotations: readonly Annotation[];
}

export type Expectation =
  | (Node<"verdict"> & { readonly verdict: "allow" | "deny" | "approve"; readonly by: Identifier | null })
  | (Node<"masked"> & { readonly column: Identifier; readonly by: Identifier | null })
  | (Node<"plain"> & { readonly column: Identifier })
  | (Node<"row-limit"> & { readonly count: IntLiteral })
  | (Node<"message"> & { readonly text: StringLiteral });

export type TestEntry =
  | (Node<"user"> & { readonly name: StringLiteral; readonly groups: readonly StringLiteral[] })
  | (Node<"target"> & {
      readonly name: StringLiteral;
      readonly labels: readonly { readonly key: Identifier; readonly value: StringLiteral }[];
    })
  | (Node<"schema"> & { readonly path: StringLiteral })
  | (Node<"sql"> & { readonly texts: readonly StringLiteral[] })
  | (Node<"facts"> & { readonly facts: readonly { readonly path: Path; readonly value: Expr }[] })
  | (Node<"expect"> & { readonly expectation: Expectation });

export interface TestDecl extends Node<"test"> {
  readonly name: StringLiteral;
  readonly entries: readonly TestEntry[];
}

export type Item = PackageDecl | LetDecl | ColumnsDecl | RuleDecl | TestDecl;

export interface PolicyFile {
  readonly path: string;
  readonly items: readonly Item[];
  /** Comments in order of place, for the formatter. */
  readonly comments: readonly { readonly text: string; readonly span: Span }[];
}
