import * as cedar from "@cedar-policy/cedar-wasm/nodejs";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { executableOf } from "../cli/commands/policy/decide.ts";
import { compile } from "../compiler/index.ts";
import { checkFiles, decideByOracle, hasErrors, importCedar } from "../lang/index.ts";
import { SessionPolicy } from "../runtime/decide/index.ts";
import { ABSENT, SQL_KINDS, type FactValue } from "../spec/contract/facts/index.ts";

/** One request, as Cedar and as our facts see it. */
interface Request {
  readonly name: string;
  readonly groups: readonly string[];
  readonly kind: keyof typeof SQL_KINDS;
  readonly readOnly: boolean;
  readonly count: number;
  readonly tables: readonly string[];
  readonly rowLimit: number | null;
  readonly target: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly address: string;
}

const classOf = (kind: Request["kind"]): string => SQL_KINDS[kind];

function cedarDecision(policies: string, request: Request): { readonly decision: string; readonly errors: number } {
  const context = {
    statement: {
      kind: request.kind,
      class: classOf(request.kind),
      read_only: request.readOnly,
      count: request.count,
      tables: [...request.tables],
      ...(request.rowLimit === null ? {} : { row_limit: request.rowLimit }),
    },
    target: { name: request.target, labels: { ...request.labels } },
    client: { address: { __extn: { fn: "ip", arg: request.address } } },
  };
  const uid = (type: string, id: string): { type: string; id: string } => ({ type, id });
  const answer = cedar.isAuthorized({
    principal: uid("User", request.name),
    action: uid("Action", request.kind),
    resource: uid("Target", request.target),
    context,
    policies: { staticPolicies: policies },
    entities: [
      {
        uid: uid("User", request.name),
        attrs: { name: request.name, groups: [...request.groups] },
        parents: request.groups.map((group) => uid("Group", group)),
      },
      { uid: uid("Action", request.kind), attrs: {}, parents: [uid("Action", classOf(request.kind))] },
      {
        uid: uid("Target", request.target),
        attrs: { name: request.target, labels: { ...request.labels } },
        parents: [],
      },
    ],
  });
  if (answer.type !== "success") throw new Error(JSON.stringify(answer.errors));
  return { decision: answer.response.decision, errors: answer.response.diagnostics.errors.length };
}

const factsOf = (request: Request): ReadonlyMap<string, FactValue> =>
  new Map<string, FactValue>([
    ["user.name", request.name],
    ["user.groups", new Set(request.groups)],
    ["statement.kind", request.kind],
    ["statement.class", classOf(request.kind)],
    ["statement.read_only", request.readOnly],
    ["statement.count", request.count],
    ["statement.tables", new Set(request.tables)],
    ["statement.row_limit", request.rowLimit ?? ABSENT],
    ["target.name", request.target],
    ["target.labels", new Map(Object.entries(request.labels))],
    ["client.address", request.address],
  ]);

const NAMES = ["ana", "lea", "a*b", "a?b"];
const GROUPS = ["dba", "staff", "ops"];
const KINDS = ["select", "insert", "drop_table", "grant", "begin"] as const;
const TABLES = ["public.users", "public.orders", "hr/pay", "hr.pay"];
const ADDRESSES = ["10.1.2.3", "192.168.0.9", "127.0.0.1"];

const request: fc.Arbitrary<Request> = fc.record({
  name: fc.constantFrom(...NAMES),
  groups: fc.subarray(GROUPS),
  kind: fc.constantFrom(...KINDS),
  readOnly: fc.boolean(),
  count: fc.integer({ min: 0, max: 4 }),
  tables: fc.subarray(TABLES),
  rowLimit: fc.option(fc.integer({ min: 0, max: 4 })),
  target: fc.constantFrom("shop", "crm"),
  labels: fc.dictionary(fc.constantFrom("env", "team"), fc.constantFrom("production", "dev"), {
    noNullPrototype: true,
  }),
  address: fc.constantFrom(...ADDRESSES),
});

const text = (items: readonly string[]): fc.Arbitrary<string> =>
  fc.constantFrom(...items).map((one) => JSON.stringify(one));
const number = fc.integer({ min: 0, max: 4 });
const order = fc.constantFrom("==", "!=", "<", "<=", ">", ">=");
const texts = (items: readonly string[]): fc.Arbitrary<string> =>
  fc.subarray([...items], { minLength: 1 }).map((all) => `[${all.map((one) => JSON.stringify(one)).join(", ")}]`);

const atom = fc.oneof(
  fc.constantFrom("context.statement.read_only", "true", "false", "principal is User", "!context.statement.read_only"),
  text(NAMES).map((name) => `principal == User::${name}`),
  text(NAMES).map((name) => `principal.name != ${name}`),
  text(GROUPS).map((group) => `principal in Group::${group}`),
  text(GROUPS).map((group) => `principal.groups.contains(${group})`),
  fc
    .tuple(fc.constantFrom("containsAny", "containsAll"), texts(GROUPS))
    .map(([how, set]) => `principal.groups.${how}(${set})`),
  text(KINDS).map((kind) => `action == Action::${kind}`),
  text(["read", "ddl"]).map((name) => `action in Action::${name}`),
  text(KINDS).map((kind) => `context.statement.kind == ${kind}`),
  texts(KINDS).map((set) => `${set}.contains(context.statement.kind)`),
  fc.tuple(order, number).map(([op, n]) => `context.statement.count ${op} ${n}`),
  fc.tuple(order, number).map(([op, n]) => `${n} ${op} context.statement.count`),
  fc
    .tuple(order, number)
    .map(([op, n]) => `(context.statement has row_limit && context.statement.row_limit ${op} ${n})`),
  fc
    .tuple(fc.constantFrom("==", "!="), text(["production", "dev"]))
    .map(([op, env]) => `(resource.labels has env && resource.labels.env ${op} ${env})`),
  text(TABLES).map((table) => `context.statement.tables.contains(${table})`),
  text(["shop", "crm"]).map((name) => `resource == Target::${name}`),
  fc.constantFrom("a*", "*a", "a\\*b", "*", "?n?", "*\\**", "ana").map((pattern) => `principal.name like "${pattern}"`),
  fc
    .constantFrom("10.0.0.0/8", "127.0.0.1", "192.168.0.0/16")
    .map((range) => `context.client.address.isInRange(ip("${range}"))`),
);

const { condition } = fc.letrec<{ condition: string }>((tie) => ({
  condition: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    atom,
    tie("condition").map((inner) => `!(${inner})`),
    fc
      .tuple(tie("condition"), fc.constantFrom("&&", "||"), tie("condition"))
      .map(([a, op, b]) => `(${a}) ${op} (${b})`),
    fc.tuple(tie("condition"), tie("condition"), tie("condition")).map(([a, b, c]) => `(if ${a} then ${b} else ${c})`),
  ),
}));

const principal = fc.oneof(
  fc.constantFrom("principal", "principal is User"),
  text(NAMES).map((name) => `principal == User::${name}`),
  text(GROUPS).map((group) => `principal in Group::${group}`),
);
const action = fc.oneof(
  fc.constant("action"),
  text(KINDS).map((kind) => `action == Action::${kind}`),
  fc
    .subarray([...KINDS], { minLength: 1 })
    .map((all) => `action in [${all.map((one) => `Action::"${one}"`).join(", ")}]`),
);
const resource = fc.oneof(
  fc.constant("resource"),
  text(["shop", "crm"]).map((name) => `resource == Target::${name}`),
);
const policy = fc
  .record({
    effect: fc.constantFrom("permit", "permit", "forbid"),
    principal,
    action,
    resource,
    clauses: fc.array(fc.tuple(fc.constantFrom("when", "unless"), condition), { maxLength: 2 }),
  })
  .map(
    (one) =>
      `${one.effect}(${one.principal}, ${one.action}, ${one.resource})${one.clauses.map(([word, inner]) => ` ${word} { ${inner} }`).join("")};`,
  );

describe("Cedar's own engine and ours decide alike", () => {
  it("on random policies of the fragment, plain and compiled", () => {
    let allowed = 0;
    fc.assert(
      fc.property(
        fc.array(policy, { minLength: 1, maxLength: 4 }),
        fc.array(request, { minLength: 5, maxLength: 5 }),
        (policies, requests) => {
          const source = policies.join("\n");
          const imported = importCedar(source, "postgres", "imported");
          expect(imported.faults).toEqual([]);
          const files = [{ path: "imported.policy", text: imported.text }];
          const { policy: checked, diagnostics, manifest } = compile(files, { sequence: 0 });
          expect(diagnostics.filter((one) => one.severity === "error")).toEqual([]);
          const bundle = executableOf(manifest!);
          for (const one of requests) {
            const { decision, errors } = cedarDecision(source, one);
            expect(errors).toBe(0);
            const facts = factsOf(one);
            expect(`${decideByOracle(checked.rules, "postgres", facts).verdict} plain`).toBe(`${decision} plain`);
            const session = new SessionPolicy(bundle, "postgres", (path) => facts.get(path) ?? ABSENT);
            expect(`${session.decide((path) => facts.get(path)).verdict} compiled`).toBe(`${decision} compiled`);
            if (decision === "allow") allowed++;
          }
        },
      ),
      { numRuns: 150 },
    );
    // Otherwise everything might have been denied on both sides for no reason of the policies.
    expect(allowed).toBeGreaterThan(50);
  });
});

describe("what is imported", () => {
  it("keeps ids as names, annotations, and reasons", () => {
    const { text: found, faults } = importCedar(
      '@id("Staff reads")\n@owner("data")\npermit(principal in Group::"staff", action in Action::"read", resource);\n@reason("Never by hand.")\nforbid(principal, action == Action::"drop_table", resource) unless { principal.name == "lea" };',
      "sql",
      "shop",
    );
    expect(faults).toEqual([]);
    expect(found).toBe(
      [
        "package shop",
        "",
        '@owner("data")',
        "allow staff_reads on sql",
        '  when user.groups has "staff" and statement.class == read',
        "",
        "deny cedar_1 on sql",
        "  when statement.kind == drop_table",
        '  unless user.name == "lea"',
        '  because "Never by hand."',
        "",
      ].join("\n"),
    );
  });

  it("other scopes have their own actions", () => {
    const found = importCedar(
      'permit(principal, action == Action::"exec", resource) when { context.command.programs.contains("ls") };',
      "ssh",
      "x",
    );
    expect(found.faults).toEqual([]);
    expect(hasErrors(checkFiles([{ path: "a", text: found.text }]).diagnostics)).toBe(false);
    expect(found.text).toContain('when channel.kind == exec and command.programs has "ls"');
  });

  it.each<readonly [title: string, source: string, place: string, message: RegExp]>([
    ["an entity type", 'permit(principal == Robot::"x", action, resource);', 'Robot::"x"', /Robot has no counterpart/],
    ["an action", 'permit(principal, action == Action::"selct", resource);', 'Action::"selct"', /did you mean select/],
    [
      "an attribute",
      'permit(principal, action, resource) when { context.weather == "x" };',
      "context.weather",
      /no fact/,
    ],
    [
      "an attribute that may be absent",
      'permit(principal, action, resource) when { resource.labels.env == "x" };',
      "resource.labels.env",
      /test it with `has`/,
    ],
    [
      "one that is tested too late",
      'permit(principal, action, resource) when { resource.labels.env == "x" && resource.labels has env };',
      "resource.labels.env",
      /test it with `has`/,
    ],
    ["arithmetic", "permit(principal, action, resource) when { 1 + 1 == 2 };", "+", /arithmetic/],
    ["a template", "permit(principal == ?principal, action, resource);", "?", /templates/],
    ["a record", "permit(principal, action, resource) when { {a: 1} == {a: 1} };", "{", /records/],
    [
      "another method",
      "permit(principal, action, resource) when { principal.groups.isEmpty() };",
      "principal.groups.isEmpty()",
      /given one value/,
    ],
    ["what is no Cedar", "permit(principal, action);", ")", /expected ,/],
    ["a character", "permit(principal, action, resource) when { # };", "#", /not part of Cedar/],
  ])("%s that has no counterpart is named with its place", (_title, source, place, message) => {
    const whole = `${source}\npermit(principal, action, resource);`;
    const { faults, policies } = importCedar(whole, "postgres", "x");
    expect(faults[0]!.message).toMatch(message);
    expect(whole.slice(faults[0]!.at.start, faults[0]!.at.end)).toBe(place);
    // The policy beside it is imported all the same, unless the text can't be cut into words.
    expect(policies).toBe(place === "#" ? 0 : 1);
  });

  it("fuzz: no text makes it throw, and what comes out can be read", () => {
    const words = fc.constantFrom(
      "permit",
      "forbid",
      "(",
      ")",
      "principal",
      "action",
      "resource",
      ",",
      ";",
      "when",
      "unless",
      "{",
      "}",
      "context",
      ".",
      "==",
      "in",
      "has",
      "like",
      '"x"',
      "1",
      "User",
      "::",
      "!",
      "&&",
      "||",
      "if",
      "then",
      "else",
      "[",
      "]",
      "is",
      "@",
      "ip",
      "-",
      "\\",
      '"',
    );
    const run = (source: string): void => {
      const { text: found } = importCedar(source, "sql", "x");
      expect(
        checkFiles([{ path: "a", text: found }]).diagnostics.filter((one) => /^P000[1-5]$/.test(one.code)),
      ).toEqual([]);
    };
    fc.assert(
      fc.property(fc.array(words, { maxLength: 40 }), (all) => run(all.join(" "))),
      { numRuns: 1000 },
    );
    fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 100 }), run), { numRuns: 300 });
    run("(".repeat(10_000));
    run(`permit(principal, action, resource) when { ${"!".repeat(50_000)}true };`);
    run(`permit(principal, action, resource) when { ${"(".repeat(50_000)} };`);
    run(`permit(principal, action, resource) when { ${"if true then ".repeat(20_000)} };`);
  });
});
