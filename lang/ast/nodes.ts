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
/** `cidr("…")`, or `time.hour("…")` with the receiver `time`. */
export interface Call extends Node<"call"> {
  readonly receiver: Expr | null;
  readonly name: Identifier;
  readonly args: readonly Expr[];
}
/** `/re/` or `/re/i`: the text between the slashes is read by the checker. */
export interface RegexLiteral extends Node<"regex"> {
  readonly source: string;
  readonly ignoreCase: boolean;
}
/** `plain users.ssn`, in a `never`: the column comes back as it is. */
export interface Plain extends Node<"plain"> {
  readonly pattern: ColumnPatternNode;
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
  | RegexLiteral
  | Plain
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
  readonly args: readonly (IntLiteral | StringLiteral | Path)[];
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
  | (Node<"limits"> & { readonly limits: readonly LimitNode[] })
  | (Node<"notify"> & { readonly channels: readonly StringLiteral[] })
  | (Node<"fields"> & { readonly paths: readonly StringLiteral[] })
  | (Node<"detect"> & { readonly detectors: readonly Identifier[] })
  | (Node<"output"> & { readonly expressions: readonly RegexLiteral[] })
  | (Node<"predicates"> & { readonly mode: Identifier })
  | (Node<"trust"> & { readonly functions: readonly StringLiteral[] })
  | Node<"even-approved">;

export const LIMIT_UNITS = ["rows", "bytes", "statements"] as const;
export interface LimitNode {
  readonly count: IntLiteral;
  readonly unit: (typeof LIMIT_UNITS)[number];
  readonly per: DurationLiteral | null;
  readonly span: Span;
}

export interface PackageDecl extends Node<"package"> {
  readonly name: string;
}
export interface ImportDecl extends Node<"import"> {
  readonly names: readonly Identifier[];
  readonly from: Identifier;
}
export interface LetDecl extends Node<"let"> {
  readonly exported: boolean;
  readonly name: Identifier;
  readonly value: Expr;
}
export interface ColumnsDecl extends Node<"column-set"> {
  readonly exported: boolean;
  readonly name: Identifier;
  readonly patterns: readonly ColumnPatternNode[];
}
export interface DetectorDecl extends Node<"detector"> {
  readonly exported: boolean;
  readonly name: Identifier;
  readonly expression: RegexLiteral;
  readonly check: Identifier | null;
}
/** `never "title" on sql when …`: no action for which the condition holds may be allowed. */
export interface NeverDecl extends Node<"never"> {
  readonly title: StringLiteral;
  readonly scopes: readonly Identifier[];
  readonly clauses: readonly Clause[];
  readonly annotations: readonly Annotation[];
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
  | (Node<"masked"> & {
      readonly column: Identifier;
      readonly by: Identifier | null;
      readonly mask: MaskSpecNode | null;
    })
  | (Node<"plain-column"> & { readonly column: Identifier })
  | (Node<"limit"> & { readonly count: IntLiteral; readonly unit: "rows" | "bytes" })
  | (Node<"message"> & { readonly text: StringLiteral })
  | (Node<"approvers"> & { readonly approvers: readonly Approver[]; readonly quorum: IntLiteral | null })
  | (Node<"matched"> & { readonly rule: Identifier; readonly matched: boolean });

/** A text of a test: written out, or the name of a `for … in`. */
export type TestText = StringLiteral | (Node<"variable"> & { readonly name: Identifier });

/** Forms of an action that are one line of text. */
export const TEXT_FORMS = ["sql", "ssh", "kubectl"] as const;
export type TextForm = (typeof TEXT_FORMS)[number];

export type TestEntry =
  | (Node<"user"> & { readonly name: TestText; readonly groups: readonly TestText[] })
  | (Node<"target"> & {
      readonly name: TestText;
      readonly labels: readonly { readonly key: Identifier; readonly value: TestText }[];
    })
  | (Node<"schema"> & { readonly path: StringLiteral })
  | (Node<"time"> & { readonly text: StringLiteral })
  | (Node<"for"> & { readonly variable: Identifier; readonly values: readonly StringLiteral[] })
  | (Node<"text"> & { readonly form: TextForm; readonly texts: readonly TestText[] })
  | (Node<"http"> & {
      readonly method: Identifier;
      readonly path: TestText;
      readonly headers: readonly { readonly name: StringLiteral; readonly value: TestText }[];
      readonly body: TestText | null;
    })
  | (Node<"tool"> & {
      readonly name: TestText;
      readonly args: readonly { readonly key: Identifier; readonly value: TestText | IntLiteral | BoolLiteral }[];
    })
  | (Node<"facts"> & { readonly facts: readonly { readonly path: Path; readonly value: Expr }[] })
  | (Node<"expect"> & { readonly expectation: Expectation });

export interface TestDecl extends Node<"test"> {
  readonly name: StringLiteral;
  readonly entries: readonly TestEntry[];
}

export type Item = PackageDecl | ImportDecl | LetDecl | ColumnsDecl | DetectorDecl | NeverDecl | RuleDecl | TestDecl;

export interface PolicyFile {
  readonly path: string;
  readonly items: readonly Item[];
  /** Comments in order of place, for the formatter. */
  readonly comments: readonly { readonly text: string; readonly span: Span }[];
}

/** A path as it is written, dots between its parts. */
export function pathText({ parts }: Path): string {
  let text = parts[0]!.text;
  for (let i = 1; i < parts.length; i++) text += `.${parts[i]!.text}`;
  return text;
}

const NONE: readonly Expr[] = [];

/** Expressions directly inside another. */
export function childrenOf(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case "bool":
    case "int":
    case "string":
    case "duration":
    case "path":
    case "regex":
    case "plain":
    case "missing":
      return NONE;
    case "list":
      return expr.items;
    case "index":
      return [expr.of];
    case "call":
      return expr.receiver === null ? expr.args : [expr.receiver, ...expr.args];
    case "not":
    case "exists":
      return [expr.operand];
    case "binary":
      return [expr.left, expr.right];
    case "quantified":
      return [expr.over, expr.condition];
  }
}
