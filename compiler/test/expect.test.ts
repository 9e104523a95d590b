import { expect, it } from "vitest";
import type { Expected } from "./cases.ts";
import { failureOf } from "./expect.ts";
import type { ActionOutcome } from "./outcome.ts";

const ALLOWED: ActionOutcome = {
  verdict: "allow",
  matched: ["reads", "pii", "few"],
  deciding: ["reads"],
  masks: ["pii"],
  rowLimit: 100,
  byteLimit: null,
  because: ["They may."],
  approvals: [],
  shown: {
    columns: [
      { name: "name", rule: null, mask: null },
      { name: "email", rule: "pii", mask: { kind: "email", args: [] } },
      { name: "card", rule: "pii", mask: { kind: "last", args: [4] } },
      { name: "sum", rule: "", mask: { kind: "redact", args: [] } },
    ],
    refused: null,
  },
};
const BY_DEFAULT: ActionOutcome = { ...ALLOWED, verdict: "deny", deciding: [], because: [] };
const REFUSED: ActionOutcome = { ...ALLOWED, shown: { columns: [], refused: "it filters by email" } };
const WAITS: ActionOutcome = {
  ...ALLOWED,
  verdict: "approve",
  deciding: ["asks"],
  approvals: [{ groups: ["leads"], users: ["kim"], quorum: 2, withinMs: 1000, validMs: 0 }],
};
const LEADS = { groups: ["leads"], users: ["kim"] };

it.each<readonly [expected: Expected, found: ActionOutcome, why: string | null]>([
  [{ kind: "verdict", verdict: "allow", by: null }, ALLOWED, null],
  [{ kind: "verdict", verdict: "allow", by: "reads" }, ALLOWED, null],
  [{ kind: "verdict", verdict: "allow", by: "pii" }, ALLOWED, "expected allow by pii, found it by reads"],
  [{ kind: "verdict", verdict: "deny", by: null }, ALLOWED, "expected deny, found allow by reads"],
  [{ kind: "verdict", verdict: "deny", by: null }, BY_DEFAULT, null],
  [
    { kind: "verdict", verdict: "deny", by: "drops" },
    BY_DEFAULT,
    "expected deny by drops, found it by default, for no rule allows it",
  ],
  [
    { kind: "verdict", verdict: "allow", by: null },
    BY_DEFAULT,
    "expected allow, found deny by default, for no rule allows it",
  ],
  [{ kind: "verdict", verdict: "deny", by: null }, REFUSED, null],
  [
    { kind: "verdict", verdict: "allow", by: null },
    REFUSED,
    "expected allow, found deny under a mask: it filters by email",
  ],
  [{ kind: "plain", column: "name" }, ALLOWED, null],
  [{ kind: "plain", column: "email" }, ALLOWED, "expected email as it is, but it is masked with email by pii"],
  [
    { kind: "plain", column: "sum" },
    ALLOWED,
    "expected sum as it is, but it is masked with redact for where it comes from can't be traced",
  ],
  [{ kind: "plain", column: "id" }, ALLOWED, "the result has no column id; it has name, email, card, sum"],
  [{ kind: "masked", column: "email", by: null, mask: null }, ALLOWED, null],
  [{ kind: "masked", column: "email", by: "pii", mask: { kind: "email", args: [] } }, ALLOWED, null],
  [
    { kind: "masked", column: "email", by: "other", mask: null },
    ALLOWED,
    "expected email masked by other, but it is masked with email by pii",
  ],
  [
    { kind: "masked", column: "card", by: null, mask: { kind: "last", args: [3] } },
    ALLOWED,
    "expected card masked with last(3), but it is masked with last(4) by pii",
  ],
  [{ kind: "masked", column: "name", by: null, mask: null }, ALLOWED, "expected name masked, but it is shown as it is"],
  [{ kind: "limit", count: 100, unit: "rows" }, ALLOWED, null],
  [{ kind: "limit", count: 99, unit: "rows" }, ALLOWED, "expected a limit of 99 rows, found one of 100"],
  [{ kind: "limit", count: 1, unit: "bytes" }, ALLOWED, "expected a limit of 1 bytes, found none"],
  [{ kind: "message", text: "They may." }, ALLOWED, null],
  [{ kind: "message", text: "No." }, ALLOWED, 'expected the reason "No.", found "They may."'],
  [{ kind: "message", text: "No." }, BY_DEFAULT, 'expected the reason "No.", found none'],
  [{ kind: "approvers", ...LEADS, quorum: null }, WAITS, null],
  [{ kind: "approvers", ...LEADS, quorum: 2 }, WAITS, null],
  [
    { kind: "approvers", ...LEADS, quorum: 1 },
    WAITS,
    'expected approval by group "leads", user "kim" quorum 1, found group "leads", user "kim" quorum 2',
  ],
  [
    { kind: "approvers", ...LEADS, quorum: null },
    ALLOWED,
    'expected approval by group "leads", user "kim", found that none is asked for',
  ],
  [{ kind: "matched", rule: "few", matched: true }, ALLOWED, null],
  [
    { kind: "matched", rule: "few", matched: false },
    ALLOWED,
    "expected few not to match; what matched: reads, pii, few",
  ],
  [{ kind: "matched", rule: "drops", matched: false }, ALLOWED, null],
])("%j", (expected, found, why) => {
  expect(failureOf(expected, found)).toBe(why);
});
