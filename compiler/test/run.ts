import type { CheckedExpectation, CheckedTest } from "../../lang/index.ts";
import { casesOf, type RunCase } from "./cases.ts";
import { failureOf } from "./expect.ts";
import type { CapturedAction, DecideAction, ActionOutcome } from "./outcome.ts";

/** Finds the facts of a case's action; a text is what is wrong with the test itself (its schema, its statement, its form). */
export type Capture = (one: RunCase) => CapturedAction | string;

export interface CapturedCase {
  readonly one: RunCase;
  readonly action: CapturedAction | string;
}

export interface Failure {
  /** Null when the case could not be run at all. */
  readonly expectation: CheckedExpectation | null;
  readonly why: string;
}

export interface CaseResult {
  readonly one: RunCase;
  readonly action: CapturedAction | null;
  readonly outcome: ActionOutcome | null;
  readonly failures: readonly Failure[];
}

export const hasFailed = (result: CaseResult): boolean => result.failures.length > 0;

/** Decides every captured case and compares it with what its test expects. */
export function runCases(cases: readonly CapturedCase[], decide: DecideAction): readonly CaseResult[] {
  return cases.map(({ one, action }) => {
    if (typeof action === "string")
      return { one, action: null, outcome: null, failures: [{ expectation: null, why: action }] };
    const outcome = decide(action);
    return { one, action, outcome, failures: failuresOf(one, outcome) };
  });
}

/** Expectations of a case that an outcome does not meet. */
export function failuresOf(one: RunCase, outcome: ActionOutcome): readonly Failure[] {
  return one.test.expectations.flatMap((expectation) => {
    const why = failureOf(expectation, outcome);
    return why === null ? [] : [{ expectation, why }];
  });
}

/** What running tests takes from outside: facts of actions, and a way to decide them. */
export interface Tester {
  readonly capture: Capture;
  readonly decide: DecideAction;
}

/** Every case of every test with its action's facts. */
export function captureCases(tests: readonly CheckedTest[], capture: Capture): readonly CapturedCase[] {
  return casesOf(tests).map((one) => ({ one, action: capture(one) }));
}

/** Runs every case of every test. */
export const runTests = (tests: readonly CheckedTest[], { capture, decide }: Tester): readonly CaseResult[] =>
  runCases(captureCases(tests, capture), decide);
