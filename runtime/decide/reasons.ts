import type { Decision } from "../../spec/contract/decision/index.ts";
import type { Manifest } from "../../spec/contract/bundle/index.ts";

/** A decision in words for the person at the client: what was decided, by which rule, and the rule's own reason. */
export function reasonsOf(
  manifest: Manifest,
  decision: Decision,
): { readonly summary: string; readonly because: string | null; readonly rules: readonly string[] } {
  const rules = decision.deciding.map((index) => manifest.rules[index]!);
  const names = rules.map((rule) => rule.name);
  const because = rules.map((rule) => rule.because).find((text) => text !== null) ?? null;
  const list = names.join(", ");
  switch (decision.verdict) {
    case "allow":
      return { summary: `allowed by ${list}`, because, rules: names };
    case "approve":
      return { summary: `needs approval by rule ${list}`, because, rules: names };
    case "deny":
      return { summary: names.length === 0 ? "no rule allows this" : `denied by rule ${list}`, because, rules: names };
  }
}
