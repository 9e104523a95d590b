import type { Expr, StringLiteral } from "../ast/index.ts";
import type { Workspace } from "./workspace.ts";

const sorted = (found: Iterable<string>): readonly string[] => [...new Set(found)].sort();

/** Calls `visit` for every node of a tree: anything with a `kind`. Trees are plain data, so this needs no list of kinds. */
export function eachNode(tree: unknown, visit: (node: { readonly kind: string }) => void): void {
  if (tree === null || typeof tree !== "object") return;
  if ("kind" in tree && typeof tree.kind === "string") visit(tree as { readonly kind: string });
  for (const value of Object.values(tree)) if (typeof value === "object") eachNode(value, visit);
}

function collect(
  workspace: Workspace,
  pick: (node: { readonly kind: string }) => readonly string[],
): readonly string[] {
  const found: string[] = [];
  for (const tree of workspace.trees.values()) eachNode(tree.items, (node) => void found.push(...pick(node)));
  return sorted(found);
}

const pathText = (expr: Expr): string => (expr.kind === "path" ? expr.parts.map((part) => part.text).join(".") : "");

const textsOf = (expr: Expr): readonly string[] =>
  expr.kind === "string" ? [expr.value] : expr.kind === "list" ? expr.items.flatMap(textsOf) : [];

/** Texts that the workspace compares a fact with: `user.groups has "dba"` gives `dba`. */
export function textsComparedWith(workspace: Workspace, path: string): readonly string[] {
  return collect(workspace, (node) => {
    if (node.kind !== "binary") return [];
    const { left, right } = node as Extract<Expr, { kind: "binary" }>;
    return pathText(left) === path ? textsOf(right) : [];
  });
}

/** Keys that a map fact is indexed with anywhere. */
export function keysOf(workspace: Workspace, path: string): readonly string[] {
  return collect(workspace, (node) => {
    if (node.kind === "index") {
      const { of, key } = node as Extract<Expr, { kind: "index" }>;
      return pathText(of) === path ? [key.value] : [];
    }
    if (path !== "target.labels" || node.kind !== "target" || !("labels" in node)) return [];
    return (node.labels as readonly { readonly key: { readonly text: string } }[]).map((label) => label.key.text);
  });
}

const valuesOf = (list: unknown): readonly string[] =>
  (list as readonly Partial<StringLiteral>[]).flatMap((one) => (typeof one.value === "string" ? [one.value] : []));

/** Groups that conditions, approvals and tests speak of. */
export function groupsInUse(workspace: Workspace): readonly string[] {
  const approving = collect(workspace, (node) =>
    node.kind === "group" && "name" in node ? valuesOf([node.name]) : [],
  );
  const ofUsers = collect(workspace, (node) => (node.kind === "user" && "groups" in node ? valuesOf(node.groups) : []));
  return sorted([...textsComparedWith(workspace, "user.groups"), ...approving, ...ofUsers]);
}

/** Users that tests and approvals name. */
export function usersInUse(workspace: Workspace): readonly string[] {
  return collect(workspace, (node) => (node.kind === "user" && "name" in node ? valuesOf([node.name]) : []));
}

/** Channels that alerts are sent to. */
export function channelsInUse(workspace: Workspace): readonly string[] {
  return collect(workspace, (node) => (node.kind === "notify" && "channels" in node ? valuesOf(node.channels) : []));
}

/** Annotation keys with the texts given to them. */
export function annotationValues(workspace: Workspace): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>();
  for (const tree of workspace.trees.values()) {
    for (const item of tree.items) {
      if (!("annotations" in item)) continue;
      for (const { key, values } of item.annotations) {
        if (!found.has(key.text)) found.set(key.text, new Set());
        for (const value of values) if (value.kind === "string") found.get(key.text)!.add(value.value);
      }
    }
  }
  return found;
}
