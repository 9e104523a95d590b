import { describe, expect, it } from "vitest";
import { checkFiles, type CheckedPolicy } from "../../lang/index.ts";
import { factAt } from "../../spec/contract/facts/index.ts";
import { showAction } from "./action.ts";
import { addressWithin } from "./address.ts";
import { differences } from "./difference.ts";
import { ruleFindings } from "./findings.ts";
import { affixMachine, globMachine } from "./machine.ts";
import { COVERED_RULES_MAX } from "./limits.ts";
import { prove } from "./prove.ts";
import { query } from "./query.ts";
import { sameDecisions } from "./same.ts";
import { shortestText } from "./text.ts";
import { fatesOf } from "./unreachable.ts";

function policyOf(text: string): CheckedPolicy {
  const { policy, diagnostics } = checkFiles([{ path: "p.policy", text }]);
  expect(diagnostics.filter((one) => one.severity === "error").map((one) => one.message)).toEqual([]);
  return policy;
}

/** `name: fate`, with the rules that cover it. */
const fates = (text: string): readonly string[] => {
  const { rules } = policyOf(text);
  return fatesOf(rules, { judged: true }).map((fate, i) => {
    const by = fate.kind === "covered" ? ` ${fate.by.map((rule) => rule.name).join(" ")}` : "";
    return `${rules[i]!.name}: ${fate.kind}${by}`;
  });
};

describe("the fate of rules", () => {
  it.each<readonly [what: string, condition: string, fate: "live" | "never"]>([
    ["an interval", "statement.count > 3 and statement.count < 5", "live"],
    ["an empty interval", "statement.count > 3 and statement.count < 4", "never"],
    [
      "an interval without its values",
      "statement.count in [4, 5] and statement.count != 4 and statement.count > 5",
      "never",
    ],
    ["two kinds at once", "statement.kind == select and statement.kind == insert", "never"],
    ["a kind of another class", "statement.kind == drop_table and statement.class == dcl", "never"],
    ["a kind that is not among the kinds", "statement.kind == select and not (statement.kinds has select)", "never"],
    ["kinds beside the kind", "statement.kind == select and statement.kinds has any [insert, update]", "live"],
    ["an unfiltered select", "statement.kind == select and not statement.filtered", "never"],
    ["a read-only drop", "statement.kind == drop_table and statement.read_only", "never"],
    ["patterns that meet", 'user.name like "a*b" and user.name starts with "axx"', "live"],
    [
      "patterns that do not",
      'user.name like "a*" and user.name ends with "/b" and not (user.name like "**/c*")',
      "never",
    ],
    ["a pattern and its negation", 'user.name like "a*" and not (user.name starts with "a")', "never"],
    [
      "an expression within a pattern",
      'user.name matches /^svc-[0-9]+$/ and not (user.name starts with "svc-")',
      "never",
    ],
    ["an expression that leaves room", 'user.name matches /^svc-[0-9]+$/ and user.name != "svc-0"', "live"],
    [
      "ranges that meet",
      'client.address within cidr("10.0.0.0/8") and client.address within cidr("10.1.0.0/16")',
      "live",
    ],
    [
      "ranges that do not",
      'client.address within cidr("10.0.0.0/8") and client.address within cidr("11.0.0.0/8")',
      "never",
    ],
    [
      "both halves taken out",
      'client.address within cidr("10.0.0.0/8") and not client.address within cidr("10.0.0.0/9") and not client.address within cidr("10.128.0.0/9")',
      "never",
    ],
    ["one label, two values", 'target.labels["env"] == "a" and target.labels["env"] == "b"', "never"],
    ["two labels", 'target.labels["env"] == "a" and not exists target.labels["tier"]', "live"],
    ["every element and some", 'statement.tables has "b.x" and (all t in statement.tables : t like "a.*")', "never"],
    ["some element within every", 'statement.tables has "a.x" and (all t in statement.tables : t like "a.*")', "live"],
    ["an element that is two things", 'any t in statement.tables : t like "a.*" and t like "b.*"', "never"],
    [
      "elements that are two things",
      '(any t in statement.tables : t like "a.*") and (any t in statement.tables : t like "b.*")',
      "live",
    ],
    [
      "an optional fact and its default",
      "(statement.row_limit else 0) > 5 and not exists statement.row_limit",
      "never",
    ],
    ["an hour that no clock shows", 'time.hour("Europe/Vienna") > 21 and time.hour("Europe/Vienna") < 6', "never"],
    ["an hour in two zones", 'time.hour("UTC") == 23 and time.hour("Europe/Vienna") == 0', "live"],
    ["one fact and another", "user.name == target.name", "live"],
    ["one fact and another, twice", "user.name == target.name and not (user.name == target.name)", "never"],
  ])("%s: %s", (_, condition, fate) => {
    expect(fates(`allow r on sql when ${condition}`)).toEqual([`r: ${fate}`]);
  });

  it("is told of what fires for unknown facts only", () => {
    expect(fates('deny r on sql when statement.kind == select and statement.kind == insert because "x"')).toEqual([
      "r: only-unknown",
    ]);
  });

  it.each<readonly [what: string, text: string, expected: readonly string[]]>([
    [
      "by a union of ranges",
      'allow a on sql when client.address within cidr("10.0.0.0/8")\ndeny low on sql when client.address within cidr("10.0.0.0/9") because "x"\ndeny high on sql when client.address within cidr("10.128.0.0/9") because "x"\ndeny other on sql when user.name == "x" because "x"',
      ["a: covered low high", "low: live", "high: live", "other: live"],
    ],
    [
      "the later of two equals",
      'deny a on sql when statement.nested because "x"\ndeny b on sql when not (not statement.nested) because "x"',
      ["a: live", "b: covered a"],
    ],
    [
      "an approval by a stricter one only",
      'allow r on sql\napprove two on sql when statement.writes by group "g" quorum 2 because "x"\napprove one on sql when statement.kind == insert and statement.writes by group "g", group "h" because "x"\napprove third on sql when statement.writes and statement.nested by group "other" because "x"',
      ["r: live", "two: live", "one: covered two", "third: live"],
    ],
    [
      "a mask by one that hides as well",
      "allow r on sql\nmask every on sql columns public.users.* with redact\nmask one on sql columns public.users.email with email\nmask more on sql columns public.users.email, public.x.y with email",
      ["r: live", "every: live", "one: covered every", "more: live"],
    ],
    [
      "an element's field",
      'allow r on ssh\ndeny rm on ssh when any c in command.commands : c.program == "rm" because "x"\ndeny rmf on ssh when any c in command.commands : c.program == "rm" and (any a in c.arguments : a == "-f") because "x"',
      ["r: live", "rm: live", "rmf: covered rm"],
    ],
    [
      "only where all of its protocols are",
      'allow r on sql\ndeny pg on postgres when statement.nested because "x"\ndeny both on sql when statement.nested because "x"',
      ["r: live", "pg: covered both", "both: live"],
    ],
  ])("is covered %s", (_, text, expected) => {
    expect(fates(text)).toEqual(expected);
  });

  it("stands in check with its place, and with the rules that cover", () => {
    const text =
      'allow r on sql\n  when statement.kind == drop_table and statement.class == ddl\ndeny a on sql when statement.nested because "x"\ndeny b on sql when statement.nested and statement.writes because "x"\n';
    const found = ruleFindings(policyOf(text).rules);
    expect(found.map((one) => [one.code, text.slice(one.span.start, one.span.end)])).toEqual([
      ["P0062", "b"],
      ["P0063", "statement.class == ddl"],
    ]);
    expect(found[0]!.related.map((one) => text.slice(one.span.start, one.span.end))).toEqual(["a"]);
  });
});

it("of very many rules only what each says by itself is told, and that it is so", () => {
  const one = policyOf("allow a on sql when statement.kind == select and statement.kind == insert").rules[0]!;
  const many = Array.from({ length: COVERED_RULES_MAX + 1 }, (_, i) => ({ ...one, name: `r${i}`, when: null }));
  expect(ruleFindings([...many, one]).map((found) => found.code)).toEqual(["P0066", "P0060"]);
});

describe("parts that change nothing", () => {
  const kinds = factAt("postgres", "statement.kind")!.type;
  const every = kinds.kind === "enum" ? kinds.values.join(", ") : "";
  it.each<readonly [clauses: string, codes: readonly string[]]>([
    // Each of these parts is a question of its own, about facts that no other part speaks of.
    ['when user.groups has "x" and statement.kind in [select, insert] and user.name == "ana"', []],
    ['when user.name like "**" and user.groups has "x"', ["P0063"]],
    ['when user.name != "" and user.groups has "x"', []],
    [`when statement.kind in [${every}] and user.groups has "x"`, ["P0063"]],
    ['when client.address within cidr("10.0.0.0/8") and user.groups has "x"', []],
    // And in these some speak of the same facts.
    ['when user.name != "a" and user.name == "b"', ["P0063"]],
    ['when user.groups has "x" and user.groups has any ["x", "y"]', ["P0063"]],
    ['unless user.groups has "x" or (user.groups has "x" or statement.read_only)', ["P0064"]],
    ['when user.groups has "x" or (user.groups has "x" or statement.read_only)', ["P0064"]],
    ['when user.groups has "x" and user.groups has "x" and user.name == "a"', ["P0063"]],
  ])("%s", (clauses, codes) => {
    const found = ruleFindings(policyOf(`deny a on sql\n  ${clauses}\n  because "b"\n`).rules);
    expect(found.map((one) => one.code)).toEqual(codes);
  });
});

describe("differences", () => {
  const BASE = `
allow reads on sql when user.groups has "staff" and statement.read_only
allow writes on sql when user.groups has "dba"
deny drops on sql when statement.kind in [drop_table, drop_schema] and target.labels["env"] == "production" because "x"
approve big on sql when statement.kind == update and not statement.filtered by group "leads" quorum 2 within 15m valid once because "x"
mask pii on sql columns public.users.{email, ssn} with redact unless user.groups has "privacy"
limit rows on sql to 100 rows when user.groups has "staff"
alert tell on sql to "ops" when statement.nested
`;
  it.each<readonly [from: string, to: string, expected: readonly string[]]>([
    ["[drop_table, drop_schema]", "[drop_table]", ["widened drops"]],
    ["[drop_table, drop_schema]", "[drop_table, drop_schema, truncate]", ["narrowed drops"]],
    ['has "dba"', 'has any ["dba", "x"]', ["widened writes"]],
    ['has "staff" and', 'has "staff" and not statement.nested and', ["narrowed reads"]],
    ["quorum 2", "quorum 1", ["approval-weakened big"]],
    ["valid once", "valid 1h", ["approval-weakened big"]],
    ['group "leads"', 'group "leads", group "staff"', ["approval-weakened big"]],
    ["quorum 2", "quorum 3", ["approval-strengthened big"]],
    ["with redact", "with { email: email, *: redact }", ["mask-weakened pii"]],
    ["with redact", "with null", ["mask-strengthened pii"]],
    ["{email, ssn}", "{email}", ["mask-weakened pii"]],
    ["to 100 rows", "to 200 rows", ["limit-raised rows"]],
    ["to 100 rows", "to 50 rows", ["limit-lowered rows"]],
    ['to "ops" when', 'to "dev" when', ["alert-removed tell", "alert-added tell"]],
    ["[drop_table, drop_schema]", "[drop_schema, drop_table]", []],
    ['has "dba"', 'has any ["dba"]', []],
    ["not statement.filtered", "(not statement.filtered and not (statement.filtered))", []],
  ])("%s → %s", (from, to, expected) => {
    const [before, after] = [policyOf(BASE), policyOf(BASE.replace(from, to))];
    const found = [...differences(before.rules, after.rules)];
    expect(
      found.map((one) => `${one.change} ${one.rule.name}`).filter((one, i, all) => all.indexOf(one) === i),
    ).toEqual(expected);
    expect(found.filter((one) => "why" in one)).toEqual([]);
    expect(sameDecisions(before, after) === "same").toBe(expected.length === 0);
  });

  it("a rule split in two, renamed and moved is the same", () => {
    const split = BASE.replace(
      "deny drops on sql when statement.kind in [drop_table, drop_schema] and",
      'deny one on sql when target.labels["env"] == "production" and statement.kind == drop_schema because "y"\ndeny two on sql when statement.kind == drop_table and',
    );
    expect(sameDecisions(policyOf(BASE), policyOf(split))).toBe("same");
    expect(typeof sameDecisions(policyOf(BASE), policyOf(split), "matched")).toBe("object");
  });

  it("come with the smallest action and the rules on both sides", () => {
    const after = policyOf(BASE.replace("[drop_table, drop_schema]", "[drop_table]"));
    const [found] = [...differences(policyOf(BASE).rules, after.rules)];
    if (found === undefined || !("action" in found)) throw new Error("there is a difference");
    expect(showAction(found.action)).toEqual([
      'user.groups: ["dba"]',
      'target.labels: { "env": "production" }',
      "statement.kind: drop_schema",
    ]);
    expect([found.before.deciding, found.after.deciding]).toEqual([["drops"], ["writes"]]);
  });
});

describe("invariants", () => {
  const RULES =
    'allow reads on sql when user.groups has "staff" and statement.read_only\ndeny drops on sql when statement.class == ddl because "x"\nmask ssn on sql columns public.users.ssn with redact unless user.groups has "privacy"\napprove writes on sql when statement.writes by group "g" because "x"\n';
  it.each<readonly [never: string, kind: string]>([
    ["when statement.class == ddl", "proved"],
    ["even approved when statement.class == ddl", "proved"],
    ["when statement.writes", "proved"],
    ["even approved when statement.writes", "refuted"],
    ['when user.groups has "contractor" and plain public.users.ssn', "refuted"],
    ['when not user.groups has "privacy" and plain public.users.ssn', "proved"],
    ['when not user.groups has "privacy" and plain public.users.*', "refuted"],
    ['when statement.kind == select and user.name == "eve"', "refuted"],
  ])("never … %s", (never, kind) => {
    const policy = policyOf(`${RULES}never "it" on sql ${never}`);
    const [proof] = prove(policy);
    expect(proof!.kind).toBe(kind);
    if (proof!.kind !== "refuted") return;
    // The counterexample is a test that the language takes.
    expect(policyOf(`${RULES}${proof!.test}`).tests).toHaveLength(1);
    expect(proof!.unstated).toEqual([]);
  });
});

describe("who can", () => {
  const ask = (text: string, given: string) => {
    const policy = policyOf(`${text}\nnever "asked" on postgres when ${given}`);
    const found = query(
      policy,
      { protocol: "postgres", given: policy.nevers[0]!.condition, verdicts: ["allow", "approve", "mask"] },
      (span) => text.slice(span.start, span.end),
    );
    expect(found.inconclusive).toEqual([]);
    return found.grants.map(({ rule, ways, except }) => ({
      rule: rule.name,
      ways: (ways ?? []).map(({ who, when }) => [...who, ...when].join(" and ")),
      except: except.map((other) => other.rule.name),
    }));
  };

  it("is answered by rules, with what is left open", () => {
    const text =
      'allow dba on sql when user.groups has any ["dba", "lead"] and statement.class == ddl\nallow reads on sql when statement.read_only\ndeny prod on sql when target.labels["env"] == "production" and statement.kind == drop_table because "x"\n';
    expect(ask(text, "statement.kind == drop_table")).toEqual([
      { rule: "dba", ways: ['user.groups has any ["dba", "lead"]'], except: ["prod"] },
    ]);
    expect(ask(text, 'statement.kind == drop_table and target.labels["env"] == "production"')).toEqual([]);
  });
});

describe("texts and addresses", () => {
  it.each<readonly [wanted: readonly string[], unwanted: readonly string[], found: string | null]>([
    [["a*b", "a?b"], [], "aab"],
    [["*"], ["**"], null],
    [["**/x", "/etc/**"], [], "/etc/x"],
    [["a**"], ["a*"], "a/"],
    [["?"], ["[a-z]"], "a"],
  ])("the shortest that fits %j and not %j", (wanted, unwanted, found) => {
    const answer = shortestText(wanted.map(globMachine), unwanted.map(globMachine), []);
    expect(answer).toEqual(found === null ? null : { text: found });
  });

  it("leaves out what is excluded, exactly", () => {
    expect(shortestText([globMachine("?")], [affixMachine("start", "a")], ["b", "c"])).toEqual({ text: "d" });
    expect(shortestText([globMachine("a")], [], ["a"])).toBeNull();
  });

  it.each<readonly [inside: readonly string[], outside: readonly string[], found: string | null]>([
    [["10.0.0.0/8"], ["10.0.0.0/9"], "10.128.0.1"],
    [["10.0.0.0/31"], ["10.0.0.0"], "10.0.0.1"],
    [["10.0.0.0/31"], ["10.0.0.0", "10.0.0.1"], null],
    [["2001:db8::/32"], [], "2001:db8::1"],
    [[], ["0.0.0.0/0"], "2001:db8::1"],
    [[], ["0.0.0.0/0", "::/0"], null],
  ])("an address in %j and not in %j", (inside, outside, found) => {
    expect(addressWithin(inside, outside)).toBe(found);
  });
});
