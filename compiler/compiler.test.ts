import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decideByOracle, checkFiles } from "../lang/index.ts";
import { loadBundle } from "../runtime/bundle/index.ts";
import { SessionPolicy } from "../runtime/decide/index.ts";
import { executableOf } from "../cli/commands/policy/decide.ts";
import { ABSENT, UNKNOWN, factsOf, type FactType, type FactValue } from "../spec/contract/facts/index.ts";
import { decodeManifest, encodeManifest } from "../spec/contract/bundle/index.ts";
import { verify } from "../spec/contract/bytecode/index.ts";
import { compile, seal } from "./index.ts";

const SHOP = readFileSync(new URL("../policies/shop/shop.policy", import.meta.url), "utf8");

/** Every operator of the language, over facts of every type. */
const OPERATORS = [
  'user.name == "ana"',
  'user.name != "ana"',
  'user.groups has "x"',
  'user.groups has any ["x", "y"]',
  'user.groups has all ["x", "y"]',
  "statement.kind in [select, drop_table]",
  "statement.kind == drop_table",
  "statement.kinds has drop_table",
  "statement.count > 1",
  "statement.count <= 1",
  'target.labels["env"] == "production"',
  'target.labels["env"] != "production"',
  'exists target.labels["env"]',
  'client.address within cidr("10.0.0.0/8")',
  'client.address within cidr("2001:db8::/32")',
  'user.name like "a*"',
  'user.name starts with "a"',
  'user.name ends with "a"',
  "exists statement.row_limit and statement.row_limit < 10",
  "(statement.row_limit else 0) < 10",
  'any t in statement.tables : t like "public.*"',
  'all t in statement.tables : t like "public.*" and user.name != t',
  "any g in user.groups : any t in statement.tables : g == t",
  'user.name in ["ana", "bob"]',
  "user.name in user.groups",
  "not statement.filtered",
  'statement.tables has any ["public.users"]',
];

const policyText = (conditions: readonly (readonly [string, string, string])[]): string =>
  conditions
    .map(
      ([effect, a, b], i) =>
        `${effect} r${i} on sql\n  when (${a}) or not (${b})\n  unless ${b}\n  because "x"\n${effect === "approve" ? '  by group "g"\n' : ""}`,
    )
    .join("");

const condition = fc.constantFrom(...OPERATORS);
const rule = fc.tuple(fc.constantFrom("allow", "deny", "approve"), condition, condition);

function valueOf(type: FactType): fc.Arbitrary<FactValue> {
  switch (type.kind) {
    case "bool":
      return fc.boolean();
    case "int":
    case "time":
    case "duration":
      return fc.integer({ min: 0, max: 20 });
    case "string":
      return fc.constantFrom("ana", "bob", "x", "public.users", "");
    case "address":
      return fc.constantFrom("10.1.2.3", "192.168.0.1", "2001:db8::1", "::ffff:10.0.0.1", "nonsense");
    case "enum":
      return fc.constantFrom(...type.values.slice(0, 3), "drop_table");
    case "set":
      return fc
        .uniqueArray(fc.constantFrom("x", "y", "ana", "public.users", "drop_table"), { maxLength: 4 })
        .map((items) => new Set(items));
    case "list":
      return fc.array(fc.constantFrom("x", "y"), { maxLength: 3 });
    case "record":
      throw new Error("no record stands alone");
    case "map":
      return fc.constantFrom(new Map<string, string>(), new Map([["env", "production"]]), new Map([["env", "dev"]]));
  }
}

const facts = fc
  .record(
    Object.fromEntries(
      factsOf("postgres").map((fact) => [
        fact.path,
        fc.oneof(
          { weight: 6, arbitrary: valueOf(fact.type) },
          { weight: 1, arbitrary: fc.constant<FactValue>(UNKNOWN) },
          { weight: 1, arbitrary: fc.constant<FactValue>(ABSENT) },
        ),
      ]),
    ),
  )
  .map((values) => new Map<string, FactValue>(Object.entries(values)));

describe("the compiled form agrees with the plain meaning", () => {
  it("on any policy and any facts", () => {
    fc.assert(
      fc.property(
        fc.array(rule, { minLength: 1, maxLength: 6 }),
        fc.array(facts, { minLength: 1, maxLength: 5 }),
        (rules, cases) => {
          const { manifest, policy, diagnostics } = compile([{ path: "p.policy", text: policyText(rules) }], {
            sequence: 1,
          });
          if (manifest === null) throw new Error(JSON.stringify(diagnostics));
          const bundle = executableOf(manifest);
          for (const one of cases) {
            const found = new SessionPolicy(bundle, "postgres", (path) => one.get(path) ?? ABSENT).decide(
              () => undefined,
            );
            const expected = decideByOracle(policy.rules, "postgres", one);
            expect({ verdict: found.verdict, matched: found.matched }).toEqual(expected);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe("bundles", () => {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const files = [{ path: "shop.policy", text: SHOP }];
  const build = (sequence = 1): Buffer => seal(compile(files, { sequence }).manifest!, privateKey).bytes;

  it("are the same bytes for the same files", () => {
    expect(build().equals(build())).toBe(true);
    expect(build(2).equals(build(3))).toBe(false);
  });

  it("are read back as they were written", () => {
    const { manifest } = compile(files, { sequence: 7 });
    expect(decodeManifest(encodeManifest(manifest!))).toEqual({ ok: true, value: manifest });
  });

  it("are taken in by who trusts the key, and by nobody else", () => {
    expect(loadBundle(build(), [publicKey], 0)).toMatchObject({ ok: true });
    const other = generateKeyPairSync("ed25519").publicKey;
    expect(loadBundle(build(), [other], 0)).toMatchObject({ ok: false, error: { kind: "unknown-key" } });
    expect(loadBundle(build(1), [publicKey], 2)).toMatchObject({ ok: false, error: { kind: "older-sequence" } });
  });

  it("fuzz: any flipped bit is refused, any cut too", () => {
    const bytes = build();
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(7), (place, bit) => {
        const changed = Buffer.from(bytes);
        changed[place]! ^= 1 << bit;
        expect(loadBundle(changed, [publicKey], 0).ok).toBe(false);
        expect(loadBundle(bytes.subarray(0, place), [publicKey], 0).ok).toBe(false);
      }),
      { numRuns: 400 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (any) => void decodeManifest(any)),
      { numRuns: 500 },
    );
  });

  it("fuzz: bytecode that was tampered with does not verify, or is still within its bounds", () => {
    const { manifest } = compile(files, { sequence: 0 });
    fc.assert(
      fc.property(
        fc.nat(manifest!.programs.length - 1),
        fc.nat(),
        fc.integer({ min: -3, max: 300 }),
        (which, place, operand) => {
          const programs = manifest!.programs.map((program, i) => {
            if (i !== which) return program;
            const code = [...program.code];
            code[place % code.length] = operand;
            return { ...program, code };
          });
          const found = verify({ ...manifest!, programs });
          if (!found.ok) return;
          const policy = new SessionPolicy(executableOf({ ...manifest!, programs }), "postgres", () => UNKNOWN);
          policy.decide(() => undefined);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("carry test vectors that are run", () => {
    const { manifest } = compile(files, { sequence: 0 });
    expect(manifest!.vectors.length).toBeGreaterThan(5);
    const [first] = manifest!.vectors;
    for (const wrong of [
      { ...first!, matched: [...first!.matched, 999] },
      { ...first!, matched: first!.matched.slice(1) },
      { ...first!, verdict: first!.verdict === "allow" ? ("deny" as const) : ("allow" as const) },
    ])
      expect(loadBundle(seal({ ...manifest!, vectors: [wrong] }, privateKey).bytes, [publicKey], 0)).toMatchObject({
        ok: false,
        error: { kind: "failed-self-test", vector: 0 },
      });
  });
});

it("checks a thousand rules", () => {
  const text = Array.from(
    { length: 1000 },
    (_, i) => `allow r${i} on sql\n  when user.name == "u${i}" and statement.read_only\n`,
  ).join("");
  expect(checkFiles([{ path: "a.policy", text }]).policy.rules).toHaveLength(1000);
});
