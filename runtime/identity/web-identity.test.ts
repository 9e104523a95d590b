import { expect, it } from "vitest";
import { TestClock } from "../../test/support/record.ts";
import { makeVerifier } from "../credentials/index.ts";
import { Directory, FAILURES_MAX, WebIdentities, type WebSessions } from "./index.ts";

it("of many guesses at once only as many count as one after the other", async () => {
  const clock = new TestClock();
  const verifier = await makeVerifier("right", Buffer.alloc(16, 7));
  const fetchNothing = (): Promise<never> => Promise.reject(new Error("nothing is fetched here"));
  const directory = new Directory([{ name: "ana", groups: [], verifier }], [], Buffer.alloc(32), clock, fetchNothing);
  const identities = new WebIdentities(directory, {} as WebSessions, [], clock);
  const guesses = Array.from({ length: 8 * FAILURES_MAX }, (_, i) => `wrong${i}`);
  const answers = await Promise.all(
    [...guesses, "right"].map((password, i) => identities.byPassword("ana", password, `192.0.2.${i}`)),
  );
  expect(answers.filter((one) => one.ok)).toEqual([]);
  expect(answers.at(-1)).toMatchObject({ error: "too many failed sign-ins; wait a minute" });
  clock.advance(61_000);
  expect(await identities.byPassword("ana", "right", "192.0.2.1")).toMatchObject({ ok: true, value: { name: "ana" } });
});
