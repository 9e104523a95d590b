import { generateKeyPairSync } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LoadedBundle, checkIndex, loadBundle, type BundleError } from "../../runtime/bundle/index.ts";
import { SessionPolicy } from "../../runtime/decide/index.ts";
import { prepare } from "../../runtime/vm/index.ts";
import type { Manifest } from "../../spec/contract/bundle/index.ts";
import type { VerifiedManifest } from "../../spec/contract/bytecode/index.ts";
import { ABSENT, type FactValue } from "../../spec/contract/facts/index.ts";
import { SCOPES_OF, factsOn, policyText, type TestScope } from "../../test/support/policies.ts";
import { compile, seal } from "../index.ts";

const { privateKey, publicKey } = generateKeyPairSync("ed25519");

function built(text: string): Manifest {
  const { manifest, diagnostics } = compile([{ path: "p.policy", text }], { sequence: 1 });
  if (manifest === null) throw new Error(`${text}\n${JSON.stringify(diagnostics, null, 1)}`);
  return manifest;
}

function refusal(manifest: Manifest): BundleError | null {
  const found = loadBundle(seal(manifest, privateKey).bytes, [publicKey], 0);
  return found.ok ? checkIndex(found.value) : found.error;
}

const without = (manifest: Manifest, gone: (rule: number, cube: number) => boolean): Manifest => ({
  ...manifest,
  index: { ...manifest.index, cubes: manifest.index.cubes.filter(({ rule }, i) => !gone(rule, i)) },
});

describe("an index that lost cubes, signed by a trusted key", () => {
  it.each(Object.keys(SCOPES_OF) as TestScope[])("of a restricting rule on %s, all of them, is refused", (scope) => {
    fc.assert(
      fc.property(policyText(3, scope), (text) => {
        const manifest = built(text);
        expect(refusal(manifest)).toBeNull();
        for (const [i, { effect, name }] of manifest.rules.entries())
          if (effect !== "allow")
            expect([name, refusal(without(manifest, (rule) => rule === i))?.kind]).toEqual([name, "bad-bytecode"]);
      }),
      { numRuns: 25 },
    );
  });

  it.each([
    'user.name == "a" or statement.writes',
    'user.name == "a" or not statement.filtered',
    '(user.name == "a" and statement.writes) or (user.name == "b" and statement.writes)',
    '(user.name == "a" or target.name == "x") and (statement.writes or statement.count > 3)',
    'user.groups has "a" or (any t in statement.tables : t like "x*") or statement.count > 3',
    'not (user.groups has all ["a", "b", "c"])',
    'exists user.agent or client.address within cidr("10.0.0.0/8")',
    "statement.kind in [drop_table, truncate] or (statement.row_limit else 5) > 3",
    'target.labels["env"] == "p" or user.name != target.name and statement.writes',
  ])("one of several is found missing: %s", (condition) => {
    const manifest = built(`deny d on sql\n  when ${condition}\n  because "x"\n`);
    const { cubes } = manifest.index;
    expect(cubes.length).toBeGreaterThan(1);
    expect(refusal(manifest)).toBeNull();
    for (const gone of cubes.keys())
      expect([gone, refusal(without(manifest, (_, cube) => cube === gone))?.kind]).toEqual([gone, "index-strays"]);
  });

  it("any one: is refused, but for a few of the longest conditions, or changes no decision", () => {
    const facts = fc.sample(factsOn("postgres"), { numRuns: 300, seed: 7 });
    const counted = { refused: 0, changed: 0 };
    for (const text of fc.sample(policyText(1), { numRuns: 120, seed: 5 })) {
      const manifest = built(text);
      if (manifest.rules[0]!.effect === "allow") continue;
      for (const gone of manifest.index.cubes.keys()) {
        const broken = without(manifest, (_, cube) => cube === gone);
        if (refusal(broken) !== null) counted.refused++;
        else if (facts.some((one) => matchedBy(broken, one) !== matchedBy(manifest, one))) counted.changed++;
      }
    }
    expect(counted.refused).toBeGreaterThan(100);
    expect(counted.changed).toBeLessThan(counted.refused / 20);
  });
});

it.each([
  'user.groups has "a" and statement.writes',
  'user.name in ["a", "b"] or statement.count > 3',
  "not statement.writes",
])("an allow whose cube asks less than its condition is found too wide: %s", (condition) => {
  const manifest = built(`allow a on sql\n  when ${condition}\n`);
  expect(refusal(manifest)).toBeNull();
  const cubes = manifest.index.cubes.map((cube) => ({ ...cube, constraints: cube.constraints.slice(1) }));
  expect(refusal({ ...manifest, index: { ...manifest.index, cubes } })?.kind).toBe("index-strays");
});

type Index = Manifest["index"];
/** An index with its first dimension, or its first question, changed. */
const dimension =
  (change: (of: Index["dimensions"][number]) => object) =>
  (index: Index): Index => ({
    ...index,
    dimensions: index.dimensions.map((one, i) => (i === 0 ? { ...one, ...change(one) } : one)),
  });

describe("an index that asks what nobody can answer, signed by a trusted key", () => {
  const path = (to: string) => dimension(() => ({ path: to }));
  const kind = (to: Index["dimensions"][number]["kind"]) => dimension(() => ({ kind: to }));
  const text = 'user.name like "a*"';
  const shape = (condition: string): Manifest => built(`deny d on sql\n  when ${condition}\n  because "x"\n`);

  it.each<readonly [string, condition: string, change: (index: Index) => Index, expected: object]>([
    ["of a fact that there is not", text, path("user.nickname"), { kind: "unknown-fact", path: "user.nickname" }],
    ["of another protocol's fact", text, path("command.text"), { kind: "unknown-fact", path: "command.text" }],
    [
      "of a text as a text that is a set",
      text,
      path("user.groups"),
      { why: "dimension 0 takes user.groups for a text" },
    ],
    ["of an address as a text", 'user.name == "a"', path("client.address"), { kind: "bad-bytecode" }],
    ["of a text as an address", 'user.name == "a"', kind("address"), { kind: "bad-bytecode" }],
    ["of a number as a truth", "statement.count == 3", kind("bool"), { kind: "bad-bytecode" }],
    [
      "of a key of a text",
      text,
      dimension(() => ({ key: "env" })),
      { why: 'dimension 0 takes user.name["env"] for a text' },
    ],
    [
      "of a whole map as a text",
      'target.labels["env"] == "p"',
      dimension(() => ({ key: null })),
      { kind: "bad-bytecode" },
    ],
    ["whether a text is there, as if it were a set", "exists user.agent", kind("presence"), { kind: "bad-bytecode" }],
    [
      "whether it is in what is no range",
      'client.address within cidr("10.0.0.0/8")',
      dimension(() => ({ atoms: [{ kind: "range", cidr: "10.0.0.0/" }] })),
      { why: "dimension 0 asks for range 10.0.0.0/, which can't be read" },
    ],
    [
      "whether it fits a pattern without an automaton",
      text,
      (index) => ({ ...index, automata: [] }),
      { why: 'dimension 0 asks like "a*", which no automaton answers' },
    ],
    [
      "whether it fits a pattern that the automaton does not accept for",
      text,
      (index) => ({ ...index, automata: index.automata.map((one) => ({ ...one, accepts: [] })) }),
      { why: 'dimension 0 asks like "a*", which no automaton answers' },
    ],
    [
      "and answers twice, of which only the last would count",
      text,
      (index) => ({
        ...index,
        automata: index.automata.map((one) => ({
          ...one,
          accepts: [...one.accepts, { ...one.accepts[0]!, atoms: [] }],
        })),
      }),
      { kind: "bad-bytecode" },
    ],
  ])("is refused: %s", (_, condition, change, expected) => {
    const manifest = shape(condition);
    expect(refusal(manifest)).toBeNull();
    expect(refusal({ ...manifest, index: change(manifest.index) })).toMatchObject(expected);
  });

  it("is refused with a range among its constants that can't be read", () => {
    const manifest = shape('client.address within cidr("10.0.0.0/8")');
    const constants = manifest.constants.map((one) => (one.kind === "cidr" ? { ...one, text: "10.0.0.0" } : one));
    expect(refusal({ ...manifest, constants })).toMatchObject({
      why: "constant 0 is range 10.0.0.0, which can't be read",
    });
  });

  it("is none where no text fits a pattern: the condition itself is asked", () => {
    for (const condition of ["user.name matches /[^\\s\\S]/", "any g in user.groups : g matches /a[^\\s\\S]/"])
      expect(refusal(shape(condition))).toBeNull();
  });
});

function matchedBy(manifest: Manifest, facts: ReadonlyMap<string, FactValue>): string {
  const machine = prepare(manifest as VerifiedManifest);
  const bundle = new LoadedBundle("any", "none", manifest, machine);
  const policy = new SessionPolicy(bundle, "postgres", (path) => facts.get(path) ?? ABSENT);
  return policy.decide(() => undefined).matched.join();
}
