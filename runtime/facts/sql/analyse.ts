import type { AnalysedStatement, Analysis, AnalysisError, Literal } from "./analysis.ts";
import { lexLiterals, type LexedLiteral } from "./literal-lexer.ts";
import { TooDeep } from "./lineage/expression.ts";
import type { NameContext } from "./lineage/context.ts";
import { walkStatement, type WalkedStatement } from "./lineage/statement.ts";
import { LITERALS_MAX, STATEMENTS_MAX, TEMPLATE_BYTES_MAX } from "./limits.ts";
import { preparedText } from "./prepare-text.ts";
import { body, isBody, list, node, type Json } from "./tree.ts";

/** Statements in which another literal at the same place changes nothing but itself. */
const TEMPLATE_NODES: ReadonlySet<string> = new Set(["SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt"]);

/** A parse tree made into what the gateway knows of a text. Pure: text, tree and catalog in, analysis out. */
export function analyseTree(bytes: Uint8Array, tree: Json, names: NameContext): Analysis | AnalysisError {
  const stmts = list(isBody(tree) ? tree["stmts"] : undefined);
  if (stmts.length > STATEMENTS_MAX) return { kind: "too-large", bytes: stmts.length, bytesMax: STATEMENTS_MAX };
  const lexed = lexLiterals(bytes);
  try {
    const statements = stmts.map((raw) => {
      const item = body(raw);
      const start = typeof item["stmt_location"] === "number" ? item["stmt_location"] : 0;
      const length = typeof item["stmt_len"] === "number" ? item["stmt_len"] : bytes.length - start;
      return placed(bytes, walkStatement(item["stmt"]!, names), start, start + length, lexed);
    });
    const only = stmts.length === 1 ? node(body(stmts[0])["stmt"]) : null;
    const slots =
      only !== null && TEMPLATE_NODES.has(only.kind) && bytes.length <= TEMPLATE_BYTES_MAX
        ? slotsOf(statements[0]!.walked, lexed)
        : null;
    const analysis = {
      statements: statements.map((one) => one.statement),
      bytes: bytes.length * 4 + 2000 * stmts.length,
      slots,
      core: {},
    };
    analysis.core = analysis;
    return analysis;
  } catch (fault) {
    if (fault instanceof TooDeep || fault instanceof RangeError)
      return { kind: "too-deep", message: "the statement is nested deeper than is analysed" };
    throw fault;
  }
}

function placed(
  bytes: Uint8Array,
  walked: WalkedStatement,
  start: number,
  end: number,
  lexed: readonly LexedLiteral[] | null,
): { readonly statement: AnalysedStatement; readonly walked: WalkedStatement } {
  const { constants, secretLiterals, inner, ...rest } = walked;
  const literals = literalsOf(constants, secretLiterals, start, end, lexed);
  const innerStatement = inner === null ? null : placed(bytes, inner, start, end, lexed).statement;
  const innerText = rest.effects.prepares === null ? null : preparedText(bytes, start, end);
  return { statement: { ...rest, start, end, literals, inner: innerStatement, innerText }, walked };
}

/** Literals are found in the text itself; the tree tells what they belong to. One that the tree does not show is loose. */
function literalsOf(
  constants: WalkedStatement["constants"],
  secret: boolean,
  start: number,
  end: number,
  lexed: readonly LexedLiteral[] | null,
): readonly Literal[] {
  if (lexed === null) return [{ start, end, columns: [], loose: true, secret: true }];
  const own = lexed.filter((literal) => literal.start >= start && literal.end <= end);
  if (own.length > LITERALS_MAX) return [{ start, end, columns: [], loose: true, secret }];
  const byPlace = new Map(constants.map((constant) => [constant.location, constant]));
  return own.map((literal): Literal => {
    // A minus sign is part of the tree's constant but not of the lexer's.
    const seen = byPlace.get(literal.start) ?? byPlace.get(literal.start - 1);
    return {
      start: literal.start,
      end: literal.end,
      columns: seen?.columns ?? [],
      loose: seen === undefined || seen.loose,
      secret: secret && literal.kind === "string",
    };
  });
}

/** Places at which only the literal matters; null when any literal stands elsewhere. */
function slotsOf(walked: WalkedStatement, lexed: readonly LexedLiteral[] | null): readonly number[] | null {
  if (lexed === null || walked.constants.length !== lexed.length) return null;
  const slots = new Set(walked.constants.filter((constant) => constant.slot).map((constant) => constant.location));
  return lexed.every((literal) => slots.has(literal.start)) ? lexed.map((literal) => literal.start) : null;
}
