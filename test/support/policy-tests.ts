import {
  NOTHING_SHOWN,
  oracleDecider,
  protocolOf,
  runTests,
  statedFacts,
  type CapturedAction,
  type CaseResult,
  type RunCase,
} from "../../compiler/index.ts";
import { checkFiles, hasErrors, type CheckedPolicy, type SourceFile } from "../../lang/index.ts";
import type { FactValue } from "../../spec/contract/facts/index.ts";

/** The action of a test that states facts. */
export const capturedFacts = (one: RunCase): CapturedAction => ({
  ...actionOf(statedFacts(one.test, one.row)),
  protocol: protocolOf(one.row),
});

export const actionOf = (...units: readonly ReadonlyMap<string, FactValue>[]): CapturedAction => ({
  protocol: "postgres",
  units,
  show: () => NOTHING_SHOWN,
});

/** A policy without errors, from its text. */
export function checked(text: string): { readonly policy: CheckedPolicy; readonly files: readonly SourceFile[] } {
  const files = [{ path: "a.policy", text }];
  const { policy, diagnostics } = checkFiles(files);
  if (hasErrors(diagnostics)) throw new Error(JSON.stringify(diagnostics));
  return { policy, files };
}

/** A policy with its tests run, all of which state facts. */
export function tested(text: string): {
  readonly policy: CheckedPolicy;
  readonly files: readonly SourceFile[];
  readonly results: readonly CaseResult[];
} {
  const { policy, files } = checked(text);
  const results = runTests(policy.tests, { capture: capturedFacts, decide: oracleDecider(policy.rules) });
  return { policy, files, results };
}
