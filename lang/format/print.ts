import type { Clause, ColumnPatternNode, Expr, Item, MaskSpecNode, PolicyFile, TestEntry } from "../ast/index.ts";
import type { SourceFile } from "../source/index.ts";
import { parseFile } from "../syntax/index.ts";
import type { Diagnostic } from "../diagnostics/index.ts";

const WIDTH = 110;

/**
 * One style for every file: clauses one a line, in the order the reader asks for them; comments stay with what follows
 * them. A file with syntax errors is given back as it is. Formatting twice changes nothing.
 */
export function formatText(file: SourceFile): { readonly text: string; readonly diagnostics: readonly Diagnostic[] } {
  const { tree, diagnostics } = parseFile(file);
  if (diagnostics.length > 0) return { text: file.text, diagnostics };
  return { text: printFile(tree, file.text), diagnostics };
}

function printFile(tree: PolicyFile, text: string): string {
  const out: string[] = [];
  const comments = [...tree.comments];
  let previousEnd = 0;
  let previous: Item | undefined;
  const takeComments = (before: number, indent: string): string[] => {
    const lines: string[] = [];
    while (comments.length > 0 && comments[0]!.span.start < before) {
      const comment = comments.shift()!;
      const blankBefore = /\n[ \t]*\n[ \t]*$/.test(text.slice(previousEnd, comment.span.start));
      if (blankBefore && lines.length > 0) lines.push("");
      lines.push(`${indent}${comment.text.trimEnd()}`);
      previousEnd = comment.span.end;
    }
    return lines;
  };
  for (const item of tree.items) {
    const blank = /\n[ \t]*\n/.test(
      text.slice(
        previousEnd,
        comments[0] !== undefined && comments[0].span.start < item.span.start
          ? comments[0].span.start
          : item.span.start,
      ),
    );
    const trailing =
      comments[0] !== undefined &&
      previous !== undefined &&
      !text.slice(previous.span.end, comments[0].span.start).includes("\n")
        ? comments.shift()
        : undefined;
    if (trailing !== undefined) {
      out[out.length - 1] += ` ${trailing.text.trimEnd()}`;
      previousEnd = trailing.span.end;
    }
    const leading = takeComments(item.span.start, "");
    const alike = previous?.kind === item.kind && (item.kind === "let" || item.kind === "column-set");
    if (out.length > 0 && (blank || !alike)) out.push("");
    out.push(...leading);
    // Comments inside an item stand before the line that they stood before.
    out.push(...printItem(item, text, (before) => takeComments(before, "  ")));
    previous = item;
    previousEnd = Math.max(previousEnd, item.span.end);
  }
  const rest = comments[0];
  if (rest !== undefined && previous !== undefined && !text.slice(previous.span.end, rest.span.start).includes("\n")) {
    comments.shift();
    out[out.length - 1] += ` ${rest.text.trimEnd()}`;
    previousEnd = rest.span.end;
  }
  if (comments.length > 0) {
    if (out.length > 0) out.push("");
    out.push(...takeComments(Number.POSITIVE_INFINITY, ""));
  }
  return out.length === 0 ? "" : `${out.join("\n")}\n`;
}

type CommentsBefore = (offset: number) => string[];

function printItem(item: Item, source: string, comments: CommentsBefore): string[] {
  switch (item.kind) {
    case "package":
      return [`package ${item.name}`];
    case "let":
      return withInner(comments, item.span.end, [`let ${item.name.text} = ${printExpr(item.value)}`]);
    case "column-set":
      return withInner(comments, item.span.end, [
        `columns ${item.name.text} = ${item.patterns.map(printPattern).join(", ")}`,
      ]);
    case "rule": {
      const lines: string[] = [];
      const annotations = item.annotations.map(
        (one) => `@${one.key.text}${one.values.length === 0 ? "" : `(${one.values.map(printExpr).join(", ")})`}`,
      );
      if (annotations.length > 0) lines.push(annotations.join(" "));
      lines.push(`${item.effect.text} ${item.name.text} on ${item.scopes.map((scope) => scope.text).join(", ")}`);
      // Approval details read as one sentence: by … quorum … within … valid.
      const approval: string[] = [];
      let approvalAt = -1;
      for (const clause of item.clauses) {
        const before = comments(clause.span.start);
        lines.push(...before);
        const text = printClause(clause, source);
        if (clause.kind === "by" || clause.kind === "quorum" || clause.kind === "within" || clause.kind === "valid") {
          if (approvalAt >= 0 && before.length === 0 && approvalAt === lines.length - 1) {
            approval.push(text);
            lines[approvalAt] = `  ${approval.join(" ")}`;
          } else {
            approval.length = 0;
            approval.push(text);
            approvalAt = lines.length;
            lines.push(`  ${text}`);
          }
        } else lines.push(`  ${text}`);
      }
      return withInner(comments, item.span.end, lines);
    }
    case "test": {
      const lines = [`test ${printText(item.name.value)} {`];
      for (const entry of item.entries) {
        lines.push(...comments(entry.span.start));
        lines.push(`  ${printEntry(entry)}`);
      }
      lines.push(...comments(item.span.end));
      lines.push("}");
      return lines;
    }
  }
}

/** Comments left over inside an item go behind its lines. */
function withInner(comments: CommentsBefore, end: number, lines: string[]): string[] {
  return [...lines, ...comments(end)];
}

function printClause(clause: Clause, source: string): string {
  switch (clause.kind) {
    case "when":
    case "unless":
      return `${clause.kind} ${printExpr(clause.condition)}`;
    case "because":
      return `because ${printText(clause.text.value)}`;
    case "by":
      return `by ${clause.approvers.map((one) => `${one.kind} ${printText(one.name.value)}`).join(", ")}`;
    case "quorum":
      return `quorum ${clause.count.value}`;
    case "within":
      return `within ${printDuration(clause.duration.ms)}`;
    case "valid":
      return `valid ${clause.duration === null ? "once" : printDuration(clause.duration.ms)}`;
    case "columns":
      return `columns ${clause.patterns.map(printPattern).join(", ")}`;
    case "with": {
      const [only] = clause.masks;
      if (clause.masks.length === 1 && only?.column === "*") return `with ${printMask(only.mask)}`;
      return `with { ${clause.masks.map((one) => `${one.column === "*" ? "*" : printName(one.column.text)}: ${printMask(one.mask)}`).join(", ")} }`;
    }
    case "rows":
      return `to ${printInt(clause.count.value)} rows`;
    case "planned":
      // Its parts are not in the tree, so it stays as it was written.
      return source.slice(clause.span.start, clause.span.end);
  }
}

function printEntry(entry: TestEntry): string {
  switch (entry.kind) {
    case "user":
      return `user ${printText(entry.name.value)}${entry.groups.length === 0 ? "" : ` in ${entry.groups.map((group) => printText(group.value)).join(", ")}`}`;
    case "target":
      return `target ${printText(entry.name.value)}${entry.labels.length === 0 ? "" : ` { ${entry.labels.map((label) => `${label.key.text}: ${printText(label.value.value)}`).join(", ")} }`}`;
    case "schema":
      return `schema ${printText(entry.path.value)}`;
    case "sql":
      if (entry.texts.length === 1) return `sql ${printText(entry.texts[0]!.value)}`;
      return listOrLines(
        "for sql in ",
        entry.texts.map((text) => printText(text.value)),
        "[",
        "]",
      );
    case "facts":
      return listOrLines(
        "facts ",
        entry.facts.map((one) => `${printExpr(one.path)}: ${printExpr(one.value)}`),
        "{",
        "}",
      );
    case "expect": {
      const { expectation } = entry;
      switch (expectation.kind) {
        case "verdict":
          return `expect ${expectation.verdict}${expectation.by === null ? "" : ` by ${expectation.by.text}`}`;
        case "masked":
          return `expect masked ${expectation.column.text}${expectation.by === null ? "" : ` by ${expectation.by.text}`}`;
        case "plain":
          return `expect plain ${expectation.column.text}`;
        case "row-limit":
          return `expect limit ${printInt(expectation.count.value)} rows`;
        case "message":
          return `expect because ${printText(expectation.text.value)}`;
      }
    }
  }
}

function listOrLines(head: string, items: readonly string[], open: string, close: string): string {
  const pad = open === "{" ? " " : "";
  const line = `${head}${open}${pad}${items.join(", ")}${pad}${close}`;
  if (line.length <= WIDTH) return line;
  return `${head}${open}\n${items.map((item) => `    ${item}`).join(",\n")}\n  ${close}`;
}

const PRECEDENCE: Readonly<Record<string, number>> = {
  or: 1,
  and: 2,
  not: 3,
  quantified: 3,
  compare: 4,
  else: 5,
  operand: 6,
};

function levelOf(expr: Expr): number {
  switch (expr.kind) {
    case "binary":
      return PRECEDENCE[expr.op] ?? PRECEDENCE["compare"]!;
    case "not":
      return PRECEDENCE["not"]!;
    case "quantified":
      return PRECEDENCE["quantified"]!;
    default:
      return PRECEDENCE["operand"]!;
  }
}

/** Whether what follows the expression would be taken for a part of it. */
function endsOpen(expr: Expr): boolean {
  switch (expr.kind) {
    case "quantified":
      return true;
    case "not":
      return endsOpen(expr.operand);
    case "binary":
      return endsOpen(expr.right);
    default:
      return false;
  }
}

function printAt(expr: Expr, level: number): string {
  const text = printExpr(expr);
  return levelOf(expr) < level ? `(${text})` : text;
}

/** An expression as it must be written where another one stands: in brackets when it would bind weaker there. */
export function printInPlaceOf(expr: Expr, replaced: Expr): string {
  const text = printAt(expr, levelOf(replaced));
  // What ends open would take in what follows, unless brackets close it.
  return endsOpen(expr) && levelOf(expr) >= levelOf(replaced) ? `(${text})` : text;
}

export function printExpr(expr: Expr): string {
  switch (expr.kind) {
    case "bool":
      return String(expr.value);
    case "int":
      return printInt(expr.value);
    case "string":
      return printText(expr.value);
    case "duration":
      return printDuration(expr.ms);
    case "list":
      return `[${expr.items.map(printExpr).join(", ")}]`;
    case "path":
      return expr.parts.map((part) => part.text).join(".");
    case "index":
      return `${printExpr(expr.of)}[${printText(expr.key.value)}]`;
    case "call":
      return `${expr.name.text}(${expr.args.map(printExpr).join(", ")})`;
    case "not":
      return `not ${printAt(expr.operand, 3)}`;
    case "exists":
      return `exists ${printExpr(expr.operand)}`;
    case "quantified":
      return `${expr.quantifier} ${expr.variable.text} in ${printExpr(expr.over)} : ${printExpr(expr.condition)}`;
    case "missing":
      return "";
    case "binary": {
      const level = levelOf(expr);
      // A quantifier takes all that follows it, so on the left it needs brackets.
      const leftLevel = expr.op === "and" || expr.op === "or" ? level : level + 1;
      const left = printAt(expr.left, endsOpen(expr.left) ? Number.POSITIVE_INFINITY : leftLevel);
      return `${left} ${expr.op} ${expr.op === "matches" && expr.right.kind === "string" ? expr.right.value : printAt(expr.right, level + 1)}`;
    }
  }
}

function printInt(value: number): string {
  const digits = String(Math.abs(value));
  const grouped = digits.length > 4 ? digits.replaceAll(/\B(?=(\d{3})+$)/g, "_") : digits;
  return value < 0 ? `-${grouped}` : grouped;
}

const UNITS: readonly (readonly [string, number])[] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
];

function printDuration(ms: number): string {
  for (const [unit, size] of UNITS) if (ms >= size && ms % size === 0) return `${ms / size}${unit}`;
  return `${ms}ms`;
}

export function printText(value: string): string {
  const escaped = value.replaceAll(
    /["\\\n\t\r]/g,
    (char) => ({ '"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r" })[char]!,
  );
  return `"${escaped}"`;
}

const printName = (text: string): string => (/^[a-z_][a-z0-9_]*$/.test(text) ? text : printText(text));

function printPattern(pattern: ColumnPatternNode): string {
  return pattern.parts
    .map((part) => {
      if (part.names === "*") return "*";
      const names = part.names.map((name) => (name.quoted ? printText(name.text) : name.text));
      return names.length === 1 ? names[0]! : `{${names.join(", ")}}`;
    })
    .join(".");
}

function printMask(mask: MaskSpecNode): string {
  return mask.argument === null ? mask.name.text : `${mask.name.text}(${mask.argument.value})`;
}
