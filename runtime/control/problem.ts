import type { VoteRefusal } from "../enforce/approve/index.ts";

/** An error as `application/problem+json` (RFC 9457). `code` is stable, for programs; `detail` is for people. */
export interface Problem {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail: string;
}

export const problem = (status: number, code: string, title: string, detail: string): Problem => ({
  status,
  code,
  title,
  detail,
});

export const notFound = (what: string): Problem =>
  problem(404, "not-found", "Not found", `There is no ${what}, or it is not yours to see.`);

const VOTES: Record<VoteRefusal, Problem> = {
  unknown: notFound("such approval"),
  "not-pending": problem(
    409,
    "not-pending",
    "Already settled",
    "The request no longer waits for a decision: see its state.",
  ),
  "own-request": problem(
    403,
    "own-request",
    "Your own request",
    "Nobody decides on what they asked for themselves. Ask another approver.",
  ),
  "not-eligible": problem(
    403,
    "not-eligible",
    "Not an approver",
    "The rules that ask for this approval name neither you nor a group of yours.",
  ),
  "already-voted": problem(
    409,
    "already-voted",
    "Already granted by you",
    "One person has one vote. The request waits for others.",
  ),
  "lost-race": problem(409, "lost-race", "Settled meanwhile", "Somebody else was first: see its state and try again."),
  "not-recorded": problem(
    503,
    "not-recorded",
    "Not recorded",
    "The decision could not be recorded, so it has no effect. Tell whoever runs the gateway.",
  ),
};

export const voteProblem = (refusal: VoteRefusal): Problem => VOTES[refusal];
