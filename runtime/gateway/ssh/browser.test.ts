import { EventEmitter } from "node:events";
import type { KeyboardAuthContext } from "ssh2";
import { beforeEach, describe, expect, it } from "vitest";
import { BrowserSignIns, type Identity } from "../../identity/index.ts";
import { systemRandom, type Clock } from "../../outside/index.ts";
import { signInByBrowser } from "./browser.ts";

const ANA: Identity = { name: "ana", groups: ["engineer"], method: "password", issuer: null, expiresAt: null };
const ABORTED = new Error("Authentication request aborted");

/** One request of a client's, as ssh2 hands it out, with what it was told. */
class FakeContext extends EventEmitter {
  readonly told: string[] = [];
  #reply: ((replies: unknown) => void) | null = null;

  constructor() {
    super();
    // As ssh2 does, before anybody else's listener.
    this.on("abort", () => this.reply(ABORTED));
  }
  prompt(_prompts: readonly unknown[], _title: string, words: string, reply: (replies: unknown) => void): void {
    this.told.push(words);
    this.#reply = reply;
  }
  reply(replies: unknown = []): void {
    const reply = this.#reply;
    this.#reply = null;
    reply?.(replies);
  }
  accept(): void {
    this.told.push("accepted");
  }
  reject(ways: readonly string[]): void {
    this.told.push(`rejected, ${ways.join()}`);
  }
}

describe("one connection that waits for a browser", () => {
  let context: FakeContext;
  let waiting: BrowserSignIns;
  let due: (() => void) | null;
  let events: string[];
  let withdraw: () => void;
  const id = (): string => /ssh\/(\S+)/.exec(context.told[0]!)![1]!;

  beforeEach(() => {
    due = null;
    events = [];
    const clock: Clock = {
      now: () => 0,
      monotonic: () => 0,
      after(_ms, call) {
        due = call;
        return () => (due = null);
      },
    };
    waiting = new BrowserSignIns(clock, systemRandom, 60_000);
    context = new FakeContext();
    withdraw = signInByBrowser(
      context as unknown as KeyboardAuthContext,
      { waiting, origin: "https://gw.example" },
      { name: "ana", target: "host", from: "192.0.2.1" },
      {
        waited: () => events.push("waited"),
        done: (identity, why) => events.push(identity === null ? why : `${identity.name} by ${identity.method}`),
      },
    );
  });

  it("goes on once it is confirmed, also when that comes before the client's reply", () => {
    expect(waiting.confirm(id(), ANA)).toBe(null);
    // Its time runs again: a client that never replies is cut off by it.
    expect(events).toEqual(["waited"]);
    expect(context.told).toHaveLength(1);
    context.reply();
    expect([events, context.told.at(-1)]).toEqual([["waited", "ana by web"], "accepted"]);
  });

  it("when its time is over, a client that never replied has no more of it", () => {
    due!();
    expect(events).toEqual(["waited"]);
    expect(waiting.find(id())).toBe(null);
  });

  it("a reply of more than was asked for is no answer to it, and a second one nothing", () => {
    context.reply(["yes", "confirm"]);
    context.reply(["yes"]);
    expect([events, context.told.length]).toEqual([[], 1]);
  });

  it.each([true, false])("another request ends it, and nothing more is told (after a reply: %j)", (replied) => {
    const link = id();
    if (replied) context.reply();
    context.emit("abort");
    expect(events).toEqual(["waited", "the client gave the browser's sign-in up"]);
    expect(waiting.confirm(link, ANA)).toBe("the sign-in is over");
    expect(context.told).toHaveLength(1);
  });

  it("a confirmed one that the client gave up before it replied signs nobody in", () => {
    waiting.confirm(id(), ANA);
    context.emit("abort");
    expect(events).toEqual(["waited", "the client gave the browser's sign-in up"]);
    expect(context.told).toHaveLength(1);
  });

  it("what is confirmed can't be denied any more, and the other way round", () => {
    const link = id();
    context.reply();
    expect([waiting.confirm(link, ANA), waiting.deny(link)]).toEqual([null, "the sign-in is over"]);
    expect([events, context.told.at(-1)]).toEqual([["waited", "ana by web"], "accepted"]);
    expect(waiting.confirm(link, ANA)).toBe("the sign-in is over");
  });

  it("with the connection gone its link is over", () => {
    const link = id();
    context.reply();
    withdraw();
    expect(waiting.confirm(link, ANA)).toBe("the sign-in is over");
    expect([events, context.told.length, due]).toEqual([[], 1, null]);
  });

  it("is refused with the reason, and a key is what is left", () => {
    context.reply();
    waiting.deny(id());
    expect(events).toEqual(["waited", "it was denied in the browser"]);
    expect(context.told[1]).toMatch(/You are not signed in: it was denied in the browser/);
    context.reply();
    expect(context.told.at(-1)).toBe("rejected, publickey");
  });
});
