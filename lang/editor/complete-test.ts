import { EFFECTS, type Effect } from "../../spec/contract/bundle/index.ts";
import { HTTP_METHODS } from "../../spec/contract/facts/index.ts";
import type { Token } from "../syntax/index.ts";
import { texts, type Asked, type Completion } from "./completion.ts";
import { factsFor } from "./facts.ts";
import { groupsInUse, keysOf, textsComparedWith, usersInUse } from "./in-use.ts";
import { maskCompletions } from "./complete-mask.ts";
import { openBracket } from "./operand.ts";
import { showFact, showType } from "./words.ts";

const entry = (label: string, insert: string, detail: string): Completion => ({
  label,
  kind: "keyword",
  insert,
  snippet: true,
  detail,
});

const ENTRIES: readonly Completion[] = [
  entry("user", 'user "${1:ana}" in "${0:analyst}"', "who acts"),
  entry("target", 'target "${1:shop}" { ${2:env}: "${0:production}" }', "on what"),
  entry("schema", 'schema "${0:schema.sql}"', "the tables that are there"),
  entry("sql", 'sql "${0}"', "the statement"),
  entry("ssh", 'ssh "${0}"', "the command line"),
  entry("http", 'http ${1:GET} "${0:/path}"', "the request"),
  entry("kubectl", 'kubectl "${0:get pods}"', "the command"),
  entry("tool", 'tool "${1:name}" { ${0} }', "the call of a tool"),
  entry("time", 'time "${0:2026-03-01T10:00:00Z}"', "when"),
  entry("for", 'for ${1:sql} in ["${0}"]', "one case for each text"),
  entry("facts", "facts { ${0} }", "facts instead of a statement"),
  entry("expect", "expect ${0}", "what must come of it"),
];

const EXPECTATIONS: readonly Completion[] = [
  { label: "allow", kind: "keyword", detail: "it goes ahead" },
  { label: "deny", kind: "keyword", detail: "it is refused" },
  { label: "approve", kind: "keyword", detail: "it waits for approval" },
  { label: "masked", kind: "keyword", detail: "a column comes back masked" },
  { label: "plain", kind: "keyword", detail: "a column comes back as it is" },
  {
    label: "limit",
    kind: "keyword",
    detail: "how many rows come at most",
    insert: "limit ${0:1000} rows",
    snippet: true,
  },
  { label: "because", kind: "keyword", detail: "what the client is told", insert: 'because "${0}"', snippet: true },
  {
    label: "approvers",
    kind: "keyword",
    detail: "who may approve it",
    insert: 'approvers group "${0}"',
    snippet: true,
  },
  { label: "matched", kind: "keyword", detail: "a rule matches, whether it decides or not" },
  { label: "not matched", kind: "keyword", detail: "a rule does not match" },
];

/** Words that begin an entry of a test. */
const STARTS = new Set([
  "user",
  "target",
  "schema",
  "time",
  "sql",
  "ssh",
  "http",
  "kubectl",
  "tool",
  "for",
  "facts",
  "expect",
]);

/** What may stand in a test. */
export function completeTest(asked: Asked): readonly Completion[] {
  const { tokens, inText } = asked.place;
  const brace = tokens.findIndex((token) => token.text === "{");
  if (brace < 0) return [];
  const body = tokens.slice(brace + 1);
  let from = body.length - 1;
  while (
    from >= 0 &&
    !(STARTS.has(body[from]!.text) && openBracket(body.slice(0, from)) < 0 && body[from - 1]?.text !== "for")
  )
    from--;
  const inside = body.slice(from + 1);
  const last = inside.at(-1);
  const variables = variablesOf(body);
  // A table's name may stand wherever a text may.
  const named = (): readonly Completion[] => variables.map((label) => ({ label, kind: "variable", rank: 0 }));
  const start = from < 0 ? undefined : body[from]!.text;
  if (!inText && inside.length === 0 && start !== undefined && TAKES_TEXT.has(start)) return named();
  switch (start) {
    case "user":
      if (inText)
        return last === undefined
          ? texts(usersInUse(asked.workspace), "a user in use")
          : texts(groupsInUse(asked.workspace), "a group in use");
      return last?.kind === "text" && inside.length === 1
        ? [{ label: "in", kind: "keyword", rank: 0 }, ...ENTRIES]
        : finished(inside);
    case "target":
      return completeTarget(asked, inside);
    case "schema":
      return inText ? asked.around.schemaFiles.map((label) => ({ label, kind: "file" })) : finished(inside);
    case "http":
      return inText || inside.length > 0
        ? finished(inside)
        : HTTP_METHODS.filter((one) => one !== "other").map((label) => ({ label, kind: "value" }));
    case "facts":
      return completeFacts(asked, inside);
    case "expect":
      return completeExpectation(asked, inside);
    default:
      return inText ? [] : finished(inside);
  }
}

/** Entries that begin with a text. */
const TAKES_TEXT = new Set(["user", "target", "sql", "ssh", "kubectl", "tool"]);

/** Names that the tables of a test declare. */
const variablesOf = (body: readonly Token[]): readonly string[] =>
  body.flatMap((token, i) =>
    token.text === "for" && body[i + 2]?.text === "in" && !/^(?:sql|ssh|kubectl)$/.test(body[i + 1]!.text)
      ? [body[i + 1]!.text]
      : [],
  );

/** Another entry may follow, once the one before could be whole. */
const finished = (inside: readonly Token[]): readonly Completion[] =>
  openBracket(inside) >= 0 || /^(?:in|by|,|:)$/.test(inside.at(-1)?.text ?? "") ? [] : ENTRIES;

function completeTarget({ workspace, place }: Asked, inside: readonly Token[]): readonly Completion[] {
  const last = inside.at(-1)?.text;
  if (place.inText) {
    const key = inside.at(-2)?.text;
    return last === ":" && key !== undefined ? texts(textsOfLabel(workspace, key), `a value of ${key} in use`) : [];
  }
  if (last === "{" || last === ",")
    return keysOf(workspace, "target.labels").map((label) => ({
      label,
      kind: "text",
      insert: `${label}: "\${0}"`,
      snippet: true,
    }));
  return finished(inside);
}

/** Values that a label has in tests. */
function textsOfLabel(workspace: Asked["workspace"], key: string): readonly string[] {
  const found = new Set<string>();
  for (const test of workspace.result.policy.tests) {
    for (const { target } of test.cases) {
      const value = target.labels[key];
      if (value !== undefined) found.add(value);
    }
  }
  for (const text of textsComparedWith(workspace, `target.labels[${key}]`)) found.add(text);
  return [...found].sort();
}

function completeFacts({ place }: Asked, inside: readonly Token[]): readonly Completion[] {
  if (place.inText) return [];
  const facts = factsFor([]);
  const last = inside.at(-1)?.text;
  if (last === "{" || (last === "," && inside[openBracket(inside)]?.text === "{"))
    return [...facts.values()].map((fact) => ({
      label: fact.path,
      kind: "fact",
      detail: showType(fact.type),
      doc: `${fact.doc}\n\n${showFact(fact)}.`,
      insert: `${fact.path}: \${0}`,
      snippet: true,
    }));
  if (last === ".") {
    const start = `${inside.at(-2)?.text ?? ""}.`;
    return [...facts.values()]
      .filter((fact) => fact.path.startsWith(start))
      .map((fact) => ({
        label: fact.path.slice(start.length),
        kind: "fact",
        detail: showType(fact.type),
        doc: fact.doc,
      }));
  }
  const colon = inside.findLastIndex((token) => token.text === ":");
  if (last === ":" || last === "[" || (last === "," && colon > 0)) {
    const path: string[] = [];
    for (let at = colon - 1; at >= 0; at -= 2) {
      path.unshift(inside[at]!.text);
      if (inside[at - 1]?.text !== ".") break;
    }
    const type = facts.get(path.join("."))?.type;
    const of = type?.kind === "set" || type?.kind === "list" ? type.of : type;
    if (of?.kind === "enum") return of.values.map((label) => ({ label, kind: "value", detail: of.name }));
    return of?.kind === "bool" ? ["true", "false"].map((label) => ({ label, kind: "value" })) : [];
  }
  return openBracket(inside) >= 0 ? [] : ENTRIES;
}

const EFFECTS_OF: Readonly<Record<string, readonly Effect[]>> = {
  allow: ["allow"],
  deny: ["deny"],
  approve: ["approve"],
  masked: ["mask"],
};

function completeExpectation({ workspace, around, place }: Asked, inside: readonly Token[]): readonly Completion[] {
  const [what] = inside;
  const last = inside.at(-1);
  if (place.inText) {
    const reasons = workspace.result.policy.rules.flatMap((rule) => rule.because ?? []);
    return what?.text === "because" ? texts(new Set(reasons), "a reason of a rule") : [];
  }
  if (what === undefined) return EXPECTATIONS;
  if (last?.text === "not") return [{ label: "matched", kind: "keyword" }];
  if (last?.text === "by" || last?.text === "matched") {
    const effects = EFFECTS_OF[what.text] ?? EFFECTS;
    return workspace.result.policy.rules
      .filter((rule) => effects.includes(rule.effect))
      .map((rule) => ({ label: rule.name, kind: "rule", detail: `${rule.effect} on ${rule.protocols.join(", ")}` }));
  }
  if ((what.text === "masked" || what.text === "plain") && inside.length === 1)
    return [...new Set(around.columns.map((one) => one.column))].sort().map((label) => ({ label, kind: "column" }));
  const by: Completion = { label: "by", kind: "keyword", detail: "the rule that must decide", rank: 0 };
  if (last?.text === "with") return maskCompletions();
  if (last?.text === "approvers" || (what.text === "approvers" && last?.text === ","))
    return ["group", "user"].map((label) => ({ label, kind: "keyword", insert: `${label} "\${0}"`, snippet: true }));
  const more: readonly Completion[] =
    what.text === "masked" && last?.text !== "masked" && !inside.some((token) => token.text === "with")
      ? [{ label: "with", kind: "keyword", detail: "the mask", rank: 0 }]
      : [];
  const takesBy =
    what.text === "masked" ? inside.length === 2 : EFFECTS_OF[what.text] !== undefined && inside.length === 1;
  return takesBy ? [by, ...more, ...ENTRIES] : [...more, ...finished(inside)];
}
