import { describe, expect, it } from "vitest";
import { TestClock } from "../../../test/support/record.ts";
import type { DeskAction } from "../../session/index.ts";
import { Preparation, type Terminal } from "./preparation.ts";
import type { SshSession } from "./session.ts";

const TERMINAL = { cols: 80, rows: 24, width: 0, height: 0, modes: {}, term: "xterm" } as unknown as Terminal;

interface Outcome {
  readonly status: string;
  readonly tag: string;
}

/** A session whose desk allows everything, and whose record is on disk when it is told. */
class Desk {
  readonly decided: string[] = [];
  readonly outcomes: Outcome[] = [];
  onDisk: ((durable: boolean) => void)[] = [];
  readonly session: SshSession;

  constructor({ pty = true, durable = true }: { readonly pty?: boolean; readonly durable?: boolean } = {}) {
    this.session = {
      identity: { permits: { pty } },
      clock: new TestClock(),
      recorder: { mayForward: () => durable },
      desk: {
        judge: (action: DeskAction) => {
          this.decided.push(action.phase);
          return { go: true, decision: {}, bundle: {}, decisionId: 1, recordIndex: 1 };
        },
        mayGo: () => new Promise((resolve) => this.onDisk.push(resolve)),
        finished: (_id: number, outcome: Outcome) => void this.outcomes.push(outcome),
      },
    } as unknown as SshSession;
  }
}

describe("what a channel is asked for before its program", () => {
  it("is granted by the policy, and belongs to the program", async () => {
    const desk = new Desk();
    const preparation = new Preparation(desk.session);
    expect([preparation.terminal(TERMINAL), preparation.variable("LANG", "C")]).toEqual([true, true]);
    expect(preparation.close()).toMatchObject({ pty: { term: "xterm" }, environment: [["LANG", "C"]] });
    expect(await preparation.recorded()).toBe(null);
  });

  it("behind the program it is recorded and refused; only the window's size changes", () => {
    const desk = new Desk();
    const preparation = new Preparation(desk.session);
    preparation.terminal(TERMINAL);
    const prepared = preparation.close();
    expect([preparation.terminal({ ...TERMINAL, term: "late" }), preparation.variable("LANG", "C")]).toEqual([
      false,
      false,
    ]);
    preparation.resized({ cols: 132, rows: 50, width: 0, height: 0 });
    expect(prepared).toMatchObject({ pty: { term: "xterm", cols: 132 }, environment: [] });
    expect(desk.decided).toEqual(["pty", "pty", "env"]);
    expect(desk.outcomes.map(({ status, tag }) => `${status}: ${tag}`)).toEqual([
      "cut: the program is asked for already",
      "cut: the program is asked for already",
    ]);
  });

  it("a terminal that the certificate does not permit is decided too, and its outcome says why there is none", () => {
    const desk = new Desk({ pty: false });
    expect(new Preparation(desk.session).terminal(TERMINAL)).toBe(false);
    expect(desk.decided).toEqual(["pty"]);
    expect(desk.outcomes).toMatchObject([{ status: "cut", tag: "not permitted by the certificate" }]);
  });

  it("what is not carried is decided, and its outcome says so", () => {
    const desk = new Desk();
    new Preparation(desk.session).notCarried({ kind: "x11" });
    expect(desk.decided).toEqual(["x11"]);
    expect(desk.outcomes).toMatchObject([{ status: "cut", tag: "not carried" }]);
  });

  it.each([
    ["is waited for", true, null],
    ["that can't be written refuses the program", false, { kind: "unavailable" }],
  ])("a record that %s", async (_title, durable, refusal) => {
    const desk = new Desk({ durable: false });
    const preparation = new Preparation(desk.session);
    preparation.terminal(TERMINAL);
    preparation.variable("LANG", "C");
    let settled = false;
    const recorded = preparation.recorded().finally(() => (settled = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect([settled, desk.onDisk.length]).toEqual([false, 2]);
    desk.onDisk[0]!(true);
    desk.onDisk[1]!(durable);
    const found = await recorded;
    if (refusal === null) expect(found).toBe(null);
    else expect(found).toMatchObject(refusal);
  });
});
