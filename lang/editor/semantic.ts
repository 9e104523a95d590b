import { MASKS } from "../../spec/contract/bundle/index.ts";
import type { Clause, Expr, Item, PolicyFile } from "../ast/index.ts";
import type { Span } from "../source/index.ts";
import { tokenize } from "../syntax/index.ts";
import { factsFor, protocolsOf } from "./facts.ts";
import { eachNode } from "./in-use.ts";
import type { Occurrence } from "./names.ts";
import type { Workspace } from "./workspace.ts";

/** Kinds of words, by the names that editors have for them. */
export const SEMANTIC_KINDS = [
  "namespace",
  "type",
  "enumMember",
  "property",
  "variable",
  "parameter",
  "function",
  "macro",
  "decorator",
  "keyword",
  "comment",
  "string",
  "number",
  "regexp",
  "operator",
] as const;
export type SemanticKind = (typeof SEMANTIC_KINDS)[number];
export const SEMANTIC_MODIFIERS = ["declaration", "readonly"] as const;

export interface SemanticToken {
  readonly start: number;
  readonly end: number;
  readonly kind: SemanticKind;
  readonly declaration: boolean;
}

const BY_NAME: Readonly<Record<Occurrence["kind"], SemanticKind>> = {
  rule: "function",
  let: "variable",
  columns: "type",
  detector: "macro",
  variable: "parameter",
};

const MASK_NAMES: ReadonlySet<string> = new Set(MASKS.map((one) => one.name));

/** Every word of a file with what it is, in order of place, none overlapping another. */
export function semanticTokensOf(workspace: Workspace, file: string): readonly SemanticToken[] {
  const source = workspace.files.get(file);
  const tree = workspace.trees.get(file);
  if (source === undefined || tree === undefined) return [];
  const meant = meanings(workspace, tree);
  return tokenize(source.text).flatMap((token): SemanticToken[] => {
    const known = meant.get(token.start);
    if (known !== undefined) return [{ start: token.start, end: token.end, ...known }];
    const kind = lexical(token.kind, token.text);
    return kind === null ? [] : [{ start: token.start, end: token.end, kind, declaration: false }];
  });
}

function lexical(kind: ReturnType<typeof tokenize>[number]["kind"], text: string): SemanticKind | null {
  switch (kind) {
    case "keyword":
      return "keyword";
    case "text":
      return "string";
    case "number":
    case "duration":
      return "number";
    case "expression":
      return "regexp";
    case "comment":
      return "comment";
    case "mark":
      return /^[=!<>]/.test(text) ? "operator" : text === "@" ? "decorator" : null;
    case "name":
      return null;
  }
}

type Meaning = Pick<SemanticToken, "kind" | "declaration">;

/** What the words of a file mean, by the offset at which they begin. */
function meanings(workspace: Workspace, tree: PolicyFile): ReadonlyMap<number, Meaning> {
  const found = new Map<number, Meaning>();
  const put = (span: Span, kind: SemanticKind, declaration = false): void => {
    if (span.end > span.start) found.set(span.start, { kind, declaration });
  };
  for (const item of tree.items) ofItem(item, put);
  for (const one of workspace.names.occurrences)
    if (one.span.file === tree.path) put(one.span, BY_NAME[one.kind], one.definition);
  return found;
}

type Put = (span: Span, kind: SemanticKind, declaration?: boolean) => void;

function ofItem(item: Item, put: Put): void {
  const scopes = "scopes" in item ? item.scopes : [];
  for (const scope of scopes) if (scope.text !== "*") put(scope.span, "namespace");
  if ("annotations" in item) for (const { key } of item.annotations) put(key.span, "decorator");
  const facts = factsFor(protocolsOf(scopes.map((scope) => scope.text)));
  eachNode(item, (node) => {
    if (node.kind === "path") {
      const { parts } = node as Extract<Expr, { kind: "path" }>;
      if (parts.length === 1 && !facts.has(parts[0]!.text)) put(parts[0]!.span, "enumMember");
      else for (const part of parts) put(part.span, "property");
    } else if (node.kind === "detect" && "detectors" in node) {
      for (const name of (node as Extract<Clause, { kind: "detect" }>).detectors) put(name.span, "macro");
    } else if (node.kind === "call") put((node as Extract<Expr, { kind: "call" }>).name.span, "function");
    else if (node.kind === "with" && "masks" in node) {
      for (const { column, mask } of (node as Extract<Clause, { kind: "with" }>).masks) {
        if (column !== "*") put(column.span, "property");
        if (MASK_NAMES.has(mask.name.text)) put(mask.name.span, "macro");
      }
    } else if (node.kind === "pattern" && "parts" in node) {
      for (const { names } of (node as Extract<Clause, { kind: "columns" }>["patterns"][number]).parts)
        if (names !== "*") for (const name of names) put(name.span, "property");
    }
  });
}
