import { EventEmitter } from "node:events";
import type { Connection } from "ssh2";
import { describe, expect, it } from "vitest";
import { TestClock } from "../../../test/support/record.ts";
import type { DeskRuling, Waiter } from "../../session/index.ts";
import { Forwards } from "./forwards.ts";
import type { SshSession } from "./session.ts";

const turn = (): Promise<unknown> => new Promise((resolve) => setImmediate(resolve));

/** A desk at which every request waits for a person. */
class Desk {
  readonly withdrawn: string[] = [];
  readonly outcomes: string[] = [];
  readonly rule: ((ruling: DeskRuling) => void)[] = [];
  readonly client = new EventEmitter();
  readonly forwards: Forwards;
  rejected = 0;

  constructor() {
    const session = {
      identity: { permits: { portForwarding: true } },
      clock: new TestClock(),
      open: new Set(),
      upstream: Promise.resolve("the target is down"),
      recorder: { mayForward: () => true },
      log: { during: (work: Promise<void>) => work },
      desk: {
        judge: (_action: unknown, waiter: Waiter) => {
          const number = this.rule.length;
          waiter.waiting((why) => this.withdrawn.push(`${number} ${why}`));
          return new Promise<DeskRuling>((resolve) => this.rule.push(resolve));
        },
        finished: (_id: number, { tag }: { readonly tag: string }) => void this.outcomes.push(tag),
      },
    };
    this.forwards = new Forwards(session as unknown as SshSession, this.client as unknown as Connection);
  }

  ask(): void {
    const info = { destIP: "db", destPort: 5432, srcIP: "", srcPort: 0 };
    this.client.emit(
      "tcpip",
      () => undefined,
      () => void this.rejected++,
      info,
    );
  }
}

const GRANTED = {
  go: true,
  decision: { masks: [] },
  decisionId: 1,
  bundle: {},
  recordIndex: 1,
} as unknown as DeskRuling;
const REFUSED: DeskRuling = { go: false, refusal: { kind: "policy", message: "no" } } as unknown as DeskRuling;

describe("a connection that waits for an approval", () => {
  it("is withdrawn when the client leaves, but not what was ruled already", async () => {
    const desk = new Desk();
    for (let i = 0; i < 3; i++) desk.ask();
    desk.rule[0]!(REFUSED);
    desk.rule[1]!(GRANTED);
    await turn();
    desk.forwards.end();
    expect(desk.withdrawn).toEqual(["2 disconnected"]);
    expect([desk.rejected, desk.outcomes]).toEqual([2, ["the target can't be reached"]]);
  });

  it("that is granted when the client has left is not made, and its outcome says so", async () => {
    const desk = new Desk();
    desk.ask();
    desk.forwards.end();
    desk.rule[0]!(GRANTED);
    await turn();
    expect([desk.rejected, desk.outcomes]).toEqual([1, ["the client left"]]);
  });

  it("that is asked for behind the client's end is withdrawn at once", () => {
    const desk = new Desk();
    desk.forwards.end();
    desk.ask();
    expect(desk.withdrawn).toEqual(["0 disconnected"]);
  });
});
