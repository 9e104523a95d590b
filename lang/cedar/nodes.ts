/** A place in a Cedar file: UTF-16 offsets, the end not included. */
export interface Place {
  readonly start: number;
  readonly end: number;
}

export type CedarVariable = "principal" | "action" | "resource" | "context";
export type CedarOperator = "&&" | "||" | "==" | "!=" | "<" | "<=" | ">" | ">=" | "in";

/** Cedar's expressions, as far as they are read. Source: Cedar Policy Language Reference Guide, "Grammar". */
export type CedarExpr = { readonly at: Place } & (
  | { readonly kind: "bool"; readonly value: boolean }
  | { readonly kind: "int"; readonly value: number }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "entity"; readonly type: string; readonly id: string }
  | { readonly kind: "variable"; readonly name: CedarVariable }
  | { readonly kind: "attribute"; readonly of: CedarExpr; readonly name: string }
  | { readonly kind: "has"; readonly of: CedarExpr; readonly names: readonly string[] }
  /** Texts with a `*` between each two. */
  | { readonly kind: "like"; readonly of: CedarExpr; readonly parts: readonly string[] }
  | { readonly kind: "is"; readonly of: CedarExpr; readonly type: string; readonly within: CedarExpr | null }
  | { readonly kind: "not"; readonly operand: CedarExpr }
  | { readonly kind: "binary"; readonly op: CedarOperator; readonly left: CedarExpr; readonly right: CedarExpr }
  | { readonly kind: "if"; readonly test: CedarExpr; readonly then: CedarExpr; readonly otherwise: CedarExpr }
  | { readonly kind: "set"; readonly items: readonly CedarExpr[] }
  | { readonly kind: "call"; readonly name: string; readonly args: readonly CedarExpr[] }
  | { readonly kind: "method"; readonly of: CedarExpr; readonly name: string; readonly args: readonly CedarExpr[] }
);

export interface CedarPolicy {
  readonly effect: "permit" | "forbid";
  readonly annotations: readonly { readonly key: string; readonly value: string }[];
  /** What the head says of principal, action and resource. */
  readonly head: readonly CedarExpr[];
  readonly when: readonly CedarExpr[];
  readonly unless: readonly CedarExpr[];
  readonly at: Place;
}

export interface CedarFault {
  readonly at: Place;
  readonly message: string;
}
