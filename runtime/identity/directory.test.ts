import { expect, it } from "vitest";
import { formatVerifier, makeVerifier } from "../credentials/index.ts";
import type { Clock } from "../outside/index.ts";
import { Directory } from "./directory.ts";
import { FAILURES_KEPT_MAX, FAILURES_MAX, FAILURES_WINDOW_MS } from "./limits.ts";

let now = 1_700_000_000_000;
const clock: Clock = { now: () => now, monotonic: () => 0, after: () => () => undefined };
const noFetch = (): Promise<Response> => Promise.reject(new Error("there is no network here"));
const verifier = await makeVerifier("opal", Buffer.alloc(16, 1));
const users = [
  { name: "ann", groups: ["analyst"], verifier },
  { name: "tom", groups: ["leads"], verifier: null },
];
const directory = (): Directory => new Directory(users, [], Buffer.from("secret"), clock, noFetch);

it("checks a password", async () => {
  expect(await directory().checkPassword("ann", "opal")).toEqual({
    name: "ann",
    groups: ["analyst"],
    method: "password",
    issuer: null,
    expiresAt: null,
  });
  expect(await directory().checkPassword("ann", "Opal")).toBeNull();
});

it("knows nobody who is not there, nor who has no password", async () => {
  expect(await directory().checkPassword("nobody", "opal")).toBeNull();
  expect(await directory().checkPassword("tom", "")).toBeNull();
  expect(directory().byPassword("tom")).toBeNull();
  expect(directory().byPassword("__proto__")).toBeNull();
});

it("a name that nobody has looks like one that somebody has", () => {
  const made = directory().verifierOf("nobody");
  expect(made.iterations).toBe(verifier.iterations);
  expect(made.salt.length).toBe(verifier.salt.length);
  expect(formatVerifier(directory().verifierOf("nobody"))).toBe(formatVerifier(made));
  expect(formatVerifier(directory().verifierOf("tom"))).not.toBe(formatVerifier(made));
});

it("a changed list counts at once", async () => {
  const one = directory();
  one.replaceUsers([{ name: "eve", groups: [], verifier }]);
  expect(await one.checkPassword("ann", "opal")).toBeNull();
  expect(await one.checkPassword("eve", "opal")).not.toBeNull();
});

it("too many failures must wait, for a while", () => {
  const one = directory();
  for (let i = 0; i < FAILURES_MAX; i++) {
    expect(one.isHeldOff("user ann")).toBe(false);
    one.noteFailure("user ann");
  }
  expect(one.isHeldOff("user ann")).toBe(true);
  expect(one.isHeldOff("user bob")).toBe(false);
  now += FAILURES_WINDOW_MS + 1;
  expect(one.isHeldOff("user ann")).toBe(false);
  one.noteFailure("user ann");
  one.noteSuccess("user ann");
  for (let i = 1; i < FAILURES_MAX; i++) one.noteFailure("user ann");
  expect(one.isHeldOff("user ann")).toBe(false);
});

it("a flood of names neither grows without end nor sets all free at once", () => {
  const one = directory();
  for (let i = 0; i < FAILURES_KEPT_MAX; i++) one.noteFailure(`from ${i}`);
  for (let i = 0; i < FAILURES_MAX; i++) one.noteFailure("user ann");
  for (let i = 0; i < FAILURES_KEPT_MAX / 2; i++) one.noteFailure(`from again ${i}`);
  expect(one.isHeldOff("user ann")).toBe(true);
});
