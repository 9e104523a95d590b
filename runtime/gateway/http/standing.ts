import type { Manifest } from "../../../spec/contract/bundle/index.ts";
import type { LoadedBundle } from "../../bundle/index.ts";
import type { ActionFacts } from "../../decide/index.ts";
import type { Inspection } from "../../protocols/http/index.ts";
import type { Refusal } from "../../protocols/index.ts";
import { isRefusal, type ActionEnforcer, type Judgement } from "../../session/index.ts";

/** Facts that change while nothing else does. */
const OF_TIME: ReadonlySet<string> = new Set(["time", "session.age"]);

/**
 * Whether a conversation that was let in may go on: to be asked at each piece of it. While the policy stays the same, and no
 * rule looks at the clock, that is but a look at it and at the sign-in.
 */
export class Standing {
  readonly #enforcer: ActionEnforcer;
  readonly #judged: Judgement;
  readonly #actions: readonly ActionFacts[];
  readonly #kinds: readonly string[];
  /** The policy that was asked last. */
  bundle: LoadedBundle;

  constructor(enforcer: ActionEnforcer, judged: Judgement, { actions, kinds }: Pick<Inspection, "actions" | "kinds">) {
    this.#enforcer = enforcer;
    this.#judged = judged;
    this.#actions = actions as readonly ActionFacts[];
    this.#kinds = kinds;
    this.bundle = judged.bundle;
  }

  /** Why it may not go on; null: it may. */
  fault(): Refusal | null {
    const policy = this.#enforcer.policy();
    if (isRefusal(policy)) return policy;
    if (policy.bundle === this.bundle && !this.bundle.manifest.facts.some((path) => OF_TIME.has(path))) return null;
    const now = this.#enforcer.standing(this.#actions, this.#kinds);
    if (isRefusal(now)) return now;
    const why = now.refusal ?? this.#differs(now);
    if (why === null) this.bundle = now.bundle;
    return why;
  }

  /** It would be let in by now too: but under the same masks, limit and approvals? */
  #differs(now: Omit<Judgement, "decisionId">): Refusal | null {
    const before = this.#judged;
    const approved = before.approveRules.map((rule) => termsOf(before.bundle, rule));
    if (!now.approveRules.every((rule) => approved.includes(termsOf(now.bundle, rule))))
      return {
        kind: "policy",
        message: "the policy asks for an approval of this by now",
        hint: "Open it again to ask for one.",
      };
    if (masksOf(before) !== masksOf(now) || before.decision.byteLimit !== now.decision.byteLimit)
      return {
        kind: "policy",
        message: "the policy has other masks or limits for this by now",
        hint: "Open it again to go on under them.",
      };
    return null;
  }
}

const masksOf = ({ bundle, decision }: Pick<Judgement, "bundle" | "decision">): string =>
  decision.masks
    .map((rule) => termsOf(bundle, rule))
    .sort()
    .join("\n");

/** What a rule does, in words that can be compared between bundles. */
function termsOf({ manifest }: LoadedBundle, index: number): string {
  const { name, approve, mask } = manifest.rules[index]!;
  return JSON.stringify({
    name,
    approve,
    mask: mask === null ? null : { ...mask, output: mask.output?.map((one) => sourceOf(manifest, one)) ?? null },
    detectors: manifest.detectors
      .filter((one) => mask?.detect.includes(one.name))
      .map((one) => [one.name, one.check, sourceOf(manifest, one.expression)]),
  });
}

const sourceOf = (manifest: Manifest, expression: number): string => manifest.expressions[expression]!.source;
