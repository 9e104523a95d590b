import { MASKS, type MaskRow } from "../../spec/contract/bundle/index.ts";
import type { Token } from "../syntax/index.ts";
import type { Asked, Completion } from "./completion.ts";
import { openBracket } from "./operand.ts";

const unique = (found: Iterable<string>): readonly string[] => [...new Set(found)].sort();
const plainName = (name: string): string => (/^[a-z_][a-z0-9_]*$/.test(name) ? name : JSON.stringify(name));

/** Parts of a column pattern, from the schema files that tests name, and names of column sets. */
export function completeColumns(
  { workspace, around, place, packageName }: Asked,
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
  const sets = workspace.names
    .declaredIn(packageName, "columns")
    .map((label): Completion => ({ label, kind: "columns", detail: "column set", rank: 0 }));
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
  const { place, workspace, around } = asked;
  if (place.inText) return [];
  const last = body.at(-1)?.text;
  if (last === undefined || last === ":") return maskCompletions();
  if (last !== "{" && last !== ",") return [];
  const rule = workspace.result.policy.rules.find(
    (one) => one.span.start <= place.start && place.start <= one.span.end && one.mask !== null,
  );
  const named = (rule?.mask?.columns ?? []).flatMap((pattern) =>
    pattern.column !== null ? [pattern.column] : around.columns.map((one) => one.column),
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
