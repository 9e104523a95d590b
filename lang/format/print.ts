import type {
  Annotation,
  Approver,
  Clause,
  ColumnPatternNode,
  Expectation,
  Expr,
  Identifier,
  Item,
  LimitNode,
  MaskSpecNode,
  PolicyFile,
  RegexLiteral,
  TestEntry,
  TestText,
} from "../ast/index.ts";
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
    const alike = previous?.kind === item.kind && ALIKE.has(item.kind);
    if (out.length > 0 && (blank || !alike)) out.push("");
    out.push(...leading);
    // Comments inside an item stand before the line that they stood before.
    out.push(...printItem(item, (before) => takeComments(before, "  ")));
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

/** Kinds of which several may stand below one another without a blank line. */
const ALIKE: ReadonlySet<Item["kind"]> = new Set(["import", "let", "column-set", "detector"]);

type CommentsBefore = (offset: number) => string[];

const exported = (item: { readonly exported: boolean }): string => (item.exported ? "export " : "");

function printItem(item: Item, comments: CommentsBefore): string[] {
  switch (item.kind) {
    case "package":
      return [`package ${item.name}`];
    case "import":
      return withInner(comments, item.span.end, [
        `import { ${item.names.map((name) => name.text).join(", ")} } from ${item.from.text}`,
      ]);
    case "let":
      return withInner(comments, item.span.end, [`${exported(item)}let ${item.name.text} = ${printExpr(item.value)}`]);
    case "column-set":
      return withInner(comments, item.span.end, [
        `${exported(item)}columns ${item.name.text} = ${item.patterns.map(printPattern).join(", ")}`,
      ]);
    case "detector": {
      const check = item.check === null ? "" : ` check ${item.check.text}`;
      return withInner(comments, item.span.end, [
        `${exported(item)}detector ${item.name.text} = ${printRegex(item.expression)}${check}`,
      ]);
    }
    case "never":
      return printRule(`never ${printText(item.title.value)}`, item, comments);
    case "rule":
      return printRule(`${item.effect.text} ${item.name.text}`, item, comments);
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

const printAnnotation = (one: Annotation): string =>
  `@${one.key.text}${one.values.length === 0 ? "" : `(${one.values.map(printExpr).join(", ")})`}`;

/** Approval details read as one sentence: by … quorum … within … valid. */
const SENTENCE: ReadonlySet<Clause["kind"]> = new Set(["by", "quorum", "within", "valid"]);

function printRule(
  head: string,
  item: Extract<Item, { readonly kind: "rule" | "never" }>,
  comments: CommentsBefore,
): string[] {
  const lines: string[] = [];
  if (item.annotations.length > 0) lines.push(item.annotations.map(printAnnotation).join(" "));
  lines.push(`${head} on ${item.scopes.map((scope) => scope.text).join(", ")}`);
  const sentence: string[] = [];
  let sentenceAt = -1;
  for (const clause of item.clauses) {
    const before = comments(clause.span.start);
    lines.push(...before);
    const text = printClause(clause);
    if (!SENTENCE.has(clause.kind)) {
      lines.push(`  ${text}`);
    } else if (sentenceAt >= 0 && before.length === 0 && sentenceAt === lines.length - 1) {
      sentence.push(text);
      lines[sentenceAt] = `  ${sentence.join(" ")}`;
    } else {
      sentence.length = 0;
      sentence.push(text);
      sentenceAt = lines.length;
      lines.push(`  ${text}`);
    }
  }
  return withInner(comments, item.span.end, lines);
}

/** Comments left over inside an item go behind its lines. */
function withInner(comments: CommentsBefore, end: number, lines: string[]): string[] {
  return [...lines, ...comments(end)];
}

function printClause(clause: Clause): string {
  switch (clause.kind) {
    case "when":
    case "unless":
      return `${clause.kind} ${printExpr(clause.condition)}`;
    case "because":
      return `because ${printText(clause.text.value)}`;
    case "by":
      return `by ${printApprovers(clause.approvers)}`;
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
    case "limits":
      return `to ${clause.limits.map(printLimit).join(", ")}`;
    case "notify":
      return `to ${printTexts(clause.channels)}`;
    case "fields":
      return `fields ${printTexts(clause.paths)}`;
    case "detect":
      return `values detect [${clause.detectors.map((one) => one.text).join(", ")}]`;
    case "output":
      return clause.expressions.length === 0 ? "output" : `output ${clause.expressions.map(printRegex).join(", ")}`;
    case "predicates":
      return `predicates ${clause.mode.text}`;
    case "trust":
      return `trust ${printTexts(clause.functions)}`;
    case "even-approved":
      return "even approved";
  }
}

const printTexts = (texts: readonly { readonly value: string }[]): string =>
  texts.map((text) => printText(text.value)).join(", ");
const printApprovers = (approvers: readonly Approver[]): string =>
  approvers.map((one) => `${one.kind} ${printText(one.name.value)}`).join(", ");
const printLimit = ({ count, unit, per }: LimitNode): string =>
  `${printInt(count.value)} ${unit}${per === null ? "" : ` per ${printDuration(per.ms)}`}`;
const printRegex = ({ source, ignoreCase }: RegexLiteral): string => `/${source}/${ignoreCase ? "i" : ""}`;
const printTestText = (text: TestText): string => (text.kind === "string" ? printText(text.value) : text.name.text);
const by = (rule: Identifier | null): string => (rule === null ? "" : ` by ${rule.text}`);

function printEntry(entry: TestEntry): string {
  switch (entry.kind) {
    case "user":
      return `user ${printTestText(entry.name)}${entry.groups.length === 0 ? "" : ` in ${entry.groups.map(printTestText).join(", ")}`}`;
    case "target":
      return `target ${printTestText(entry.name)}${entry.labels.length === 0 ? "" : ` { ${entry.labels.map((label) => `${label.key.text}: ${printTestText(label.value)}`).join(", ")} }`}`;
    case "schema":
      return `schema ${printText(entry.path.value)}`;
    case "time":
      return `time ${printText(entry.text.value)}`;
    case "for":
      return listOrLines(`for ${entry.variable.text} in `, entry.values.map(printTestText), "[", "]");
    case "text":
      if (entry.texts.length === 1) return `${entry.form} ${printTestText(entry.texts[0]!)}`;
      return listOrLines(`for ${entry.form} in `, entry.texts.map(printTestText), "[", "]");
    case "http": {
      const parts = entry.headers.map((one) => `header ${printText(one.name.value)}: ${printTestText(one.value)}`);
      if (entry.body !== null) parts.push(`body ${printTestText(entry.body)}`);
      const head = `http ${entry.method.text} ${printTestText(entry.path)}`;
      if (parts.length === 0) return head;
      const line = `${head} { ${parts.join(" ")} }`;
      return line.length <= WIDTH ? line : `${head} {\n${parts.map((part) => `    ${part}`).join("\n")}\n  }`;
    }
    case "tool": {
      const args = entry.args.map(
        ({ key, value }) => `${key.text}: ${value.kind === "variable" ? value.name.text : printExpr(value)}`,
      );
      const head = `tool ${printTestText(entry.name)}`;
      return args.length === 0 ? head : listOrLines(`${head} `, args, "{", "}");
    }
    case "facts":
      return listOrLines(
        "facts ",
        entry.facts.map((one) => `${printExpr(one.path)}: ${printExpr(one.value)}`),
        "{",
        "}",
      );
    case "expect":
      return `expect ${printExpectation(entry.expectation)}`;
  }
}

function printExpectation(expectation: Expectation): string {
  switch (expectation.kind) {
    case "verdict":
      return `${expectation.verdict}${by(expectation.by)}`;
    case "masked": {
      const mask = expectation.mask === null ? "" : ` with ${printMask(expectation.mask)}`;
      return `masked ${expectation.column.text}${by(expectation.by)}${mask}`;
    }
    case "plain-column":
      return `plain ${expectation.column.text}`;
    case "limit":
      return `limit ${printInt(expectation.count.value)} ${expectation.unit}`;
    case "message":
      return `because ${printText(expectation.text.value)}`;
    case "approvers": {
      const quorum = expectation.quorum === null ? "" : ` quorum ${expectation.quorum.value}`;
      return `approvers ${printApprovers(expectation.approvers)}${quorum}`;
    }
    case "matched":
      return `${expectation.matched ? "" : "not "}matched ${expectation.rule.text}`;
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
    case "call": {
      const receiver = expr.receiver === null ? "" : `${printAt(expr.receiver, PRECEDENCE["operand"]!)}.`;
      return `${receiver}${expr.name.text}(${expr.args.map(printExpr).join(", ")})`;
    }
    case "regex":
      return printRegex(expr);
    case "plain":
      return `plain ${printPattern(expr.pattern)}`;
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
      return `${left} ${expr.op} ${printAt(expr.right, level + 1)}`;
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
  return mask.args.length === 0 ? mask.name.text : `${mask.name.text}(${mask.args.map(printExpr).join(", ")})`;
}
