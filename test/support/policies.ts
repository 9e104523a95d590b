import * as fc from "fast-check";
import {
  ABSENT,
  UNKNOWN,
  factsOf,
  type FactRecord,
  type FactType,
  type FactValue,
  type ProtocolName,
} from "../../spec/contract/facts/index.ts";

const TEXTS = ["ana", "bob", "x", "public.users", "public.orders", "billing.cards", "a/b", "a/b/c", "", "😀"] as const;
const GLOBS = ["a*", "*a", "**", "*", "a**c", "public.*", "*.users", "*r*", "a?a", "?", "a/*", "a/**", "**b*", "\\\\*"];
const EXPRESSIONS = ["a", "^a", "b$", "^$", "a|^b", "(a|b)+/", "[^/]{2,}", "^.*\\.users$", "ANA", "x{1,2}$|y", "(^a)b"];
const ZONES = ["UTC", "Europe/Vienna", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"];
const DAYS = ["monday", "saturday", "sunday"];
const RANGES = ["10.0.0.0/8", "10.1.0.0/16", "0.0.0.0/0", "2001:db8::/32", "::ffff:0a01:0/112", "::/0"];
const ADDRESSES = [
  "10.1.2.3",
  "10.200.0.1",
  "192.168.0.1",
  "2001:db8::1",
  "::ffff:10.0.0.1",
  "::ffff:a01:1",
  "nonsense",
  "10.1.2",
];
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
    join(
      of,
      "matches",
      fc
        .constantFrom(...EXPRESSIONS)
        .chain((one) => fc.constantFrom(`/${one.replaceAll("/", "\\/")}/`, `/${one.replaceAll("/", "\\/")}/i`)),
    ),
    join(of, "starts with", quoted),
    join(of, "ends with", quoted),
  );

const aboutSet = (of: string, value: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.oneof(join(of, "has", value), join(of, "has any", list(value)), join(of, "has all", list(value)));

const zone = fc.constantFrom(...ZONES);
const elementwise = (set: string): fc.Arbitrary<string> =>
  fc.oneof(
    join(fc.constantFrom("any", "all"), `t in ${set} : (`, aboutText("t"), ")"),
    join(fc.constantFrom("any", "all"), `t in ${set} : (`, aboutText("t"), "and not (", aboutText("t"), "))"),
  );

/** Questions about what every protocol has. */
const shared: readonly fc.Arbitrary<string>[] = [
  aboutText("user.name"),
  aboutText("target.name"),
  aboutText('target.labels["env"]'),
  join("exists", fc.constantFrom('target.labels["env"]', "user.agent", "user.acting_as")),
  join('(user.agent else "ana")', equality, quoted),
  aboutSet("user.groups", quoted),
  join(
    "client.address within",
    fc.constantFrom(...RANGES).map((range) => `cidr("${range}")`),
  ),
  join(fc.constantFrom("any", "all"), "g in user.groups : (", aboutText("g"), "or", aboutText("g"), ")"),
  fc
    .tuple(fc.constantFrom("hour", "minute"), zone, order, number)
    .map(([part, at, op, n]) => `time.${part}("${at}") ${op} ${n}`),
  fc.tuple(zone, list(fc.constantFrom(...DAYS))).map(([at, days]) => `time.weekday("${at}") in ${days}`),
  fc
    .tuple(zone, equality, fc.constantFrom(...DAYS))
    .map(([at, op, day]) => `session.started.weekday("${at}") ${op} ${day}`),
  fc
    .tuple(order, fc.constantFrom("2020-03-29T01:00:00Z", "2030-01-01T00:00:00+01:00"))
    .map(([op, at]) => `time ${op} time("${at}")`),
  join("session.age", order, fc.constantFrom("2ms", "5ms")),
  fc.constantFrom("user.name in user.groups", "user.name == target.name", "user.groups has user.name"),
];

/** Questions about what only these protocols have; with the shared ones, every kind of question that the language has. */
const QUESTIONS: Readonly<Record<"sql" | "ssh" | "kubernetes", readonly fc.Arbitrary<string>[]>> = {
  sql: [
    join("exists", fc.constantFrom("statement.row_limit")),
    join(quoted, "in", fc.constantFrom("user.groups", "statement.tables")),
    aboutSet("statement.tables", quoted),
    aboutSet("statement.kinds", kind),
    join("statement.kind", equality, kind),
    join("statement.kind in", list(kind)),
    join("statement.count", order, number),
    join(number, order, "statement.count"),
    join("(statement.row_limit else", number, ")", order, number),
    join("exists statement.row_limit and statement.row_limit", order, number),
    fc.constantFrom(
      "statement.filtered",
      "statement.read_only",
      "statement.writes == true",
      "statement.nested != true",
    ),
    elementwise("statement.tables"),
    fc.constantFrom(
      "any g in user.groups : any t in statement.tables : g == t",
      "all t in statement.tables : t != user.name",
      "statement.tables has any user.groups",
    ),
  ],
  ssh: [
    join("channel.kind", equality, fc.constantFrom("exec", "shell")),
    elementwise("command.writes"),
    join("exists command.text and (", aboutText("command.text"), ")"),
    join(fc.constantFrom("any", "all"), "c in command.commands : (", aboutText("c.program"), ")"),
    join(
      fc.constantFrom("any", "all"),
      "c in command.commands : (c.known and (",
      aboutSet("c.arguments", quoted),
      "))",
    ),
    join("any c in command.commands : any a in c.arguments : (", aboutText("a"), ")"),
    fc.constantFrom("any c in command.commands : c.program == user.name", "all c in command.commands : not c.known"),
    join("(forward.port else 3)", order, number),
  ],
  kubernetes: [
    join("request.verb in", list(fc.constantFrom("create", "get"))),
    aboutText("request.namespace"),
    aboutSet("container.command", quoted),
    elementwise("container.command"),
    aboutText('object.labels["env"]'),
    fc.constantFrom("request.dry_run", "object.privileged == false"),
  ],
};

/** Scopes that policies are made for, and a protocol of each. */
export const SCOPES_OF: Readonly<Record<keyof typeof QUESTIONS, ProtocolName>> = {
  sql: "postgres",
  ssh: "ssh",
  kubernetes: "kubernetes",
};
export type TestScope = keyof typeof QUESTIONS;

const conditionOn = (scope: TestScope): fc.Arbitrary<string> =>
  fc.letrec<{ any: string }>((tie) => ({
    any: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      fc.oneof(...QUESTIONS[scope], ...shared),
      join("not (", tie("any"), ")"),
      join("(", tie("any"), ") and (", tie("any"), ")"),
      join("(", tie("any"), ") or (", tie("any"), ")"),
    ),
  })).any;

const CLAUSES: Readonly<Record<string, string>> = {
  allow: "",
  deny: "",
  approve: '  by group "g"\n',
  mask: "  values detect [email]\n  with redact\n",
  limit: "  to 5 rows\n",
  alert: '  to "ops"\n',
};

const ruleOn = (scope: TestScope) =>
  fc.record({
    effect: fc.constantFrom(...Object.keys(CLAUSES)),
    when: fc.option(conditionOn(scope), { freq: 8 }),
    unless: fc.option(conditionOn(scope), { freq: 3 }),
  });

/** A well-typed policy of one to `max` rules over every kind of condition. */
export const policyText = (max: number, scope: TestScope = "sql"): fc.Arbitrary<string> =>
  fc.array(ruleOn(scope), { minLength: 1, maxLength: max }).map((rules) =>
    rules
      .map(({ effect, when, unless }, i) => {
        const clauses = [when === null ? "" : `  when ${when}\n`, unless === null ? "" : `  unless ${unless}\n`];
        return `${effect} r${i} on ${scope}\n${clauses.join("")}${CLAUSES[effect]}  because "x"\n`;
      })
      .join(""),
  );

function valueOf(type: FactType): fc.Arbitrary<FactValue> {
  switch (type.kind) {
    case "bool":
      return fc.boolean();
    case "time":
      // Over the years that a bundle's zones know, with moments around which clocks change.
      return fc.oneof(
        fc.integer({ min: Date.UTC(2001, 0, 1), max: Date.UTC(2055, 0, 1) }),
        fc.constantFrom(
          Date.UTC(2020, 2, 29, 1),
          Date.UTC(2020, 2, 29, 1) - 1,
          Date.UTC(2026, 10, 1, 6),
          Date.UTC(2030, 0, 1),
        ),
      );
    case "int":
    case "duration":
      return fc.integer({ min: 0, max: 6 });
    case "string":
      return text;
    case "address":
      return fc.constantFrom(...ADDRESSES);
    case "enum":
      return type.name === "SqlKind" ? fc.constantFrom(...KINDS, type.values[0]!) : fc.constantFrom(...type.values);
    case "set":
    case "list": {
      const { of } = type;
      if (of.kind === "record") return fc.array(recordOf(of), { maxLength: 3 });
      return fc
        .uniqueArray(of.kind === "enum" ? (of.name === "SqlKind" ? kind : fc.constantFrom(...of.values)) : text, {
          maxLength: 4,
        })
        .map((items) => (type.kind === "set" ? new Set(items) : items));
    }
    case "record":
      throw new Error("no record stands alone");
    case "map":
      return fc.constantFrom(new Map<string, string>(), new Map([["env", "x"]]), new Map([["env", "ana"]]));
  }
}

const recordOf = (type: Extract<FactType, { kind: "record" }>): fc.Arbitrary<FactRecord> =>
  fc.record(
    Object.fromEntries(type.fields.map((field) => [field.name, valueOf(field.type)])),
  ) as fc.Arbitrary<FactRecord>;

/** Facts of one action of a protocol, some of them unknown or absent. */
export const factsOn = (protocol: ProtocolName): fc.Arbitrary<ReadonlyMap<string, FactValue>> =>
  fc
    .record(
      Object.fromEntries(
        factsOf(protocol).map((fact) => [
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

export const anyFacts: fc.Arbitrary<ReadonlyMap<string, FactValue>> = factsOn("postgres");
