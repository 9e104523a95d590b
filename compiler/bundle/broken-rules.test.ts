import { generateKeyPairSync } from "node:crypto";
import { expect, it } from "vitest";
import { describeBundleError, loadBundle } from "../../runtime/bundle/index.ts";
import type { BundleRule, Manifest } from "../../spec/contract/bundle/index.ts";
import { compile, seal } from "../index.ts";

/** A rule of each effect that has details. */
const POLICY = `package p
approve a on sql by group "g" within 5m because "ask"
mask m on sql columns public.users.ssn with redact
limit l on sql to 5 rows, 9 bytes, 7 statements per 1m
alert t on sql to "ops"
deny d on sql because "no"
`;

const { privateKey, publicKey } = generateKeyPairSync("ed25519");

function refusalWith(name: string, change: Partial<BundleRule>): string | null {
  const { manifest } = compile([{ path: "p.policy", text: POLICY }], { sequence: 1 });
  const rules = manifest!.rules.map((rule) => (rule.name === name ? { ...rule, ...change } : rule));
  const changed: Manifest = { ...manifest!, rules };
  const found = loadBundle(seal(changed, privateKey).bytes, [publicKey], 0);
  return found.ok ? null : describeBundleError(found.error);
}

const approve = { groups: ["g"], users: [], quorum: 1, withinMs: 1000, validMs: 0 };
const limit = { rows: null, bytes: null, rate: null };
const mask = {
  columns: [],
  fields: [],
  detect: [],
  output: null,
  with: [],
  predicates: "refuse",
  trusted: [],
} as const;

it("a rule as it was compiled is taken", () => {
  expect(refusalWith("a", {})).toBeNull();
});

it.each<readonly [rule: string, change: Partial<BundleRule>, why: string]>([
  ["l", { limit }, "rules[2] limits nothing"],
  ["l", { limit: { ...limit, rate: { count: 7, perMs: 0 } } }, "rules[2] counts statements over no time"],
  ["l", { limit: { ...limit, rate: { count: 0, perMs: 1000 } } }, "rules[2] has a limit below 1"],
  ["l", { limit: { ...limit, rows: -1 } }, "rules[2] has a limit below 1"],
  ["l", { limit: { ...limit, bytes: 0 } }, "rules[2] has a limit below 1"],
  ["l", { limit: null }, "rules[2] has a limit that doesn't fit its effect"],
  ["m", { mask }, "rules[1] masks nothing"],
  ["m", { mask: { ...mask, detect: ["nothing"] } }, "rules[1] looks for nothing, which is no detector"],
  ["m", { mask: null }, "rules[1] has mask details that don't fit its effect"],
  ["t", { alertTo: [] }, "rules[3] tells nobody"],
  ["d", { alertTo: ["ops"] }, "rules[4] has channels that don't fit its effect"],
  ["d", { protocols: [] }, "rules[4] stands on no protocol"],
  ["d", { protocols: ["postgres", "postgres"] }, "rules[4] stands on a protocol twice"],
  ["d", { condition: 5 }, "rules[4] has a condition that is not there"],
  ["a", { approve: { ...approve, groups: [] } }, "rules[0] asks for approval by nobody"],
  ["a", { approve: { ...approve, quorum: 0 } }, "rules[0] asks for approval by nobody"],
  ["a", { approve: { ...approve, withinMs: 0 } }, "rules[0] asks for approval in no time"],
  ["a", { approve: { ...approve, validMs: -1 } }, "rules[0] asks for approval in no time"],
])("a rule that would protect nothing is refused at load: %s %j", (rule, change, why) => {
  expect(refusalWith(rule, change)).toBe(why);
});

it("a fault of the bundle as a whole is told without the number of a program", () => {
  const { manifest } = compile([{ path: "p.policy", text: POLICY }], { sequence: 1 });
  const lost = { ...manifest!, index: { ...manifest!.index, cubes: manifest!.index.cubes.slice(1) } };
  const found = loadBundle(seal(lost, privateKey).bytes, [publicKey], 0);
  expect(found.ok ? null : describeBundleError(found.error)).toBe("rule 0 restricts, but no cube finds it");
});
