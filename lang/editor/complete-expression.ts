import type { Fact, FactType } from "../../spec/contract/facts/index.ts";
import { typeOfPart, zoneNames } from "../check/index.ts";
import { TIME_PARTS } from "../checked/index.ts";
import type { Token } from "../syntax/index.ts";
import { texts, type Asked, type Completion } from "./completion.ts";
import { completeColumns } from "./complete-mask.ts";
import { elementOf, protocolsWith } from "./facts.ts";
import { groupsInUse, keysOf, textsComparedWith, usersInUse } from "./in-use.ts";
import { visibleIn } from "./names.ts";
import { openBracket, pathBefore, typeBefore, typeOfPath, variablesIn, type Known } from "./operand.ts";
import { showFact, showType } from "./words.ts";

/** Marks and words after which an operand stands. */
const BEFORE_OPERAND =
  /^(?:and|or|not|in|has|any|all|like|matches|with|within|exists|else|when|unless|==|!=|<|<=|>|>=|=|\(|\[|,|:)$/;

/** What may follow in a condition of which `body` has been written. */
export function completeExpression(
  asked: Asked,
  body: readonly Token[],
  facts: ReadonlyMap<string, Fact>,
  inNever = false,
): readonly Completion[] {
  const pattern = body.findLastIndex((token) => token.text === "plain");
  if (inNever && pattern >= 0 && /^(?:[.{},*]|name|plain)$/.test(kindOrText(body.at(-1)!)))
    if (body.slice(pattern + 1).every((token) => /^(?:[.{},*]|name)$/.test(kindOrText(token))))
      return completeColumns(asked, body.slice(pattern));
  const known: Known = { facts, variables: variablesIn(body, facts) };
  const last = body.at(-1);
  const expected = expectedAt(body, known);
  if (asked.place.inText) return completeText(asked, body, known, expected);
  const plain: readonly Completion[] = inNever
    ? [{ label: "plain", kind: "keyword", rank: 2, detail: "a column comes back as it is" }]
    : [];
  if (last === undefined) return [...operands(asked, known), ...plain];
  if (last.text === ".") return members(body, known);
  const before = body.at(-2)?.text;
  if (last.text === "starts" || last.text === "ends") return [{ label: "with", kind: "keyword" }];
  if ((last.text === "any" || last.text === "all") && before !== "has") return [];
  if ((before === "any" || before === "all") && body.at(-3)?.text !== "has") return [{ label: "in", kind: "keyword" }];
  if (!BEFORE_OPERAND.test(last.text) || last.kind === "text") return operators(body, known);
  if (expected?.kind === "enum") {
    const values = expected.values.map((label): Completion => ({
      label,
      kind: "value",
      detail: expected.name,
      rank: 0,
    }));
    return last.text === "has" ? [...listStarts(), ...values] : values;
  }
  const fitting: readonly Completion[] =
    expected?.kind === "bool" ? ["true", "false"].map((label) => ({ label, kind: "value", rank: 0 })) : [];
  if (last.text === "has") return [...listStarts(), ...fitting];
  if (last.text === "within")
    return [{ label: "cidr", kind: "keyword", insert: 'cidr("${0:10.0.0.0/8}")', snippet: true }];
  if (last.text === "in" && !inQuantifier(body))
    return [{ label: "[…]", kind: "snippet", insert: "[${0}]", snippet: true }];
  if (last.text === "exists")
    return facted([...facts.values()].filter((fact) => fact.optional || fact.type.kind === "map"));
  if (inQuantifier(body))
    return facted([...facts.values()].filter(({ type }) => type.kind === "set" || type.kind === "list"));
  return [...fitting, ...operands(asked, known), ...plain];
}

const kindOrText = (token: Token): string => (token.kind === "name" ? "name" : token.text);

const inQuantifier = (body: readonly Token[]): boolean =>
  body.at(-1)?.text === "in" && /^(?:any|all)$/.test(body.at(-3)?.text ?? "") && body.at(-4)?.text !== "has";

const listStarts = (): readonly Completion[] =>
  ["any", "all"].map((label) => ({ label, kind: "keyword", insert: `${label} [\${0}]`, snippet: true }));

/** The type of what has to stand at the end of `body`, where the words before tell. */
function expectedAt(body: readonly Token[], known: Known): FactType | null {
  let at = body.length - 1;
  const last = body[at]?.text;
  if (last === "[" || last === ",") {
    at = openBracket(body) - 1;
    if (body[at + 1]?.text !== "[") return null;
  }
  const op = body[at]?.text ?? "";
  if (op === "any" || op === "all") {
    if (body[at - 1]?.text !== "has") return null;
    const set = typeBefore(body, at - 2, known);
    return set === null ? null : elementOf(set);
  }
  if (op === "has") {
    const set = typeBefore(body, at - 1, known);
    return set === null ? null : elementOf(set);
  }
  if (/^(?:in|==|!=|<|<=|>|>=|else)$/.test(op)) return typeBefore(body, at - 1, known);
  return null;
}

const LITERAL_STARTS: readonly Completion[] = [
  { label: "not", kind: "keyword", rank: 2 },
  { label: "exists", kind: "keyword", rank: 2, detail: "whether an optional fact is there" },
  {
    label: "any",
    kind: "keyword",
    rank: 2,
    detail: "some element fulfils a condition",
    insert: "any ${1:x} in ${2} : ${0}",
    snippet: true,
  },
  {
    label: "all",
    kind: "keyword",
    rank: 2,
    detail: "every element fulfils a condition",
    insert: "all ${1:x} in ${2} : ${0}",
    snippet: true,
  },
];

function operands({ workspace, file }: Asked, known: Known): readonly Completion[] {
  const variables = [...known.variables].map(([label, type]): Completion => ({
    label,
    kind: "variable",
    rank: 0,
    ...(type === null ? {} : { detail: showType(type) }),
  }));
  const lets = visibleIn(workspace.names, file, "let").map((label): Completion => ({
    label,
    kind: "let",
    detail: "let",
    rank: 0,
  }));
  return [...variables, ...lets, ...facted([...known.facts.values()]), ...LITERAL_STARTS];
}

function facted(facts: readonly Fact[], cut = 0): readonly Completion[] {
  return facts.map((fact) => ({
    label: fact.path.slice(cut),
    kind: "fact",
    detail: showType(fact.type),
    doc: `${fact.doc}\n\n${showFact(fact)}. Of ${protocolsWith(fact.path).join(", ")}.`,
    ...(fact.type.kind === "map" ? { insert: `${fact.path.slice(cut)}["\${0}"]`, snippet: true } : {}),
  }));
}

/** After a dot: the rest of fact paths, or the fields of a record. */
function members(body: readonly Token[], known: Known): readonly Completion[] {
  const path = pathBefore(body, body.length - 2);
  if (path.length === 0) return [];
  if (known.variables.has(path[0]!)) {
    const type = typeOfPath(path, known);
    if (type?.kind !== "record") return [];
    return type.fields.map(({ name, type: of, doc }) => ({ label: name, kind: "field", detail: showType(of), doc }));
  }
  if (typeOfPath(path, known)?.kind === "time")
    return TIME_PARTS.map((label) => ({
      label,
      kind: "field",
      detail: showType(typeOfPart(label)),
      insert: `${label}("\${0:UTC}")`,
      snippet: true,
      doc: "As clocks in the zone show it, a name of the IANA time zone database.",
    }));
  const start = `${path.join(".")}.`;
  return facted(
    [...known.facts.values()].filter((fact) => fact.path.startsWith(start)),
    start.length,
  );
}

const op = (label: string, insert: string, detail: string): Completion => ({
  label,
  kind: "keyword",
  insert,
  snippet: true,
  detail,
});
const EQUALITY = [op("==", "== ${0}", "is"), op("!=", "!= ${0}", "is not")];
const ORDER = [
  op("<", "< ${0}", "less"),
  op("<=", "<= ${0}", "at most"),
  op(">", "> ${0}", "more"),
  op(">=", ">= ${0}", "at least"),
];
const JOINS = [op("and", "and ${0}", "both hold"), op("or", "or ${0}", "one of both holds")];
const ONE_OF = op("in", "in [${0}]", "is one of");
const TEXTS = [
  op("like", 'like "${0}"', "`*` within a segment, `**` across"),
  op("starts with", 'starts with "${0}"', "begins with"),
  op("ends with", 'ends with "${0}"', "ends with"),
  op("matches", "matches /${0}/", "an expression is found in it"),
];
const SETS = [
  op("has", 'has "${0}"', "holds a value"),
  op("has any", "has any [${0}]", "holds one of them"),
  op("has all", "has all [${0}]", "holds all of them"),
];

/** Operators that the operand before them knows, as far as its type can be told. */
function operators(body: readonly Token[], known: Known): readonly Completion[] {
  const type = typeBefore(body, body.length - 1, known);
  // The right side of a comparison: only what joins conditions may follow.
  const compared = /^(?:==|!=|<|<=|>|>=|like|matches|has|with|within|\]|\)|\[)$/.test(body.at(-2)?.text ?? "");
  if (type === null || compared) return openBracket(body) >= 0 && body.at(-1)?.kind === "text" ? [] : JOINS;
  switch (type.kind) {
    case "bool":
      return [...JOINS, ...EQUALITY];
    case "int":
    case "duration":
    case "time":
      return [...EQUALITY, ...ORDER, ...(type.kind === "int" ? [ONE_OF] : [])];
    case "string":
      return [...EQUALITY, ONE_OF, ...TEXTS];
    case "enum":
      return [...EQUALITY, ONE_OF];
    case "address":
      return [...EQUALITY, op("within", 'within cidr("${0:10.0.0.0/8}")', "lies in a range")];
    case "set":
    case "list":
      return type.of.kind === "string" ? SETS : [op("has", "has ${0}", "holds a value"), ...SETS.slice(1)];
    case "map":
    case "record":
      return [];
  }
}

/** Between quotes: groups, label keys, and texts that the same fact is compared with elsewhere. */
function completeText(
  { workspace }: Asked,
  body: readonly Token[],
  known: Known,
  expected: FactType | null,
): readonly Completion[] {
  const open = openBracket(body);
  const indexed = body.at(-1)?.text === "[" ? pathBefore(body, body.length - 2) : [];
  if (indexed.length > 0 && typeOfPath(indexed, known)?.kind === "map")
    return texts(keysOf(workspace, indexed.join(".")), `a key of ${indexed.join(".")} in use`);
  if (open >= 0 && TIME_PARTS.some((part) => part === body[open - 1]?.text)) return texts(zoneNames(), "a time zone");
  if (expected !== null && expected.kind !== "string") return [];
  let at = body.length - 1;
  if (open >= 0 && body[open]?.text === "[") at = open - 1;
  while (at >= 0 && /^(?:any|all|has|in|==|!=|like|with|starts|ends|else)$/.test(body[at]!.text)) at--;
  const path = pathBefore(body, at).join(".");
  if (path === "user.groups") return texts(groupsInUse(workspace), "a group in use");
  if (path === "user.name") return texts(usersInUse(workspace), "a user in use");
  return path === "" ? [] : texts(textsComparedWith(workspace, path), `compared with ${path} elsewhere`);
}
