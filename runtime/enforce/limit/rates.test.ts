import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Rates, type RateLimit } from "./index.ts";

const limit: RateLimit = { rule: "few", count: 3, perMs: 60_000 };

describe("rates", () => {
  it("allow so many in a window, each user and target by itself", () => {
    let now = 1000;
    const rates = new Rates(() => now);
    for (let i = 0; i < 3; i++) expect(rates.take([limit], "ana", "shop", 1).ok).toBe(true);
    const refused = rates.take([limit], "ana", "shop", 1);
    expect(refused).toMatchObject({ ok: false, limit });
    expect(rates.take([limit], "bob", "shop", 1).ok).toBe(true);
    expect(rates.take([limit], "ana", "bank", 3).ok).toBe(true);
    expect(rates.take([limit], "ana", "bank", 1).ok).toBe(false);
    if (refused.ok) throw new Error("it passed");
    now += refused.waitMs;
    expect(rates.take([limit], "ana", "shop", 3).ok).toBe(true);
  });

  it("count under all limits or under none", () => {
    const rates = new Rates(() => 0);
    const wide: RateLimit = { rule: "many", count: 10, perMs: 1000 };
    expect(rates.take([wide, limit], "ana", "shop", 3).ok).toBe(true);
    for (let i = 0; i < 20; i++) expect(rates.take([wide, limit], "ana", "shop", 1).ok).toBe(false);
    expect(rates.take([wide], "ana", "shop", 7).ok).toBe(true);
  });

  it("a message with more actions than are ever allowed is refused", () => {
    expect(new Rates(() => 0).take([limit], "ana", "shop", 4)).toMatchObject({ ok: false, waitMs: 60_000 });
  });

  it("never let more pass in any window than is allowed, and let all pass that are far apart (property)", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(40_000), fc.integer({ min: 1, max: 2 })), { maxLength: 60 }),
        fc.integer({ min: 1, max: 5 }),
        (steps, count) => {
          let now = 0;
          const rates = new Rates(() => now);
          const passed: number[] = [];
          for (const [wait, actions] of steps) {
            now += wait;
            const free = passed.filter((at) => at > now - 62_000).length + actions <= count;
            const answer = rates.take([{ rule: "r", count, perMs: 60_000 }], "u", "t", actions);
            if (free) expect(answer.ok).toBe(true);
            if (answer.ok) for (let i = 0; i < actions; i++) passed.push(now);
            expect(passed.filter((at) => at > now - 60_000).length).toBeLessThanOrEqual(count);
          }
        },
      ),
    );
  });
});
