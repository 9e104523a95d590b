import { ABSENT, type FactValue } from "../../../spec/contract/facts/index.ts";
import type { Decision } from "../../../spec/contract/decision/index.ts";
import type { BundleRule, Manifest } from "../../../spec/contract/bundle/index.ts";
import { verify } from "../../../spec/contract/bytecode/index.ts";
import type { CapturedAction, DecideAction, ActionOutcome, Tester } from "../../../compiler/index.ts";
import { LoadedBundle } from "../../../runtime/bundle/index.ts";
import { SessionPolicy } from "../../../runtime/decide/index.ts";
import type { Analysis, Catalog } from "../../../runtime/facts/index.ts";
import { prepare } from "../../../runtime/vm/index.ts";
import type { Io } from "../../io.ts";
import { analyseSql, captureSql, captureWith } from "./extract.ts";
import { Schemas } from "./schemas.ts";

export { Schemas } from "./schemas.ts";

/** A manifest as the gateway would run it, without its signature. */
export function executableOf(manifest: Manifest): LoadedBundle {
  const verified = verify(manifest);
  if (!verified.ok)
    throw new Error(`the compiler wrote bytecode that does not verify: ${JSON.stringify(verified.error)}`);
  return new LoadedBundle("unsigned", "none", manifest, prepare(verified.value));
}

/** Decides captured actions with the very code that the gateway runs. */
export function bundleDecider(bundle: LoadedBundle): DecideAction {
  return (action) => outcomeOfDecision(decideUnits(bundle, action), bundle.manifest, action);
}

function decideUnits(bundle: LoadedBundle, action: CapturedAction): Decision {
  const [first] = action.units;
  const policy = new SessionPolicy(bundle, action.protocol, (path) => first?.get(path) ?? ABSENT);
  return policy.decideAll(action.units.map((facts) => (path) => facts.get(path) ?? ABSENT));
}

function outcomeOfDecision(decision: Decision, { rules }: Manifest, action: CapturedAction): ActionOutcome {
  const rulesAt = (places: readonly number[]): readonly BundleRule[] => places.map((place) => rules[place]!);
  const deciding = rulesAt(decision.deciding);
  const masks = rulesAt(decision.masks);
  return {
    verdict: decision.verdict,
    matched: rulesAt(decision.matched).map((rule) => rule.name),
    deciding: deciding.map((rule) => rule.name),
    masks: masks.map((rule) => rule.name),
    rowLimit: decision.rowLimit,
    byteLimit: decision.byteLimit,
    because: deciding.flatMap((rule) => rule.because ?? []),
    approvals: deciding.flatMap((rule) => (rule.effect === "approve" ? (rule.approve ?? []) : [])),
    shown: action.show(masks),
  };
}

/** The test runner's ways to facts and decisions: the gateway's own. */
export function testDecider(manifest: Manifest, io: Io): Tester {
  return { capture: captureWith({ schemas: new Schemas(io) }), decide: bundleDecider(executableOf(manifest)) };
}

/** One statement as a client would meet it. */
export interface SqlDecision extends ActionOutcome {
  readonly columns: ActionOutcome["shown"]["columns"];
  readonly refusedUnderMask: string | null;
  readonly analysis: Analysis;
}

/** One statement by the gateway's own analysis, decision and mask planning; a text is what is wrong with it. */
export function decideSql(
  bundle: LoadedBundle,
  session: ReadonlyMap<string, FactValue>,
  catalog: Catalog,
  sql: string,
): SqlDecision | string {
  const analysis = analyseSql(sql, catalog);
  if (typeof analysis === "string") return analysis;
  const action = captureSql(sql, session, catalog);
  if (typeof action === "string") return action;
  const outcome = bundleDecider(bundle)(action);
  return { ...outcome, columns: outcome.shown.columns, refusedUnderMask: outcome.shown.refused, analysis };
}
