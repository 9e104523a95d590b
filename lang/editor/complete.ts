import { DETECTORS, DETECTOR_CHECKS, PREDICATE_MODES } from "../../spec/contract/bundle/index.ts";
import { SCOPES } from "../../spec/contract/facts/index.ts";
import { texts, type Asked, type Completion, type Completions } from "./completion.ts";
import { placeAt, type Place } from "./place.ts";
import { completeExpression } from "./complete-expression.ts";
import { completeColumns, completeMasks } from "./complete-mask.ts";
import { completeTest } from "./complete-test.ts";
import { CLAUSES_OF, EFFECT_WORDS, EXPORT_SNIPPETS, ITEM_SNIPPETS, clauseSnippet } from "./snippets.ts";
import type { Surroundings, Workspace } from "./workspace.ts";
import { factsFor, protocolsOf } from "./facts.ts";
import { openBracket } from "./operand.ts";
import { annotationValues, channelsInUse, groupsInUse, usersInUse } from "./in-use.ts";
import { visibleIn } from "./names.ts";

/** What may be written at an offset of a file. Empty in comments, in free text, and where a new name is being made up. */
export function completionsAt(workspace: Workspace, file: string, offset: number, around: Surroundings): Completions {
  const text = workspace.files.get(file)?.text ?? "";
  const place = placeAt(text, Math.max(0, Math.min(offset, text.length)));
  const asked: Asked = { workspace, around, place, file };
  const seen = new Set<string>();
  const items = place.inComment
    ? []
    : suggest(asked).filter(({ label }) => !seen.has(label) && seen.add(label).size > 0);
  return { start: place.start, end: place.end, items };
}

function suggest(asked: Asked): readonly Completion[] {
  const { place } = asked;
  const { item, tokens, inText } = place;
  // An item begins at the margin; inside of the braces of a test nothing does.
  if (!inText && place.indent === 0 && !(item === "test" && tokens.some((token) => token.text === "{"))) {
    const annotated =
      item === "rule" && tokens[0]?.text === "@" && !tokens.some((token) => EFFECT_WORDS.has(token.text));
    return annotated ? ITEM_SNIPPETS.filter((one) => EFFECT_WORDS.has(one.label)) : ITEM_SNIPPETS;
  }
  switch (item) {
    case "top":
      if (inText) return [];
      return tokens.at(-1)?.text === "export" ? EXPORT_SNIPPETS : ITEM_SNIPPETS;
    case "package":
      return [];
    case "import":
      return completeImport(asked);
    case "detector":
      if (tokens.at(-1)?.text === "check") return DETECTOR_CHECKS.map((label) => ({ label, kind: "value" }));
      return tokens.at(-1)?.kind === "expression" ? [{ label: "check", kind: "keyword" }] : [];
    case "let":
      return tokens.some((token) => token.text === "=")
        ? completeExpression(asked, tokens.slice(tokens.findIndex((token) => token.text === "=") + 1), factsFor([]))
        : [];
    case "columns":
      return tokens.some((token) => token.text === "=") ? completeColumns(asked, tokens) : [];
    case "rule":
    case "never":
      return completeRule(asked);
    case "test":
      return completeTest(asked);
  }
}

function completeRule(asked: Asked): readonly Completion[] {
  const { place } = asked;
  const { tokens, inText } = place;
  const last = tokens.at(-1);
  const head = tokens.findIndex((token) => EFFECT_WORDS.has(token.text) && token.kind === "keyword");
  const isNever = place.item === "never";
  if (head < 0 && !isNever) return completeAnnotation(asked);
  const on = tokens.findIndex((token, i) => i > head && token.text === "on");
  const effect = isNever ? "never" : tokens[head]!.text;
  if (on < 0) return !inText && last !== tokens[head] ? [{ label: "on", kind: "keyword" }] : [];
  const clauseAt = lastClause(tokens, on);
  if (clauseAt < 0) {
    const after = last?.text === "on" || last?.text === ",";
    if (after)
      return Object.keys(SCOPES).map((label) => ({ label, kind: "scope", detail: protocolsOf([label]).join(", ") }));
    return clauses(asked, effect, on);
  }
  const end = firstClause(tokens, on);
  const protocols = protocolsOf(tokens.slice(on + 1, end < 0 ? undefined : end).map((token) => token.text));
  const body = tokens.slice(clauseAt + 1);
  const clause = tokens[clauseAt]!.text;
  const more = (): readonly Completion[] => (inText ? [] : clauses(asked, effect, on));
  switch (clause) {
    case "when":
    case "unless":
      return [...completeExpression(asked, body, factsFor(protocols), isNever), ...(finished(body) ? more() : [])];
    case "by":
      return completeApprovers(asked, more);
    case "columns":
      return [...completeColumns(asked, body), ...(finished(body) ? more() : [])];
    case "with":
      return [...completeMasks(asked, body), ...(finished(body) ? more() : [])];
    case "because":
      return finished(body) ? more() : [];
    case "quorum":
      return finished(body) ? more() : [];
    case "within":
      return finished(body) ? more() : durations();
    case "valid":
      return finished(body) ? more() : [{ label: "once", kind: "keyword", rank: 0 }, ...durations()];
    case "to":
      if (inText) return texts(channelsInUse(asked.workspace), "a channel in use");
      if (last?.kind === "number") return ["rows", "bytes", "statements"].map((label) => ({ label, kind: "keyword" }));
      if (last?.text === "statements") return [{ label: "per", kind: "keyword" }];
      if (last?.text === "per")
        return ["1s", "1m", "1h"].map((label) => ({ label, kind: "value", detail: "Duration" }));
      return finished(body) ? more() : [];
    case "values":
      if (last?.text === "values")
        return [{ label: "detect", kind: "keyword", insert: "detect [${0}]", snippet: true }];
      return openBracket(body) >= 0 ? detectors(asked) : finished(body) ? more() : [];
    case "predicates":
      return body.length === 0 ? PREDICATE_MODES.map((label) => ({ label, kind: "value" })) : more();
    case "even":
      return body.length === 0 ? [{ label: "approved", kind: "keyword" }] : more();
    case "fields":
    case "trust":
      return finished(body) ? more() : [];
    default:
      return more();
  }
}

const detectors = ({ workspace, file }: Asked): readonly Completion[] => [
  ...visibleIn(workspace.names, file, "detector").map((label): Completion => ({ label, kind: "detector", rank: 0 })),
  ...DETECTORS.map(({ name, doc }): Completion => ({ label: name, kind: "detector", doc })),
];

/** Exported names of other packages, and the packages. */
function completeImport({ workspace, place, file }: Asked): readonly Completion[] {
  if (place.inText) return [];
  const { tokens } = place;
  const last = tokens.at(-1)?.text;
  const own = workspace.names.environments.get(file)?.package;
  const others = [...workspace.trees.values()].filter(
    (tree) => workspace.names.environments.get(tree.path)?.package !== own,
  );
  if (last === "import") return [{ label: "{ … }", kind: "snippet", insert: "{ ${1} } from ${0}", snippet: true }];
  if (openBracket(tokens) >= 0) {
    return others.flatMap((tree) =>
      tree.items.flatMap((item): readonly Completion[] =>
        "exported" in item && item.exported
          ? [
              {
                label: item.name.text,
                kind: item.kind === "column-set" ? "columns" : item.kind,
                detail: `of ${workspace.names.environments.get(tree.path)?.package}`,
              },
            ]
          : [],
      ),
    );
  }
  const from = tokens.findIndex((token) => token.text === "from");
  if (from < 0) return last === "}" ? [{ label: "from", kind: "keyword" }] : [];
  const start = tokens
    .slice(from + 1)
    .map((token) => token.text)
    .join("");
  if (start !== "" && last !== ".") return [];
  return [...new Set(others.map((tree) => workspace.names.environments.get(tree.path)?.package ?? ""))]
    .filter((name) => name.startsWith(start))
    .map((name) => ({ label: name.slice(start.length), kind: "package" }));
}

/** Words that begin a clause. Some of them are also operators or names, so what stands before counts. */
const CLAUSE_WORDS = new Set(
  "when unless because by quorum within valid columns with to fields values output predicates trust even".split(" "),
);

function isClause(tokens: readonly Place["tokens"][number][], i: number): boolean {
  const token = tokens[i]!;
  if (!CLAUSE_WORDS.has(token.text) || tokens[i - 1]?.text === ".") return false;
  // `client.address within cidr(…)`, `name starts with "x"`, `{ columns: … }`
  if (token.text === "within" && tokens[i + 1]?.text === "cidr") return false;
  if (token.text === "with" && /^(?:starts|ends)$/.test(tokens[i - 1]?.text ?? "")) return false;
  return openBracket(tokens.slice(0, i)) < 0;
}

function lastClause(tokens: Place["tokens"], from: number): number {
  for (let i = tokens.length - 1; i > from; i--) if (isClause(tokens, i)) return i;
  return -1;
}

function firstClause(tokens: Place["tokens"], from: number): number {
  for (let i = from + 1; i < tokens.length; i++) if (isClause(tokens, i)) return i;
  return -1;
}

/** Whether what a clause has so far could be all of it. */
function finished(body: Place["tokens"]): boolean {
  const last = body.at(-1);
  if (last === undefined || openBracket(body) >= 0) return false;
  if (last.kind === "mark") return ")]}*".includes(last.text);
  return last.kind !== "keyword" || /^(?:true|false|once|rows|bytes)$/.test(last.text);
}

/** Clauses that the effect may have and the rule has not. */
function clauses({ place }: Asked, effect: string, on: number): readonly Completion[] {
  if (place.inText) return [];
  const given = new Set(place.tokens.filter((_, i) => i > on && isClause(place.tokens, i)).map((token) => token.text));
  return (CLAUSES_OF[effect] ?? []).filter((word) => !given.has(word)).map((word) => clauseSnippet(word, effect));
}

const durations = (): readonly Completion[] =>
  ["5m", "15m", "1h", "8h", "1d"].map((label) => ({ label, kind: "value", detail: "Duration" }));

function completeApprovers(asked: Asked, more: () => readonly Completion[]): readonly Completion[] {
  const { tokens, inText } = asked.place;
  const last = tokens.at(-1)?.text;
  if (inText) {
    if (last === "group") return texts(groupsInUse(asked.workspace), "a group in use");
    return last === "user" ? texts(usersInUse(asked.workspace), "a user of a test") : [];
  }
  if (last === "by" || last === ",")
    return [
      { label: "group", kind: "keyword", insert: 'group "${1:name}"', snippet: true },
      { label: "user", kind: "keyword", insert: 'user "${1:name}"', snippet: true },
    ];
  return last === "group" || last === "user" ? [] : more();
}

/** Keys and values of annotations that the workspace uses, and the keys that the language gives a meaning. */
function completeAnnotation({ workspace, place }: Asked): readonly Completion[] {
  const { tokens, inText } = place;
  const open = openBracket(tokens);
  const used = annotationValues(workspace);
  if (open >= 0) {
    const key = tokens[open - 1]?.text ?? "";
    const values = [...(used.get(key) ?? [])];
    return inText ? texts(values, `used with @${key}`) : values.map((value) => ({ label: `"${value}"`, kind: "text" }));
  }
  if (inText || tokens.at(-1)?.text !== "@")
    return inText ? [] : ITEM_SNIPPETS.filter((one) => EFFECT_WORDS.has(one.label));
  const keys = new Set([...used.keys(), "owner", "severity", "soc2", "ticket"]);
  return [...keys].sort().map((label) => ({
    label,
    kind: "annotation",
    insert: `${label}("\${1}")`,
    snippet: true,
    detail: used.has(label) ? "in use here" : "known to reports",
  }));
}
