import { describe, expect, it } from "vitest";
import { tested } from "../../test/support/policy-tests.ts";
import { reportGithub, reportHuman, reportJson, reportJunit, reportTap } from "./report.ts";

const POLICY = `let staff = user.groups has "staff"

allow reads on sql
  when staff and statement.kind in [select, values]

deny drops on sql
  when statement.kind == drop_table
  because "Not by hand."

test "staff reads" {
  user "ana" in "staff"
  facts { statement.kind: select }
  expect allow by reads
}

test "guests <read>, 100%" {
  user "bob" in "guest"
  facts { statement.kind: insert }
  expect allow by reads
}

test "staff drops" {
  user "ana" in "staff"
  facts { statement.kind: drop_table }
  expect allow
}
`;

const { policy, files, results } = tested(POLICY);
const source = { files, rules: policy.rules };

describe("reports", () => {
  it("human: place, reason, and the parts of conditions that made it so", () => {
    expect(reportHuman(results, source, false)).toBe(
      [
        "not ok  guests <read>, 100%",
        "        a.policy:19:10: expected allow by reads, found deny by default, for no rule allows it",
        "          allow reads (a.policy:3) did not match, for",
        '            when: `user.groups has "staff"` is false',
        "            when: `statement.kind in [select, values]` is false",
        "not ok  staff drops",
        "        a.policy:25:10: expected allow, found deny by drops",
        "          allow reads (a.policy:3) did not match, for",
        "            when: `statement.kind in [select, values]` is false",
        "          deny drops (a.policy:6) matched, for",
        "            when: `statement.kind == drop_table` is true",
        "1 passed, 2 failed",
        "",
      ].join("\n"),
    );
  });

  it("human: in colour when asked", () => {
    expect(reportHuman(results, source, true)).toContain("\u001b[31m1 passed, 2 failed\u001b[39m");
  });

  it("tap", () => {
    const text = reportTap(results, source);
    expect(text.split("\n").slice(0, 3)).toEqual(["TAP version 14", "1..3", "ok 1 - staff reads"]);
    expect(text).toContain('not ok 2 - guests <read>, 100%\n  ---\n  failures:\n    - at: "a.policy:19:10"\n');
    expect(text).toContain("  ...\nnot ok 3 - staff drops\n");
  });

  it("junit: a suite for each file, and nothing that XML can't hold", () => {
    const text = reportJunit(results, source);
    expect(text).toContain('<testsuite name="a.policy" tests="3" failures="2">');
    expect(text).toContain('name="guests &lt;read&gt;, 100%"><failure message="expected allow by reads');
    expect(text).toContain("when: `user.groups has &quot;staff&quot;` is false");
  });

  it("json", () => {
    const all = JSON.parse(reportJson(results, source)) as Record<string, unknown>[];
    expect(all.map((one) => [one["test"], one["ok"], one["verdict"], one["deciding"]])).toEqual([
      ["staff reads", true, "allow", ["reads"]],
      ["guests <read>, 100%", false, "deny", []],
      ["staff drops", false, "deny", ["drops"]],
    ]);
    expect(all[1]).toMatchObject({ failures: [{ file: "a.policy", line: 19, column: 10 }] });
  });

  it("github: one note for each failure, with what commands can't hold escaped", () => {
    const [first, second, last] = reportGithub(results, source).split("\n");
    expect(first).toMatch(/^::error file=a\.policy,line=19,col=10,title=guests <read>%2C 100%25::expected allow/);
    expect(first).toContain("%0A");
    expect(second).toMatch(/^::error file=a\.policy,line=25,col=10,title=staff drops::/);
    expect(last).toBe("1 passed, 2 failed");
  });
});
