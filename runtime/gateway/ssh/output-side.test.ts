import { describe, expect, it } from "vitest";
import { TestClock } from "../../../test/support/record.ts";
import type { Manifest } from "../../../spec/contract/bundle/index.ts";
import { HOLD_BACK_MS } from "./limits.ts";
import { OutputSide } from "./output-side.ts";
import { textMaskOf } from "./text-mask.ts";

const CARDS = {
  rules: [{ name: "cards", mask: { output: null, detect: ["credit_card"], with: [] } }],
  detectors: [],
  expressions: [],
} as unknown as Manifest;
const CARD = "4111111111111111";

/** An output whose clock is run by hand. */
class Output {
  readonly clock = new TestClock();
  shown = "";
  paused = false;
  readonly side: OutputSide;

  constructor(mask = textMaskOf(CARDS, [0], Buffer.alloc(32))) {
    this.side = new OutputSide("out", mask, {
      put: (bytes) => void (this.shown += bytes.toString()),
      after: (ms, call) => this.clock.after(ms, call),
      paused: () => this.paused,
    });
  }

  push(text: string): void {
    this.side.push(Buffer.from(text));
  }
}

describe("an output that is searched", () => {
  it("is held back while it goes on, however long that takes", () => {
    const output = new Output();
    output.push("card ");
    for (const digit of CARD) {
      output.push(digit);
      output.clock.advance(HOLD_BACK_MS - 1);
    }
    expect(output.shown).toBe("card ");
    output.push(" there");
    output.clock.advance(2 * HOLD_BACK_MS);
    expect(output.shown).toBe("card *** there");
    expect(output.side.masked).toEqual(["cards"]);
  });

  it("is shown when nothing follows", () => {
    const output = new Output();
    output.push("4111");
    output.clock.advance(HOLD_BACK_MS - 1);
    expect(output.shown).toBe("");
    output.clock.advance(HOLD_BACK_MS);
    expect(output.shown).toBe("4111");
  });

  it("is held back while the target is not read", () => {
    const output = new Output();
    output.push(CARD.slice(0, 8));
    output.paused = true;
    output.clock.advance(60 * HOLD_BACK_MS);
    output.paused = false;
    output.clock.advance(HOLD_BACK_MS - 1);
    output.push(`${CARD.slice(8)}\n`);
    expect(output.shown).toBe("***\n");
  });

  it("a gateway that was late itself looks again at what came meanwhile", () => {
    const output = new Output();
    const due: (() => void)[] = [];
    output.clock.after = (_ms, call) => {
      due.push(call);
      return () => undefined;
    };
    output.push(CARD.slice(0, 8));
    // Long past its time: one look, then what waited in the socket.
    due.pop()!();
    output.push(CARD.slice(8));
    due.pop()!();
    expect(output.shown).toBe("");
    output.side.flush();
    expect(output.shown).toBe("***");
  });

  it("without a mask it passes at once", () => {
    const output = new Output(null);
    output.push("4111");
    expect(output.shown).toBe("4111");
  });
});
