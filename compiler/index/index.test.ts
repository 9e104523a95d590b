import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decideByOracle } from "../../lang/index.ts";
import { SessionPolicy, decideByConditions } from "../../runtime/decide/index.ts";
import { executableOf } from "../../cli/commands/policy/decide.ts";
import { ABSENT, UNKNOWN, factsOf, type ProtocolName } from "../../spec/contract/facts/index.ts";
import type { DecisionIndex } from "../../spec/contract/bundle/index.ts";
import { SCOPES_OF, anyFacts, factsOn, policyText, type TestScope } from "../../test/support/policies.ts";
import { compile } from "../index.ts";
import { buildAutomata } from "./automaton.ts";
import { globPattern } from "./pattern.ts";

function built(text: string): ReturnType<typeof compile> & { readonly manifest: { readonly index: DecisionIndex } } {
  const found = compile([{ path: "p.policy", text }], { sequence: 1 });
  if (found.manifest === null) throw new Error(`${text}\n${JSON.stringify(found.diagnostics, null, 1)}`);
  return found as never;
}

describe("index, bytecode and plain meaning agree", () => {
  it.each(Object.entries(SCOPES_OF) as [TestScope, ProtocolName][])(
    "on any policy on %s and any facts, in one session after another",
    (scope, protocol) => {
      fc.assert(
        fc.property(
          policyText(6, scope),
          fc.array(factsOn(protocol), { minLength: 1, maxLength: 6 }),
          (text, cases) => {
            const { manifest, policy } = built(text);
            const bundle = executableOf(manifest!);
            for (const facts of cases) {
              const read = (path: string): NonNullable<ReturnType<typeof facts.get>> => facts.get(path) ?? ABSENT;
              const slots = manifest!.facts.map(read);
              const found = new SessionPolicy(bundle, protocol, read).decide(() => undefined);
              expect(found).toEqual(decideByConditions(bundle, protocol, slots));
              expect({ verdict: found.verdict, matched: found.matched }).toEqual(
                decideByOracle(policy.rules, protocol, facts),
              );
            }
          },
        ),
        { numRuns: 400 },
      );
    },
  );

  it("whatever the session knows and the statement says", () => {
    const lifetimes = new Map(factsOf("postgres").map((fact) => [fact.path, fact.lifetime]));
    fc.assert(
      fc.property(policyText(8), anyFacts, fc.array(anyFacts, { minLength: 1, maxLength: 6 }), (text, who, actions) => {
        const { manifest } = built(text);
        const bundle = executableOf(manifest!);
        const session = new SessionPolicy(bundle, "postgres", (path) => who.get(path) ?? ABSENT);
        for (const action of actions) {
          const own = (path: string) => (lifetimes.get(path) === "session" ? undefined : action.get(path));
          const slots = manifest!.facts.map((path) => own(path) ?? who.get(path) ?? ABSENT);
          expect(session.decide(own)).toEqual(decideByConditions(bundle, "postgres", slots));
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe("cubes", () => {
  /** `exact` or `run` for each cube, with the facts that it asks. */
  const shape = (condition: string, effect = "allow"): readonly string[] => {
    const { index } = built(`${effect} r on sql\n  when ${condition}\n`).manifest;
    return index.cubes.map(({ exact, constraints }) =>
      [
        exact ? "exact" : "run",
        ...constraints.map((one) => {
          const { dimension, mode } = index.constraints[one]!;
          const { path, key } = index.dimensions[dimension]!;
          return `${mode} ${path}${key === null ? "" : `[${key}]`}`;
        }),
      ].join(" "),
    );
  };

  it.each<readonly [title: string, condition: string, expected: readonly string[]]>([
    ["what is true of nothing has none", "statement.filtered and not statement.filtered", []],
    ["nor has what is false", "1 == 2", []],
    [
      "one fact is one constraint, however it is asked",
      'user.name like "a*" or user.name == "b"',
      ["exact is user.name"],
    ],
    [
      "facts that are joined by `and` are one cube",
      'user.groups has "a" and statement.kind == select',
      ["exact any user.groups is statement.kind"],
    ],
    [
      "facts that are joined by `or` are several",
      'user.groups has "a" or statement.kind == select',
      ["exact any user.groups", "exact is statement.kind"],
    ],
    ["not any is all", 'not (any t in statement.tables : t like "public.*")', ["exact all statement.tables"]],
    [
      "two that some element must be are two constraints",
      'user.groups has all ["a", "b"]',
      ["exact any user.groups any user.groups"],
    ],
    ["a key of a map is a fact of its own", 'target.labels["env"] == "x"', ["exact is target.labels[env]"]],
    ["two facts against each other are left to the bytecode", "user.name == target.name", ["run"]],
    [
      "with what is beside them still asked first",
      "user.name == target.name and statement.writes",
      ["run is statement.writes"],
    ],
    [
      "more than a cube may ask of one set is left to the bytecode",
      'user.groups has all ["a", "b", "c", "d"]',
      ["run any user.groups any user.groups any user.groups"],
    ],
  ])("%s", (_title, condition, expected) => {
    expect(shape(condition)).toEqual(expected);
  });

  it.each(["1 == 2", "statement.count > 3 and 1 == 2"])(
    "a rule that restricts has one though it can never match, so that one without is known to be wrong: %s",
    (condition) => {
      expect(shape(condition, "deny")).toEqual(["run"]);
    },
  );

  it("do not multiply without end", () => {
    const parts = Array.from({ length: 8 }, (_, i) => `(user.groups has "g${i}" or statement.tables has "t${i}")`);
    const cubes = shape(parts.join(" and "));
    expect(cubes.length).toBeLessThanOrEqual(24);
    expect(cubes.every((cube) => cube.startsWith("run "))).toBe(true);
  });

  it("a denial fires on what is unknown, a permission does not", () => {
    for (const [effect, verdict] of [
      ["allow", "deny"],
      ["deny", "deny"],
      ["approve", "approve"],
    ] as const) {
      const by = effect === "approve" ? ' by group "g"' : "";
      const { manifest } = built(`${effect} r on sql\n  when statement.tables has "x"${by}\n`);
      const found = new SessionPolicy(executableOf(manifest!), "postgres", () => UNKNOWN).decide(() => undefined);
      expect([found.verdict, found.matched.length]).toEqual([verdict, effect === "allow" ? 0 : 1]);
    }
  });
});

describe("automata", () => {
  const patterns = ["*abcdef*", "*ghijkl*", "*mnopqr*", "stuvwx"].map(
    (text, atom) => [atom, globPattern(text)] as const,
  );

  it("answer each pattern in one of them, in more the fewer states one may have", () => {
    for (const [statesMax, most] of [
      [20_000, 1],
      [20, 4],
    ] as const) {
      const found = buildAutomata(0, patterns, statesMax);
      expect(found.length).toBeLessThanOrEqual(most);
      expect(found.length > 1).toBe(statesMax === 20);
      const answered = found.flatMap(({ accepts }) => [...new Set(accepts.flatMap(({ atoms }) => atoms))]).sort();
      expect(answered).toEqual([0, 1, 2, 3]);
      for (const { next, inputCount } of found) expect(next.length / inputCount).toBeLessThanOrEqual(statesMax);
    }
  });

  it("a pattern that one alone can't answer is a fault of the compiler, not an endless search", () => {
    expect(() => buildAutomata(0, patterns, 3)).toThrow("by itself");
  });
});
