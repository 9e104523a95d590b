import { describe, expect, it } from "vitest";
import { NO_SURROUNDINGS, completionsAt, openWorkspace, type Surroundings } from "./index.ts";

const AROUND: Surroundings = {
  ...NO_SURROUNDINGS,
  columns: [
    { schema: "public", table: "users", column: "email" },
    { schema: "public", table: "users", column: "ssn" },
    { schema: "billing", table: "cards", column: "number" },
  ],
  schemaFiles: ["shop.sql"],
};

/** What the rest of the package declares. */
const REST = `package shop
@owner("data") @soc2("CC6.1")
deny drops on sql
  when production and statement.kind in [drop_table] and user.groups has any ["dba", "dev"]
  because "Not by hand."
allow reads on sql
let production = target.labels["env"] == "production"
columns pii = public.users.email
detector badge = /B-[0-9]+/
mask secrets on sql columns pii with redact
mask badges on ssh values detect [badge] with redact
alert seen on ssh to "#ops"
test "t" { user "ana" in "analyst" target "shop" { env: "production" } sql "select 1" expect deny by drops }
`;

/** Labels at the mark `|` of a file that stands beside the rest. */
function labels(marked: string): readonly string[] {
  const whole = `package shop\n${marked}`;
  const offset = whole.indexOf("|");
  const text = whole.slice(0, offset) + whole.slice(offset + 1);
  const workspace = openWorkspace([
    { path: "a.policy", text },
    { path: "rest.policy", text: REST },
    {
      path: "other.policy",
      text: "package company.people\nexport let staff = true\nlet hidden = true\nexport columns private = a.b.c\n",
    },
  ]);
  return completionsAt(workspace, "a.policy", offset, AROUND).items.map((one) => one.label);
}

describe("completion holds", () => {
  it.each<readonly [title: string, marked: string, labels: readonly string[]]>([
    ["items at the margin", "|", ["allow", "deny", "mask", "test", "let"]],
    ["items at the margin after others", "let a = true\nd|", ["deny", "columns"]],
    ["items behind a test", 'test "x" {\n}\n|', ["allow", "test"]],
    ["effects behind annotations", '@owner("x")\n|', ["allow", "deny"]],
    ["`on` after a name", "deny x |", ["on"]],
    ["scopes", "deny x on |", ["sql", "ssh", "kubernetes", "*"]],
    ["another scope", "deny x on ssh, |", ["http"]],
    ["clauses", "deny x on sql\n  |", ["when", "unless", "because"]],
    ["clauses of its own", "approve x on sql\n  when true\n  |", ["by", "quorum", "within", "valid"]],
    ["facts", "deny x on sql when |", ["statement.kind", "user.groups", "not", "exists", "production"]],
    ["facts of another protocol", "deny x on ssh when |", ["channel.kind", "command.text"]],
    ["facts after a dot", "deny x on sql when statement.|", ["kind", "writes"]],
    ["what is written of them", "deny x on sql when statement.ki|", ["kind"]],
    ["facts in a let", "let x = request.|", ["verb", "method"]],
    ["values of an enumeration", "deny x on sql when statement.kind == |", ["drop_table", "select"]],
    ["values in a list", "deny x on sql when statement.kind in [select, |]", ["drop_table"]],
    ["values in a set", "deny x on sql when statement.kinds has |", ["any", "all", "drop_table"]],
    ["values in a list of a set", "deny x on sql when statement.kinds has any [|]", ["drop_table"]],
    ["operators of a text", "deny x on sql when user.name |", ["==", "in", "like", "starts with"]],
    ["operators of a set", "deny x on sql when user.groups |", ["has", "has any", "has all"]],
    ["operators of a number", "deny x on sql when statement.count |", ["==", "<", ">="]],
    ["operators of an address", "deny x on sql when client.address |", ["within"]],
    ["what joins conditions, and clauses", "deny x on sql when statement.writes |", ["and", "or", "because"]],
    ["groups in use", 'deny x on sql when user.groups has "|"', ["dba", "dev", "analyst"]],
    ["groups in a list", 'deny x on sql when user.groups has any ["dba", "|"]', ["dev"]],
    ["keys of labels", 'deny x on sql when target.labels["|"]', ["env"]],
    ["texts of a label", 'deny x on sql when user.name == "|', ["ana"]],
    ["optional facts to be tested", "deny x on sql when exists |", ["statement.row_limit", "user.agent"]],
    ["the variable of a quantifier", "deny x on sql when any t in statement.tables : |", ["t", "user.name"]],
    ["operators of a variable", "deny x on sql when any t in statement.tables : t |", ["like"]],
    ["fields of a record", "deny x on ssh when any c in command.commands : c.|", ["program", "arguments"]],
    ["sets to go through", "deny x on sql when any t in |", ["statement.tables"]],
    ["schemas and column sets", "mask m on sql\n  columns |", ["pii", "public", "billing"]],
    ["tables", "mask m on sql\n  columns public.|", ["users"]],
    ["columns", "mask m on sql\n  columns public.users.|", ["email", "ssn"]],
    ["columns between braces", "columns c = public.users.{email, |}", ["ssn"]],
    ["masks", "mask m on sql\n  columns pii\n  with |", ["redact", "last", "email"]],
    ["columns of the rule to be masked", "mask m on sql\n  columns pii\n  with { | }", ["email", "*"]],
    ["masks of a column", "mask m on sql\n  columns pii\n  with { email: | }", ["hash"]],
    ["approvers", "approve x on sql\n  by |", ["group", "user"]],
    ["groups that approve", 'approve x on sql\n  by group "|"', ["dba"]],
    ["how long a grant is good", "approve x on sql\n  valid |", ["once", "1h"]],
    ["keys of annotations", "@|", ["owner", "soc2", "severity"]],
    ["values of annotations", '@owner("|")', ["data"]],
    ["entries of a test", 'test "x" {\n  |\n}', ["user", "target", "sql", "expect"]],
    ["groups of a test's user", 'test "x" {\n  user "ana" in "|"\n}', ["analyst", "dba"]],
    ["labels of a test", 'test "x" {\n  target "s" { | }\n}', ["env"]],
    ["values of labels", 'test "x" {\n  target "s" { env: "|" }\n}', ["production"]],
    ["schema files", 'test "x" {\n  schema "|"\n}', ["shop.sql"]],
    ["expectations", 'test "x" {\n  expect |\n}', ["allow", "masked", "plain"]],
    ["rules by effect", 'test "x" {\n  expect deny by |\n}', ["drops"]],
    ["masks that are expected", 'test "x" {\n  expect masked email by |\n}', ["secrets"]],
    ["columns that are expected", 'test "x" {\n  expect plain |\n}', ["email", "ssn"]],
    ["facts of a test", 'test "x" {\n  facts { | }\n}', ["statement.kind"]],
    ["values of facts", 'test "x" {\n  facts { statement.kind: | }\n}', ["select"]],
    ["what may be exported", "export |", ["let", "columns", "detector"]],
    ["names that other packages export", "import { | }", ["staff", "private"]],
    ["packages", "import { staff } from |", ["company.people"]],
    ["the rest of a package's name", "import { staff } from company.|", ["people"]],
    ["checks of a detector", "detector x = /a/ check |", ["luhn", "mod97"]],
    ["detectors", "mask m on ssh\n  values detect [|]\n  with redact", ["badge", "credit_card", "jwt"]],
    ["clauses of a mask", "mask m on ssh\n  |", ["columns", "fields", "values", "output", "predicates", "trust"]],
    ["modes of predicates", "mask m on sql\n  predicates |", ["refuse", "substitute", "allow"]],
    ["units of a limit", "limit l on sql\n  to 5 |", ["rows", "bytes", "statements"]],
    ["channels in use", 'alert a on ssh\n  to "|"', ["#ops"]],
    ["clauses of an invariant", 'never "x" on sql\n  |', ["when", "even"]],
    ["facts and columns of an invariant", 'never "x" on sql when |', ["plain", "user.groups"]],
    ["columns that must not be plain", 'never "x" on sql when plain public.users.|', ["ssn"]],
    ["parts of a time", "deny x on sql when time.|", ["hour", "minute", "weekday"]],
    ["time zones", 'deny x on sql when time.hour("|")', ["Europe/Vienna", "UTC"]],
    ["weekdays", 'deny x on sql when time.weekday("UTC") in [|]', ["saturday"]],
    ["operators of a part of a time", 'deny x on sql when time.hour("UTC") |', ["<", ">="]],
    ["variables of a table", 'test "x" {\n  for who in ["a"]\n  user |\n}', ["who"]],
    ["methods of a request", 'test "x" {\n  http |\n}', ["GET", "POST"]],
    ["actions of a test", 'test "x" {\n  |\n}', ["ssh", "http", "kubectl", "tool", "time", "for"]],
    ["rules that match", 'test "x" {\n  expect not matched |\n}', ["drops", "reads", "secrets"]],
    ["masks that are expected of a column", 'test "x" {\n  expect masked ssn by secrets with |\n}', ["last", "redact"]],
    ["reasons", 'test "x" {\n  expect because "|"\n}', ["Not by hand."]],
  ])("%s", (_title, marked, expected) => {
    expect(labels(marked)).toEqual(expect.arrayContaining([...expected]));
  });
});

describe("completion leaves out", () => {
  it.each<readonly [title: string, marked: string, absent: readonly string[]]>([
    ["facts of other protocols", "deny x on sql when |", ["channel.kind", "request.verb"]],
    ["facts that not all protocols have", "deny x on sql, ssh when |", ["statement.kind", "channel.kind"]],
    ["clauses of other effects", "deny x on sql\n  |", ["by", "columns", "to"]],
    ["clauses that are there", "deny x on sql\n  when true\n  |", ["when"]],
    ["facts that are always there, after `exists`", "deny x on sql when exists |", ["user.name"]],
    ["rules of other effects", 'test "x" {\n  expect allow by |\n}', ["drops", "secrets"]],
    ["masks that are given", "mask m on sql\n  columns pii\n  with { email: redact, | }", ["email"]],
    ["names that are not exported", "import { | }", ["hidden", "production"]],
    ["columns outside of invariants", "deny x on sql when |", ["plain"]],
    ["names of other packages", "deny x on sql when |", ["staff"]],
    ["entries in a condition", "deny x on sql when statement.kind == |", ["user", "expect"]],
  ])("%s", (_title, marked, absent) => {
    const found = labels(marked);
    expect(found.length).toBeGreaterThan(0);
    for (const label of absent) expect(found).not.toContain(label);
  });

  it.each([
    ["everything in a comment", "// when |"],
    ["everything where a name is made up", "deny |"],
    ["everything in free text", 'deny x on sql because "|"'],
    ["everything in a statement", 'test "x" {\n  sql "|"\n}'],
    ["everything where a variable is made up", "deny x on sql when any |"],
  ])("%s", (_title, marked) => {
    expect(labels(marked)).toEqual([]);
  });
});

it("replaces the word that the cursor is in, and the text between quotes", () => {
  const of = (marked: string): string => {
    const offset = marked.indexOf("|");
    const text = marked.replace("|", "");
    const found = completionsAt(openWorkspace([{ path: "a.policy", text }]), "a.policy", offset, AROUND);
    return text.slice(found.start, found.end);
  };
  expect(of("deny x on sql when statement.fil|tered")).toBe("filtered");
  expect(of('deny x on sql when user.groups has "db|a"\n')).toBe("dba");
  expect(of('deny x on sql when user.groups has "db|')).toBe("db");
});
