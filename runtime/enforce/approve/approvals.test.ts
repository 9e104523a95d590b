import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import type { Clock, Random } from "../../outside/index.ts";
import { Approvals, type ApprovalDemand, type ApprovalEvent, type Approver, type Settlement } from "./approvals.ts";
import { GRANT_MS_MIN, PENDING_OF_ONE_MAX } from "./limits.ts";
import { ApprovalStore, type ApprovalRecord } from "./store.ts";

const MINUTE = 60_000;
const RULES = ["unfiltered_write"];

/** Time that stands still until it is told to go on. */
class HandClock implements Clock {
  #now = 1_700_000_000_000;
  readonly #timers = new Set<{ readonly at: number; readonly call: () => void }>();
  now = (): number => this.#now;
  monotonic = (): number => this.#now;
  after = (ms: number, call: () => void): (() => void) => {
    // No longer than the real one can wait.
    const timer = { at: this.#now + Math.min(ms, 2 ** 31 - 1), call };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  };
  pass(ms: number): void {
    this.#now += ms;
    for (const timer of [...this.#timers].filter((one) => one.at <= this.#now)) {
      this.#timers.delete(timer);
      timer.call();
    }
  }
}

let counter = 0;
/** Another piece of SHA-256 each time: made up, but no two are the same. */
const random: Random = {
  bytes: (count) => createHash("sha256").update(String(counter++)).digest().subarray(0, count),
};

const folder = mkdtempSync(join(tmpdir(), "sallyport-approvals-"));
const databaseFile = (): string => join(mkdtempSync(join(folder, "state-")), "approvals.db");
const opened: Approvals[] = [];
afterEach(() => {
  for (const approvals of opened.splice(0)) approvals.close();
});
afterAll(() => rmSync(folder, { recursive: true }));

function setUp(path = ":memory:", clock = new HandClock()) {
  const events: ApprovalEvent[] = [];
  const gate = { durable: true, hold: null as Promise<void> | null };
  const approvals = new Approvals(new ApprovalStore(path), clock, random, async (event) => {
    await gate.hold;
    if (gate.durable) events.push(event);
    return gate.durable;
  });
  opened.push(approvals);
  return { approvals, clock, events, gate, steps: () => events.map((event) => event.step) };
}

const rule = (over: Partial<ApprovalDemand["rules"][number]> = {}): ApprovalDemand["rules"][number] => ({
  name: "unfiltered_write",
  because: "It changes every row.",
  groups: ["leads"],
  users: [],
  quorum: 1,
  withinMs: 15 * MINUTE,
  validMs: 0,
  ...over,
});

const demand = (over: Partial<ApprovalDemand> = {}): ApprovalDemand => ({
  digest: "d1",
  bundle: "b1",
  session: "s1",
  requester: "ann",
  target: "shop",
  summary: "delete from orders",
  rules: [rule()],
  ...over,
});

const lead = (name: string): Approver => ({ name, groups: ["leads"] });

async function ask({ approvals }: ReturnType<typeof setUp>, over: Partial<ApprovalDemand> = {}) {
  const settlements: Settlement[] = [];
  const record = await approvals.request(demand(over), (settlement) => settlements.push(settlement));
  if (record === null) throw new Error("the request was not taken");
  return { id: record.id, record, settlements };
}

const outcome = (result: Awaited<ReturnType<Approvals["approve"]>>): string =>
  result.ok ? result.value.state : result.error;
/** Lets steps that were started by a timer come to their end. */
const settle = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

describe("the way of a request", () => {
  it("granted, it is used once", async () => {
    const world = setUp();
    const { id, settlements } = await ask(world);
    expect(outcome(await world.approvals.approve(id, lead("bob"), "fine"))).toBe("approved");
    expect(settlements).toEqual([{ state: "approved", by: ["bob"] }]);
    expect((await world.approvals.use("d1", "ann", RULES))?.id).toBe(id);
    expect(await world.approvals.use("d1", "ann", RULES)).toBeNull();
    expect(world.steps()).toEqual(["requested", "approved", "used"]);
  });

  it("denied, it is never used", async () => {
    const world = setUp();
    const { id, settlements } = await ask(world);
    expect(outcome(await world.approvals.deny(id, lead("bob"), "no"))).toBe("denied");
    expect(settlements).toEqual([{ state: "denied", by: "bob", reason: "no" }]);
    expect(outcome(await world.approvals.approve(id, lead("eve"), null))).toBe("not-pending");
    expect(await world.approvals.use("d1", "ann", RULES)).toBeNull();
  });

  it("silence denies", async () => {
    const world = setUp();
    const { id, settlements } = await ask(world);
    world.clock.pass(15 * MINUTE);
    await settle();
    expect(settlements).toEqual([{ state: "expired", by: null, reason: null }]);
    expect(outcome(await world.approvals.approve(id, lead("bob"), null))).toBe("not-pending");
    expect(world.steps()).toEqual(["requested", "expired"]);
  });

  it("withdrawn, it can't be granted any more", async () => {
    const world = setUp();
    const { id, settlements } = await ask(world);
    await world.approvals.withdraw(id, "the client left");
    expect(settlements).toEqual([]);
    expect(outcome(await world.approvals.approve(id, lead("bob"), null))).toBe("not-pending");
  });

  it("a grant that was not used can be taken back", async () => {
    const world = setUp();
    const { id } = await ask(world);
    await world.approvals.approve(id, lead("bob"), null);
    expect(outcome(await world.approvals.deny(id, lead("eve"), "wait"))).toBe("revoked");
    expect(await world.approvals.use("d1", "ann", RULES)).toBeNull();
    expect(world.steps()).toEqual(["requested", "approved", "revoked"]);
  });

  it("a grant in the last second can still be used, but not for ever", async () => {
    const world = setUp();
    const { id } = await ask(world);
    world.clock.pass(15 * MINUTE - 1);
    await world.approvals.approve(id, lead("bob"), null);
    world.clock.pass(GRANT_MS_MIN - 1);
    await settle();
    expect(world.approvals.get(id)?.state).toBe("approved");
    world.clock.pass(1);
    await settle();
    expect(world.approvals.get(id)?.state).toBe("expired");
    expect(await world.approvals.use("d1", "ann", RULES)).toBeNull();
  });

  it("valid for a time, it is used as often as asked within it", async () => {
    const world = setUp();
    const { id } = await ask(world, { rules: [rule({ validMs: 60 * MINUTE })] });
    await world.approvals.approve(id, lead("bob"), null);
    expect((await world.approvals.use("d1", "ann", RULES))?.id).toBe(id);
    expect((await world.approvals.use("d1", "ann", RULES))?.id).toBe(id);
    world.clock.pass(60 * MINUTE);
    expect(await world.approvals.use("d1", "ann", RULES)).toBeNull();
  });

  it("a request that waits for months is not ended by a timer that came early", async () => {
    const world = setUp();
    const days = 24 * 60 * MINUTE;
    const { id } = await ask(world, { rules: [rule({ withinMs: 60 * days })] });
    world.clock.pass(59 * days);
    await settle();
    expect(world.approvals.get(id)?.state).toBe("pending");
    world.clock.pass(days);
    await settle();
    expect(world.approvals.get(id)?.state).toBe("expired");
  });
});

describe("who may decide", () => {
  const refused: readonly (readonly [title: string, approver: Approver, why: string])[] = [
    ["the requester, though in the group", { name: "ann", groups: ["leads"] }, "own-request"],
    ["the requester in other letters", { name: "ANN", groups: ["leads"] }, "own-request"],
    ["the requester in wide letters", { name: "\uff41\uff4e\uff4e", groups: ["leads"] }, "own-request"],
    ["somebody of another group", { name: "bob", groups: ["staff"] }, "not-eligible"],
    ["somebody of no group", { name: "bob", groups: [] }, "not-eligible"],
    ["somebody who is called as the group is", { name: "leads", groups: [] }, "not-eligible"],
  ];
  it.each(refused)("not %s", async (_title, approver, why) => {
    const world = setUp();
    const { id } = await ask(world);
    expect(outcome(await world.approvals.approve(id, approver, null))).toBe(why);
    expect(outcome(await world.approvals.deny(id, approver, null))).toBe(why);
    expect(world.approvals.get(id)?.state).toBe("pending");
  });

  it("a person who is named, without a group", async () => {
    const world = setUp();
    const { id } = await ask(world, { rules: [rule({ groups: [], users: ["bob"] })] });
    expect(outcome(await world.approvals.approve(id, { name: "bob", groups: [] }, null))).toBe("approved");
  });

  it("nobody, where the rule names nobody", async () => {
    const world = setUp();
    const { id } = await ask(world, { rules: [rule({ groups: [], users: [] })] });
    expect(outcome(await world.approvals.approve(id, lead("bob"), null))).toBe("not-eligible");
  });

  it("one person is one vote, in any letters", async () => {
    const world = setUp();
    const { id } = await ask(world, { rules: [rule({ quorum: 2 })] });
    expect(outcome(await world.approvals.approve(id, lead("bob"), null))).toBe("pending");
    expect(outcome(await world.approvals.approve(id, lead("bob"), null))).toBe("already-voted");
    expect(outcome(await world.approvals.approve(id, lead("Bob"), null))).toBe("already-voted");
    expect(outcome(await world.approvals.approve(id, lead("eve"), null))).toBe("approved");
  });

  it("every rule must reach its quorum; a person in both groups counts for both", async () => {
    const world = setUp();
    const rules = [rule({ quorum: 2 }), rule({ name: "privacy", groups: ["privacy"], withinMs: 5 * MINUTE })];
    const { id, record } = await ask(world, { rules });
    expect(record.expiresAt - record.createdAt).toBe(5 * MINUTE);
    expect(outcome(await world.approvals.approve(id, lead("bob"), null))).toBe("pending");
    expect(outcome(await world.approvals.approve(id, lead("eve"), null))).toBe("pending");
    expect(outcome(await world.approvals.approve(id, { name: "joe", groups: ["privacy"] }, null))).toBe("approved");

    const second = await ask(world, { rules, digest: "d2" });
    expect(outcome(await world.approvals.approve(second.id, { name: "joe", groups: ["privacy", "leads"] }, null))).toBe(
      "pending",
    );
    expect(outcome(await world.approvals.approve(second.id, lead("eve"), null))).toBe("approved");
  });

  it("the shortest validity of all rules holds", async () => {
    const world = setUp();
    const { record } = await ask(world, { rules: [rule({ validMs: 60 * MINUTE }), rule({ name: "once" })] });
    expect(record.validMs).toBe(0);
  });
});

describe("what a grant is bound to", () => {
  it.each([
    ["another action", "d2", "ann"],
    ["another person", "d1", "bob"],
  ] as const)("not %s", async (_title, digest, requester) => {
    const world = setUp();
    const { id } = await ask(world);
    await world.approvals.approve(id, lead("eve"), null);
    expect(await world.approvals.use(digest, requester, RULES)).toBeNull();
  });
});

it("a grant does not count for a rule that did not ask then", async () => {
  const world = setUp();
  const { id } = await ask(world, { rules: [rule({ validMs: 60 * MINUTE })] });
  await world.approvals.approve(id, lead("eve"), null);
  expect(await world.approvals.use("d1", "ann", [...RULES, "at_night"])).toBeNull();
  expect((await world.approvals.use("d1", "ann", RULES))?.id).toBe(id);
});

describe("the record comes first", () => {
  it("what can't be recorded is not asked, granted or used", async () => {
    const world = setUp();
    world.gate.durable = false;
    expect(await world.approvals.request(demand(), () => undefined)).toBeNull();
    world.gate.durable = true;
    const { id, settlements } = await ask(world);
    world.gate.durable = false;
    expect(outcome(await world.approvals.approve(id, lead("bob"), null))).toBe("not-recorded");
    expect(world.approvals.get(id)?.state).toBe("pending");
    expect(settlements).toEqual([]);
    world.gate.durable = true;
    await world.approvals.approve(id, lead("bob"), null);
    world.gate.durable = false;
    expect(await world.approvals.use("d1", "ann", RULES)).toBeNull();
  });

  it("a denial takes effect even so", async () => {
    const world = setUp();
    const { id } = await ask(world);
    world.gate.durable = false;
    expect(outcome(await world.approvals.deny(id, lead("bob"), null))).toBe("denied");
  });

  it("a grant takes effect only once it is durable", async () => {
    const world = setUp();
    const { id, settlements } = await ask(world);
    let durable = (): void => undefined;
    world.gate.hold = new Promise((resolve) => (durable = resolve));
    const approving = world.approvals.approve(id, lead("bob"), null);
    await settle();
    expect(world.approvals.get(id)?.state).toBe("pending");
    expect(settlements).toEqual([]);
    durable();
    await approving;
    expect(world.approvals.get(id)?.state).toBe("approved");
  });

  it("of two steps at once the record holds none that lost", async () => {
    const world = setUp();
    const { id } = await ask(world, { rules: [rule({ quorum: 2 })] });
    const results = await Promise.all([
      world.approvals.approve(id, lead("bob"), null),
      world.approvals.approve(id, lead("eve"), null),
      world.approvals.deny(id, lead("joe"), null),
    ]);
    expect(results.map(outcome)).toEqual(["pending", "approved", "revoked"]);
    expect(world.steps()).toEqual(["requested", "granted", "approved", "revoked"]);
  });
});

describe("a restart", () => {
  it("loses no request and grants none; the statement sent again finds its grant", async () => {
    const path = databaseFile();
    const before = setUp(path);
    const { id } = await ask(before);
    before.approvals.close();
    const after = setUp(path, before.clock);
    expect(after.approvals.list("pending").map((one) => one.id)).toEqual([id]);
    expect(await after.approvals.use("d1", "ann", RULES)).toBeNull();
    await after.approvals.approve(id, lead("bob"), null);
    expect((await after.approvals.use("d1", "ann", RULES))?.id).toBe(id);
  });

  it("the statement sent again takes up the request that nobody waits for", async () => {
    const path = databaseFile();
    const before = setUp(path);
    const { id } = await ask(before);
    before.approvals.release(id);
    before.approvals.close();
    const after = setUp(path, before.clock);
    const again = await ask(after);
    expect(again.id).toBe(id);
    const parallel = await ask(after);
    expect(parallel.id).not.toBe(id);
    await after.approvals.approve(id, lead("bob"), null);
    expect(again.settlements).toHaveLength(1);
    expect(parallel.settlements).toHaveLength(0);
  });

  it("a request that was asked by fewer rules is not taken up", async () => {
    const path = databaseFile();
    const before = setUp(path);
    const { id } = await ask(before);
    before.approvals.close();
    const after = setUp(path, before.clock);
    const again = await ask(after, { rules: [rule(), rule({ name: "at_night" })] });
    expect(again.id).not.toBe(id);
  });

  it("a request whose time ran out meanwhile expires", async () => {
    const path = databaseFile();
    const before = setUp(path);
    const { id } = await ask(before);
    before.approvals.close();
    before.clock.pass(20 * MINUTE);
    const after = setUp(path, before.clock);
    expect(outcome(await after.approvals.approve(id, lead("bob"), null))).toBe("not-pending");
    after.clock.pass(1);
    await settle();
    expect(after.approvals.get(id)?.state).toBe("expired");
  });

  it("what comes in after the end does nothing and throws nothing", async () => {
    const world = setUp();
    const { id } = await ask(world);
    world.approvals.close();
    await world.approvals.withdraw(id, "left");
    expect(await world.approvals.use("d1", "ann", RULES)).toBeNull();
    expect(await world.approvals.request(demand(), () => undefined)).toBeNull();
    expect(outcome(await world.approvals.approve(id, lead("bob"), null))).toBe("unknown");
  });
});

it("one person can't bury the approvers", async () => {
  const world = setUp();
  for (let i = 0; i < PENDING_OF_ONE_MAX; i++) await ask(world, { digest: `d${i}` });
  expect(await world.approvals.request(demand({ digest: "one more" }), () => undefined)).toBeNull();
  expect(await world.approvals.request(demand({ requester: "bob" }), () => undefined)).not.toBeNull();
});

it("the store takes a change only over the version it was made from", () => {
  const store = new ApprovalStore(":memory:");
  const record = {
    id: "a",
    version: 1,
    state: "pending",
    digest: "d",
    requester: "ann",
    createdAt: 1,
  } as unknown as ApprovalRecord;
  store.insert(record);
  const approved: ApprovalRecord = { ...record, version: 2, state: "approved" };
  expect(store.replace(record, approved)).toBe(true);
  expect(store.replace(record, { ...record, version: 2, state: "denied" })).toBe(false);
  expect(store.get("a")?.state).toBe("approved");
  store.close();
});

/** Any mixture of steps, each begun before those before it have ended. */
describe("in any order of steps", () => {
  type Step =
    | { readonly do: "approve" | "deny"; readonly who: number }
    | { readonly do: "use" | "withdraw" | "ask" }
    | { readonly do: "pass"; readonly minutes: number }
    | { readonly do: "record"; readonly works: boolean }
    | { readonly do: "wait" };
  const PEOPLE: readonly Approver[] = [
    lead("ann"),
    lead("bob"),
    lead("Bob"),
    lead("eve"),
    { name: "joe", groups: ["privacy"] },
    { name: "kim", groups: [] },
  ];
  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constantFrom(...Array.from({ length: 7 }, () => "approve" as const), "deny" as const),
        who: fc.nat(PEOPLE.length - 1),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constantFrom(
          "use" as const,
          "use" as const,
          "use" as const,
          "withdraw" as const,
          "ask" as const,
          "ask" as const,
        ),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("pass" as const), minutes: fc.nat(20) }) },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant("record" as const), works: fc.constantFrom(true, true, true, false) }),
    },
    { weight: 6, arbitrary: fc.constant({ do: "wait" as const }) },
  );

  it("no grant is used twice, none without its quorum, none after a no; the record tells the same story", async () => {
    let usedInAll = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 5, maxLength: 60, size: "max" }),
        fc.integer({ min: 1, max: 2 }),
        fc.boolean(),
        async (steps, quorum, both) => {
          const world = setUp();
          const rules = [rule({ quorum }), ...(both ? [rule({ name: "privacy", groups: ["privacy"] })] : [])];
          const running: Promise<unknown>[] = [];
          const uses: ApprovalRecord[] = [];
          const settled = new Map<string, number>();
          const ids: string[] = [];
          const begin = (): void => {
            const number = ids.length;
            ids.push("");
            running.push(
              world.approvals
                .request(demand({ rules }), () => void settled.set(`${number}`, (settled.get(`${number}`) ?? 0) + 1))
                .then((record) => (ids[number] = record?.id ?? "")),
            );
          };
          begin();
          for (const one of steps) {
            const id = ids.findLast((known) => known !== "") ?? "";
            if (one.do === "approve" || one.do === "deny")
              running.push(world.approvals[one.do](id, PEOPLE[one.who]!, null));
            else if (one.do === "use")
              running.push(world.approvals.use("d1", "ann", RULES).then((used) => used !== null && uses.push(used)));
            else if (one.do === "withdraw") running.push(world.approvals.withdraw(id, "left"));
            else if (one.do === "ask") begin();
            else if (one.do === "pass") world.clock.pass(one.minutes * MINUTE);
            else if (one.do === "record") world.gate.durable = one.works;
            else await settle();
          }
          await Promise.all(running);
          await settle();

          expect(new Set(uses.map((used) => used.id)).size).toBe(uses.length);
          usedInAll += uses.length;
          for (const used of uses) {
            const leads = new Set(
              used.votes.filter((vote) => vote.groups.includes("leads")).map((vote) => vote.by.toLowerCase()),
            );
            expect(leads.has("ann")).toBe(false);
            expect(leads.size).toBeGreaterThanOrEqual(quorum);
            if (both) expect(used.votes.some((vote) => vote.by === "joe")).toBe(true);
            const story = world.events.filter((event) => event.record.id === used.id).map((event) => event.step);
            expect(story[0]).toBe("requested");
            expect(story.slice(-2)).toEqual(["approved", "used"]);
          }
          for (const count of settled.values()) expect(count).toBe(1);
          for (const id of new Set(world.events.map((event) => event.record.id))) {
            const versions = world.events
              .filter((event) => event.record.id === id)
              .map((event) => event.record.version);
            expect(versions).toEqual([...new Set(versions)].sort((a, b) => a - b));
          }
          world.approvals.close();
        },
      ),
      { numRuns: 1_000 },
    );
    // Otherwise nothing was tried.
    expect(usedInAll).toBeGreaterThan(10);
  });
});
