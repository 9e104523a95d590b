import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { readLog } from "../support/read-log.ts";
import type { Answer, Asked, Driver, OutcomesGateway, Session } from "./driver.ts";
import { wayTo, type Way } from "./way.ts";

/** What a refusal shows, whatever the protocol: the rule, its words, and the number under which the record has it. */
const DECISION = /\b([0-9a-z]{26})\.(\d+)\b/;

const rulesOf = ({ protocol, rules, approver }: Driver): string => `package outcomes
allow everything on ${protocol}
deny forbidden on ${protocol}
  when ${rules.denied}
  because "It is forbidden."
approve second on ${protocol}
  when ${rules.held}
  by group "${approver.groups[0]!}" within 5m valid once
  because "A second person looks."
mask secret on ${protocol}
  ${rules.mask}
  with redact
`;

/** What every protocol does with what people ask, from the client's end to the record. */
export function outcomesSuite(driver: Driver): void {
  const { status, requester, approver, secret } = driver;

  describe.skipIf(driver.missing)(`outcomes on ${driver.protocol}`, () => {
    const policy = rulesOf(driver);
    let target = 0;
    let way: Way;
    let gateway: OutcomesGateway;
    let session: Session;

    beforeAll(async () => {
      target = await driver.begin();
    });
    afterEach(async () => {
      await session?.close().catch(() => undefined);
      await gateway?.close();
      await way?.cut();
    });
    afterAll(() => driver.end());

    const start = async (text = policy): Promise<void> => {
      way = await wayTo(target);
      gateway = await driver.start(text, way.port);
      session = await gateway.open();
    };
    const entries = async (type: string): Promise<readonly Record<string, unknown>[]> => {
      await gateway.running.gateway.recorder.flush();
      const all = await readLog(join(gateway.folder, "state/log"));
      return all.filter((one) => one.type === type).map(({ value }) => value as unknown as Record<string, unknown>);
    };
    const pending = async (): Promise<string> => {
      const list = (): readonly { readonly id: string }[] => gateway.running.gateway.approvals.list("pending");
      await expect.poll(() => list().length).toBe(1);
      return list()[0]!.id;
    };
    /** A person who signs in anew; a refusal of the sign-in is an answer too. */
    const anew = async (what: Asked): Promise<Answer> => {
      await session.close().catch(() => undefined);
      try {
        session = await gateway.open();
        return await session.ask(what);
      } catch (fault) {
        const { code, message } = fault as { code?: string; message: string };
        return { status: code ?? "", shown: message };
      }
    };
    /** On the connection that is open; that it has ended is an answer too. */
    const still = (what: Asked): Promise<Answer> =>
      session.ask(what).catch((fault: Error) => ({ status: "ended", shown: fault.message }));
    const usable = async (): Promise<void> => {
      const after = await session.ask("allowed");
      expect([after.status, after.shown]).toEqual([status.ok, expect.stringContaining("passed")]);
    };

    it("allowed: it passes, and is recorded with who it was", async () => {
      await start();
      await usable();
      const [first] = await entries("session.start");
      expect(first).toMatchObject({ who: { user: requester }, on: { target: expect.any(String) as string } });
      const decided = (await entries("statement")).at(-1);
      expect(decided).toMatchObject({ who: { user: requester }, decision: { verdict: "allow" } });
    });

    it("denied: refused in the client's own words with rule, reason and number; the session stays usable", async () => {
      await start();
      const before = await driver.happened("denied");
      const answer = await session.ask("denied");
      expect(answer.status).toBe(status.denied);
      expect(answer.shown).toMatch(/denied by rule forbidden: It is forbidden\./);
      expect(answer.shown).toMatch(DECISION);
      expect(await driver.happened("denied")).toBe(before);
      await usable();
      // The number is the record's.
      const [, sid, id] = DECISION.exec(answer.shown)!;
      const denied = (await entries("statement")).find(
        (one) => (one["decision"] as { verdict: string }).verdict === "deny",
      );
      expect(denied).toMatchObject({ sid, decision: { id: Number(id), deciding: ["forbidden"] } });
    });

    it("held: it waits, the requester can't approve it, and it goes on once somebody else has", async () => {
      await start();
      const before = await driver.happened("held");
      const asked = session.ask("held");
      const id = await pending();
      const { approvals } = gateway.running.gateway;
      expect(await approvals.approve(id, { name: requester, groups: approver.groups }, null)).toEqual({
        ok: false,
        error: "own-request",
      });
      expect(await driver.happened("held")).toBe(before);
      expect((await approvals.approve(id, approver, "Go on.")).ok).toBe(true);
      expect((await asked).status).toBe(status.ok);
      expect(await driver.happened("held")).toBe(before + 1);
      expect(approvals.get(id)?.state).toBe("used");
      const steps = (await entries("approval")).map(({ step, by }) => [step, by]);
      expect(steps).toContainEqual(["approved", approver.name]);
      await usable();
    });

    it("held: once it is denied it is refused, and the session stays usable", async () => {
      await start();
      const before = await driver.happened("held");
      const asked = session.ask("held");
      expect((await gateway.running.gateway.approvals.deny(await pending(), approver, "Not today.")).ok).toBe(true);
      const answer = await asked;
      expect([answer.status, answer.shown]).toEqual([
        status.denied,
        expect.stringContaining(`${approver.name} denied the approval: Not today.`),
      ]);
      expect(answer.shown).toMatch(DECISION);
      expect(await driver.happened("held")).toBe(before);
      await usable();
    });

    it("masked: neither the client nor the disk gets the value", async () => {
      await start();
      const answer = await session.ask("masked");
      expect([answer.status, answer.shown]).toEqual([status.ok, expect.stringContaining("***")]);
      expect(answer.shown).not.toContain(secret);
      await session.close();
      await gateway.running.gateway.recorder.flush();
      expect(filesWith(join(gateway.folder, "state"), secret)).toEqual([]);
      // It would be found: without the mask the client has it.
      await gateway.policy(`package outcomes\nallow everything on ${driver.protocol}\n`);
      expect((await anew("masked")).shown).toContain(secret);
    });

    it("a record that can't be written: nothing is let through, and the client is told", async () => {
      await start();
      await usable();
      const before = await driver.happened("held");
      gateway.running.gateway.recorder.fail("the disk is gone");
      expect((await still("held")).status).not.toBe(status.ok);
      const answer = await anew("held");
      expect([answer.status, answer.shown]).toEqual([
        status.unavailable,
        expect.stringMatching(/record can't be written/i),
      ]);
      expect(await driver.happened("held")).toBe(before);
    });

    it("no bundle: refused with the reason, and the same session goes on once there is one", async () => {
      await start("");
      const answer = await session.ask("allowed");
      expect([answer.status, answer.shown]).toEqual([status.unavailable, expect.stringMatching(/no policy bundle/)]);
      await gateway.policy(policy);
      await usable();
    });

    it("a bundle that is swapped counts for the session that is open", async () => {
      await start();
      await usable();
      await gateway.policy(`${policy}deny closed on ${driver.protocol}\n  because "Closed today."\n`);
      const answer = await session.ask("allowed");
      expect([answer.status, answer.shown]).toEqual([
        status.denied,
        expect.stringMatching(/denied by rule closed: Closed today\./),
      ]);
      await gateway.policy(policy);
      await usable();
    });

    it("the target goes away: the client is told what is gone, and the gateway goes on", async () => {
      await start();
      await usable();
      await way.cut();
      // What was open ends, or its next question fails: never a wait without end, and never a success.
      expect((await still("allowed")).status).not.toBe(status.ok);
      const answer = await anew("allowed");
      expect([answer.status, answer.shown]).toEqual([status.lost, expect.stringMatching(/can't be reached|refused/i)]);
      expect(gateway.running.gateway.problems()).toEqual([]);
    });
  });
}

function filesWith(folder: string, text: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile())
    .map((one) => join(one.parentPath, one.name))
    .filter((path) => readFileSync(path).includes(text));
}
