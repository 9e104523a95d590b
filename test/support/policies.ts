import * as fc from "fast-check";
import { ABSENT, UNKNOWN, factsOf, type FactType, type FactValue } from "../../spec/contract/facts/index.ts";

const TEXTS = ["ana", "bob", "x", "public.users", "public.orders", "billing.cards", "a/b", "a/b/c", "", "😀"] as const;
const GLOBS = ["a*", "*a", "**", "*", "a**c", "public.*", "*.users", "*r*", "a?a", "?", "a/*", "a/**", "**b*", "\\\\*"];
const RANGES = ["10.0.0.0/8", "10.1.0.0/16", "0.0.0.0/0", "2001:db8::/32"];
const KINDS = ["select", "insert", "drop_table", "truncate"];

const text = fc.constantFrom(...TEXTS);
const quoted = text.map((value) => JSON.stringify(value));
const list = (of: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.uniqueArray(of, { minLength: 1, maxLength: 3 }).map((items) => `[${items.join(", ")}]`);
const glob = fc.constantFrom(...GLOBS).map((value) => `"${value}"`);
const number = fc.integer({ min: 0, max: 5 }).map(String);
const order = fc.constantFrom("==", "!=", "<", "<=", ">", ">=");
const equality = fc.constantFrom("==", "!=");
const kind = fc.constantFrom(...KINDS);
const join = (...parts: readonly (string | fc.Arbitrary<string>)[]): fc.Arbitrary<string> =>
  fc.tuple(...parts.map((part) => (typeof part === "string" ? fc.constant(part) : part))).map((all) => all.join(" "));

/** A question about one text, `of` being how the policy writes it. */
const aboutText = (of: string): fc.Arbitrary<string> =>
  fc.oneof(
    join(of, equality, quoted),
    join(of, "in", list(quoted)),
    join(of, "like", glob),
    join(of, "starts with", quoted),
    join(of, "ends with", quoted),
  );

const aboutSet = (of: string, value: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.oneof(join(of, "has", value), join(of, "has any", list(value)), join(of, "has all", list(value)));

/** One question of every kind that the language has; `not`, `and` and `or` join them. */
const question: fc.Arbitrary<string> = fc.oneof(
  aboutText("user.name"),
  aboutText("target.name"),
  aboutText('target.labels["env"]'),
  join("exists", fc.constantFrom('target.labels["env"]', "statement.row_limit", "user.agent")),
  aboutSet("user.groups", quoted),
  join(quoted, "in", fc.constantFrom("user.groups", "statement.tables")),
  aboutSet("statement.tables", quoted),
  aboutSet("statement.kinds", kind),
  join("statement.kind", equality, kind),
  join("statement.kind in", list(kind)),
  join("statement.count", order, number),
  join(number, order, "statement.count"),
  join("(statement.row_limit else", number, ")", order, number),
  join("exists statement.row_limit and statement.row_limit", order, number),
  join(
    "client.address within",
    fc.constantFrom(...RANGES).map((range) => `cidr("${range}")`),
  ),
  fc.constantFrom("statement.filtered", "statement.read_only", "statement.writes == true", "statement.nested != true"),
  join(fc.constantFrom("any", "all"), "t in statement.tables : (", aboutText("t"), ")"),
  join(fc.constantFrom("any", "all"), "t in statement.tables : (", aboutText("t"), "and not (", aboutText("t"), "))"),
  join(fc.constantFrom("any", "all"), "g in user.groups : (", aboutText("g"), "or", aboutText("g"), ")"),
  fc.constantFrom(
    "user.name in user.groups",
    "user.name == target.name",
    "any g in user.groups : any t in statement.tables : g == t",
    "all t in statement.tables : t != user.name",
    "statement.tables has any user.groups",
  ),
);

const condition: fc.Arbitrary<string> = fc.letrec<{ any: string }>((tie) => ({
  any: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    question,
    join("not (", tie("any"), ")"),
    join("(", tie("any"), ") and (", tie("any"), ")"),
    join("(", tie("any"), ") or (", tie("any"), ")"),
  ),
})).any;

const CLAUSES: Readonly<Record<string, string>> = {
  allow: "",
  deny: "",
  approve: '  by group "g"\n',
  mask: "  columns a.b.c\n  with redact\n",
  limit: "  to 5 rows\n",
};

const rule = fc.record({
  effect: fc.constantFrom(...Object.keys(CLAUSES)),
  when: fc.option(condition, { freq: 8 }),
  unless: fc.option(condition, { freq: 3 }),
});

/** A well-typed policy of one to `max` rules over every kind of condition. */
export const policyText = (max: number): fc.Arbitrary<string> =>
  fc.array(rule, { minLength: 1, maxLength: max }).map((rules) =>
    rules
      .map(({ effect, when, unless }, i) => {
        const clauses = [when === null ? "" : `  when ${when}\n`, unless === null ? "" : `  unless ${unless}\n`];
        return `${effect} r${i} on sql\n${clauses.join("")}${CLAUSES[effect]}  because "x"\n`;
      })
      .join(""),
  );

function valueOf(type: FactType): fc.Arbitrary<FactValue> {
  switch (type.kind) {
    case "bool":
      return fc.boolean();
    case "int":
    case "time":
    case "duration":
      return fc.integer({ min: 0, max: 6 });
    case "string":
      return text;
    case "address":
      return fc.constantFrom("10.1.2.3", "10.200.0.1", "192.168.0.1", "2001:db8::1", "::ffff:10.0.0.1", "nonsense");
    case "enum":
      return fc.constantFrom(...KINDS, type.values[0]!);
    case "set":
    case "list":
      return fc
        .uniqueArray(type.of.kind === "enum" ? kind : text, { maxLength: 4 })
        .map((items) => (type.kind === "set" ? new Set(items) : items));
    case "record":
      throw new Error("no record stands alone");
    case "map":
      return fc.constantFrom(new Map<string, string>(), new Map([["env", "x"]]), new Map([["env", "ana"]]));
  }
}

/** Facts of one action, some of them unknown or absent. */
export const anyFacts: fc.Arbitrary<ReadonlyMap<string, FactValue>> = fc
  .record(
    Object.fromEntries(
      factsOf("postgres").map((fact) => [
        fact.path,
        fc.oneof(
          { weight: 8, arbitrary: valueOf(fact.type) },
          { weight: 1, arbitrary: fc.constant<FactValue>(UNKNOWN) },
          { weight: 1, arbitrary: fc.constant<FactValue>(ABSENT) },
        ),
      ]),
    ),
  )
  .map((values) => new Map<string, FactValue>(Object.entries(values)));
