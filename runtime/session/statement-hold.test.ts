import { createHash } from "node:crypto";
import { afterEach, describe, expect, it } from "vitest";
import { maskedByPolicy } from "../../spec/contract/record/index.ts";
import { TestClock } from "../../test/support/record.ts";
import { ApprovalStore, Approvals, type ApprovalEvent } from "../enforce/approve/index.ts";
import type { Refusal, SqlAction } from "../protocols/index.ts";
import type { SessionLog } from "../record/index.ts";
import { StatementHold } from "./statement-hold.ts";
import type { Kept } from "./statement-verdicts.ts";

const MINUTE = 60_000;
const LEA = { name: "lea", groups: ["leads"] };
const RULE = {
  name: "writes",
  because: "It changes every row.",
  approve: { groups: ["leads"], users: [], quorum: 1, withinMs: 15 * MINUTE, validMs: 0 },
};
const KEPT = { bundle: { digest: "b1", manifest: { rules: [RULE] } }, approveRules: [0] } as unknown as Kept;
const SUMMARY = maskedByPolicy("delete from orders");

const opened: Approvals[] = [];
afterEach(() => {
  for (const approvals of opened.splice(0)) approvals.close();
});

/** `refuse`: the step that can't be recorded. */
function setUp(refuse?: ApprovalEvent["step"]) {
  const clock = new TestClock();
  const notices: string[] = [];
  let counter = 0;
  const random = { bytes: (n: number) => createHash("sha256").update(String(counter++)).digest().subarray(0, n) };
  const approvals = new Approvals(new ApprovalStore(":memory:"), clock, random, ({ step }) =>
    Promise.resolve(step !== refuse),
  );
  opened.push(approvals);
  const hold = new StatementHold({
    approvals,
    clock,
    log: { sid: "s1" } as SessionLog,
    identity: { name: "ann", issuer: null },
    target: { name: "shop", database: "shopdb", account: "gateway" },
    approvalSettings: { inTransaction: "refuse", noticeEveryMs: MINUTE, howToGrant: (id) => `grant ${id}` },
    notify: (text, hint) => notices.push(`${text} | ${hint}`),
  });
  const wait = (inTransaction = false): Promise<Refusal | null> => {
    const action = { text: Buffer.from("delete from orders"), parameters: [], parameterFormats: [], inTransaction };
    return hold.wait(action as unknown as SqlAction, KEPT, SUMMARY, ["public"]);
  };
  const asked = async (): Promise<string> => {
    await expect.poll(() => notices.length).toBe(1);
    return approvals.list("pending")[0]!.id;
  };
  return { approvals, clock, hold, notices, wait, asked };
}

describe("what a client hears of a statement that waits", () => {
  it("that it does, at once and again, until it is granted", async () => {
    const { approvals, clock, notices, wait, asked } = setUp();
    const waiting = wait();
    const id = await asked();
    clock.advance(MINUTE);
    await approvals.approve(id, LEA, null);
    expect(await waiting).toBeNull();
    clock.advance(MINUTE);
    const text = (minutes: number): string =>
      `sallyport: waiting for approval ${id} (rule writes: It changes every row.); it is denied in ${minutes} minutes | grant ${id}`;
    expect(notices).toEqual([text(15), text(14)]);
  });

  it("who denied it and why", async () => {
    const { approvals, wait, asked } = setUp();
    const waiting = wait();
    await approvals.deny(await asked(), LEA, "add a WHERE");
    expect(await waiting).toEqual({ kind: "policy", message: "sallyport: lea denied the approval: add a WHERE" });
  });

  it("that nobody answered", async () => {
    const { clock, wait, asked } = setUp();
    const waiting = wait();
    await asked();
    clock.advance(15 * MINUTE);
    expect(await waiting).toEqual({
      kind: "policy",
      message: "sallyport: nobody approved in time",
      hint: "Run the statement again to ask once more.",
    });
  });

  it("that its grant could not be used", async () => {
    const { approvals, wait, asked } = setUp("used");
    const waiting = wait();
    await approvals.approve(await asked(), LEA, null);
    expect(await waiting).toEqual({
      kind: "policy",
      message: "sallyport: the approval is no longer valid",
      hint: "Run the statement again to ask for a new one.",
    });
  });

  it("that it could not be asked for", async () => {
    const { wait, notices } = setUp("requested");
    expect(await wait()).toMatchObject({
      kind: "unavailable",
      message: "sallyport: the request for approval can't be taken",
    });
    expect(notices).toEqual([]);
  });

  it.each(["cancelled", "disconnected"] as const)("what the server says when it is cancelled: %s", async (why) => {
    const { approvals, hold, wait, asked } = setUp();
    const waiting = wait();
    const id = await asked();
    hold.withdraw(why);
    expect(await waiting).toEqual({
      kind: "withdrawn",
      message: "sallyport: canceling statement due to user request; the approval request is withdrawn",
    });
    expect(approvals.get(id)?.state).toBe("withdrawn");
  });

  it("nothing of a request that it gave up before it was taken", async () => {
    const { approvals, hold, wait, notices } = setUp();
    const waiting = wait();
    hold.withdraw("cancelled");
    expect(await waiting).toMatchObject({ kind: "withdrawn" });
    expect(approvals.list("withdrawn")).toHaveLength(1);
    expect(notices).toEqual([]);
  });

  it("that it can't wait in a transaction, where a grant that is there counts all the same", async () => {
    const { approvals, hold, wait, notices, asked } = setUp();
    expect(await wait(true)).toMatchObject({
      message: "sallyport: this needs approval, and waiting for one inside a transaction would hold its locks",
    });
    expect(approvals.list(null)).toEqual([]);
    void wait();
    const id = await asked();
    hold.release();
    await approvals.approve(id, LEA, null);
    expect(await wait(true)).toBeNull();
    expect(notices).toHaveLength(1);
  });
});

it("when the gateway stops, what waits stays pending although its client is cut off next", async () => {
  const { approvals, hold, wait, asked } = setUp();
  let answered = false;
  void wait().then(() => (answered = true));
  const id = await asked();
  hold.release();
  hold.withdraw("disconnected");
  await approvals.approve(id, { name: "nobody", groups: [] }, null);
  expect([approvals.get(id)?.state, answered]).toEqual(["pending", false]);
});
