import { MASKS, type MaskRow } from "../../spec/contract/bundle/index.ts";
import type { Token } from "../syntax/index.ts";
import type { Asked, Completion } from "./completion.ts";
import { declarationOf, visibleIn } from "./names.ts";
import { openBracket } from "./operand.ts";
import { columnsNamed } from "./resolved.ts";

const unique = (found: Iterable<string>): readonly string[] => [...new Set(found)].sort();
const plainName = (name: string): string => (/^[a-z_][a-z0-9_]*$/.test(name) ? name : JSON.stringify(name));

/** Parts of a column pattern, from the schema files that tests name, and names of column sets. */
export function completeColumns(
  { workspace, around, place, file }: Asked,
  body: readonly Token[],
): readonly Completion[] {
  if (place.inText) return [];
  const last = body.at(-1)?.text ?? "=";
  const open = openBracket(body);
  const inBraces = open >= 0 && body[open]?.text === "{";
  // The parts before the one that is being written.
  const parts: string[] = [];
  let at = inBraces ? open - 1 : body.length - 1;
  while (body[at]?.text === ".") {
    parts.unshift(body[at - 1]?.text ?? "*");
    at -= 2;
  }
  if (last !== "." && last !== "," && last !== "{" && last !== "=" && last !== "columns") return [];
  const fits = (value: string, part: string | undefined): boolean =>
    part === undefined || part === "*" || part === value;
  const column = (labels: Iterable<string>, detail: string): readonly Completion[] =>
    unique(labels).map((label) => ({ label: plainName(label), kind: "column", detail }));
  const known = around.columns.filter((one) => fits(one.schema, parts[0]) && fits(one.table, parts[1]));
  if (parts.length === 1)
    return column(
      known.map((one) => one.table),
      "table",
    );
  if (parts.length >= 2)
    return column(
      known.map((one) => one.column),
      "column",
    );
  const sets = visibleIn(workspace.names, file, "columns").map((label): Completion => ({
    label,
    kind: "columns",
    detail: "column set",
    rank: 0,
  }));
  return [
    ...sets,
    ...column(
      around.columns.map((one) => one.schema),
      "schema",
    ),
  ];
}

export function maskCompletions(): readonly Completion[] {
  return (MASKS as readonly MaskRow[]).map(({ name, parameters, doc }) => ({
    label: name,
    kind: "mask",
    doc,
    detail: parameters.length === 0 ? "mask" : `${name}(${parameters.map((one) => one.name).join(", ")})`,
    ...(parameters.length === 0
      ? {}
      : {
          insert: `${name}(${parameters.map((one, i) => `\${${i + 1}:${one.type === "count" ? 4 : one.name}}`).join(", ")})`,
          snippet: true,
        }),
  }));
}

/** After `with`: masks, or columns of the rule and their masks between braces. */
export function completeMasks(asked: Asked, body: readonly Token[]): readonly Completion[] {
  const { place, around } = asked;
  if (place.inText) return [];
  const last = body.at(-1)?.text;
  if (last === undefined || last === ":") return maskCompletions();
  if (last !== "{" && last !== ",") return [];
  const named = columnsOfClause(asked, place.tokens).flatMap((column) =>
    column === null ? around.columns.map((one) => one.column) : [column],
  );
  const given = new Set(body.filter((_, i) => body[i + 1]?.text === ":").map((token) => token.text));
  return [
    ...unique(named)
      .filter((name) => !given.has(name))
      .map((label): Completion => ({
        label: plainName(label),
        kind: "column",
        insert: `${plainName(label)}: \${0:redact}`,
        snippet: true,
      })),
    ...(given.has("*")
      ? []
      : [
          {
            label: "*",
            kind: "column" as const,
            detail: "every other column",
            insert: "*: ${0:redact}",
            snippet: true,
          },
        ]),
  ];
}

/** Names of the columns of a rule's `columns` clause, read from its words, for the rest need not be whole; null is `*`. */
function columnsOfClause({ workspace, file }: Asked, tokens: readonly Token[]): readonly (string | null)[] {
  const from = tokens.findIndex((token) => token.text === "columns");
  const to = tokens.findIndex((token, i) => i > from && token.text === "with");
  const found: (string | null)[] = [];
  let parts = 0;
  let inBraces = false;
  for (const [i, token] of tokens.slice(from + 1, to < 0 ? undefined : to).entries()) {
    const next = tokens[from + 1 + i + 1]?.text;
    if (token.text === "{" || token.text === "}") inBraces = token.text === "{";
    else if (token.text === ".") parts++;
    else if (token.text === ",") parts = inBraces ? parts : 0;
    else if (parts === 0 && next !== ".") {
      const definition = declarationOf(workspace.names, file, "columns", token.text);
      if (definition !== undefined) found.push(...columnsNamed(workspace, definition).map((one) => one.column));
    } else if (parts >= 2) found.push(token.text === "*" ? null : token.text);
  }
  return from < 0 ? [] : found;
}
