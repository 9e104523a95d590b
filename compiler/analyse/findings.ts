import type { ProtocolName } from "../../spec/contract/facts/index.ts";
import { diagnostic, type CheckedRule, type Diagnostic } from "../../lang/index.ts";
import { listing } from "../../base/text.ts";
import { showAction } from "./action.ts";
import { Engine } from "./engine.ts";
import { COVERED_RULES_MAX } from "./limits.ts";
import { idlePartsOf, protocolOf } from "./parts.ts";
import { fatesOf } from "./unreachable.ts";

/** Warnings about rules that never apply or never matter, and about parts of conditions that change nothing. */
export function ruleFindings(rules: readonly CheckedRule[]): readonly Diagnostic[] {
  const found: Diagnostic[] = [];
  const dead = new Set<CheckedRule>();
  const engines = new Map<ProtocolName, Engine>();
  const engineFor = (protocol: ProtocolName): Engine => {
    const engine = engines.get(protocol) ?? new Engine(protocol);
    engines.set(protocol, engine);
    return engine;
  };
  const reachOnly = rules.length > COVERED_RULES_MAX;
  if (reachOnly)
    found.push(
      diagnostic("covering-not-analysed", rules[0]!.nameSpan, { count: rules.length, countMax: COVERED_RULES_MAX }),
    );
  for (const [i, fate] of fatesOf(rules, { reachOnly }, engineFor).entries()) {
    const rule = rules[i]!;
    switch (fate.kind) {
      case "live":
        break;
      case "never":
        dead.add(rule);
        found.push(diagnostic("rule-never-applies", rule.nameSpan, { effect: rule.effect, name: rule.name }));
        break;
      case "only-unknown": {
        dead.add(rule);
        const { protocol, facts } = fate;
        const unknown = showAction({ protocol, facts })
          .filter((line) => line.endsWith(": unknown"))
          .map((line) => `\`${line.slice(0, -": unknown".length)}\``);
        found.push(
          diagnostic("rule-only-unknown", rule.nameSpan, {
            effect: rule.effect,
            name: rule.name,
            facts: listing(unknown, "and"),
          }),
        );
        break;
      }
      case "covered": {
        const names = listing(
          fate.by.map((other) => `\`${other.name}\``),
          "and",
        );
        found.push(
          diagnostic(
            "rule-covered",
            rule.nameSpan,
            { effect: rule.effect, name: rule.name, by: names },
            fate.by.map((other) => ({
              span: other.nameSpan,
              label: `${other.effect} \`${other.name}\` of ${other.nameSpan.file}`,
            })),
          ),
        );
        break;
      }
      case "inconclusive":
        if (reachOnly) break;
        found.push(
          diagnostic("rule-not-analysed", rule.nameSpan, { effect: rule.effect, name: rule.name, why: fate.why }),
        );
        break;
    }
  }
  const alive = rules.filter((rule) => !dead.has(rule));
  return [...found, ...partFindings(alive, engineFor)];
}

function partFindings(
  rules: readonly CheckedRule[],
  engineFor: (protocol: ProtocolName) => Engine,
): readonly Diagnostic[] {
  return rules.flatMap((rule) => {
    const protocol = protocolOf(rule);
    if (protocol === undefined) return [];
    return idlePartsOf(rule, engineFor(protocol)).map(({ part, always }) => {
      // A part that came with a `let` stands elsewhere; the rule that uses it is what is to be looked at.
      const { span } = rule;
      const own = part.span.file === span.file && part.span.start >= span.start && part.span.end <= span.end;
      return diagnostic(
        always ? "condition-part-always-true" : "condition-part-adds-nothing",
        own ? part.span : rule.nameSpan,
        { name: rule.name },
        own ? [] : [{ span: part.span, label: `the part stands in ${part.span.file}` }],
      );
    });
  });
}
