import type { Item, PolicyFile } from "../ast/index.ts";
import type { Span } from "../source/index.ts";

export interface DocumentSymbol {
  readonly name: string;
  readonly detail: string;
  readonly kind: "package" | "import" | "let" | "columns" | "detector" | "never" | "rule" | "test";
  readonly span: Span;
  readonly nameSpan: Span;
}

/** The items of a file, in order of place. */
export function symbolsOf(tree: PolicyFile): readonly DocumentSymbol[] {
  return tree.items.map((item): DocumentSymbol => {
    const { span } = item;
    switch (item.kind) {
      case "package":
        return { name: item.name || "package", detail: "package", kind: "package", span, nameSpan: span };
      case "let":
      case "column-set":
      case "detector": {
        const kind = item.kind === "column-set" ? "columns" : item.kind;
        return { name: item.name.text || kind, detail: kind, kind, span, nameSpan: within(item.name.span, span) };
      }
      case "import":
        return {
          name: item.from.text || "import",
          detail: "import",
          kind: "import",
          span,
          nameSpan: within(item.from.span, span),
        };
      case "never":
        return {
          name: item.title.value || "never",
          detail: "never",
          kind: "never",
          span,
          nameSpan: within(item.title.span, span),
        };
      case "rule":
        return {
          name: item.name.text || item.effect.text,
          detail: `${item.effect.text} on ${item.scopes.map((scope) => scope.text).join(", ")}`,
          kind: "rule",
          span,
          nameSpan: within(item.name.span, span),
        };
      case "test":
        return {
          name: item.name.value || "test",
          detail: "test",
          kind: "test",
          span,
          nameSpan: within(item.name.span, span),
        };
    }
  });
}

/** Of a name that was not written the place may lie outside of its item. */
const within = (inner: Span, outer: Span): Span =>
  inner.start >= outer.start && inner.end <= outer.end ? inner : { ...outer, end: outer.start };

export interface Fold {
  /** 0-based lines, both shown when folded only the first. */
  readonly startLine: number;
  readonly endLine: number;
  readonly kind: "item" | "comment";
}

/** Items that take more than a line, and comments that stand below each other. */
export function foldsOf(tree: PolicyFile, text: string): readonly Fold[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  const lineOf = (offset: number): number => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  };
  const found: Fold[] = [];
  const add = (span: Span, kind: Fold["kind"]): void => {
    const [startLine, endLine] = [lineOf(span.start), lineOf(Math.max(span.start, span.end - 1))];
    if (endLine > startLine) found.push({ startLine, endLine, kind });
  };
  for (const item of tree.items) add(item.span, "item");
  let block: Span | null = null as Span | null;
  for (const { span } of tree.comments) {
    const alone = text.slice(text.lastIndexOf("\n", span.start - 1) + 1, span.start).trim() === "";
    if (block !== null && alone && lineOf(span.start) === lineOf(block.end) + 1) block = { ...block, end: span.end };
    else {
      if (block !== null) add(block, "comment");
      block = alone ? span : null;
    }
  }
  if (block !== null) add(block, "comment");
  return found.sort((a, b) => a.startLine - b.startLine || a.endLine - b.endLine);
}

/** Ever larger pieces of the file around an offset, from the word to the item, each inside of the next. */
export function selectionsAt(tree: PolicyFile, offset: number): readonly Span[] {
  const found: Span[] = [];
  const visit = (node: unknown): void => {
    if (node === null || typeof node !== "object") return;
    if ("span" in node) {
      const { start, end } = node.span as Span;
      if (offset < start || offset > end) return;
      found.push(node.span as Span);
    }
    for (const [key, value] of Object.entries(node)) if (key !== "span" && typeof value === "object") visit(value);
  };
  for (const item of tree.items) visit(item);
  const inner = found.sort((a, b) => a.end - a.start - (b.end - b.start));
  const nested: Span[] = [];
  for (const span of inner) {
    const last = nested.at(-1);
    if (
      last === undefined ||
      (span.start <= last.start && span.end >= last.end && span.end - span.start > last.end - last.start)
    )
      nested.push(span);
  }
  return nested;
}

export interface TestPlace {
  readonly name: string;
  readonly nameSpan: Span;
  readonly span: Span;
}

/** The tests of a file: where a lens that runs them stands. */
export function testsIn(tree: PolicyFile): readonly TestPlace[] {
  return tree.items.flatMap((item: Item) =>
    item.kind === "test" ? [{ name: item.name.value, nameSpan: item.name.span, span: item.span }] : [],
  );
}
