import { describe, expect, it } from "vitest";
import type { Recorder } from "../record/index.ts";
import { Gate } from "./gate.ts";

/** A record whose entries become durable when the test says so. */
class Durable {
  index = -1;
  readonly #waiting: { readonly index: number; readonly then: (durable: boolean) => void }[] = [];
  mayForward = (index: number): boolean => this.index >= index;
  whenDurable(index: number, then: (durable: boolean) => void): void {
    if (this.mayForward(index)) then(true);
    else this.#waiting.push({ index, then });
  }
  upTo(index: number): void {
    this.index = index;
    for (const one of this.#waiting.splice(0)) this.whenDurable(one.index, one.then);
  }
  fail(): void {
    for (const one of this.#waiting.splice(0)) one.then(false);
  }
}

function begin(): { readonly record: Durable; readonly gate: Gate; readonly sent: string[] } {
  const record = new Durable();
  const sent: string[] = [];
  const gate = new Gate(
    record as unknown as Recorder,
    (bytes) => void sent.push(bytes.toString()),
    () => void sent.push("failed"),
  );
  return { record, gate, sent };
}

describe("the gate to the target", () => {
  it("lets bytes through in order, each once its record is durable", () => {
    const { record, gate, sent } = begin();
    gate.write(Buffer.from("a"), -1);
    gate.write(Buffer.from("b"), 1);
    gate.write(Buffer.from("c"), 0);
    expect(sent).toEqual(["a"]);
    record.upTo(0);
    expect(sent).toEqual(["a"]);
    record.upTo(1);
    expect(sent.join("")).toBe("abc");
  });

  it("is shut for good when a record fails", () => {
    const { record, gate, sent } = begin();
    gate.write(Buffer.from("a"), 0);
    record.fail();
    record.upTo(5);
    gate.write(Buffer.from("b"), 1);
    expect(sent).toEqual(["failed"]);
  });

  it("sends nothing that a cancel request on its way could hit", async () => {
    const { record, gate, sent } = begin();
    let arrived: () => void = () => undefined;
    gate.holdUntil(new Promise((resolve) => (arrived = resolve)));
    gate.write(Buffer.from("next "), -1);
    gate.write(Buffer.from("and more"), 0);
    record.upTo(0);
    expect(sent).toEqual([]);
    arrived();
    await new Promise(setImmediate);
    expect(sent.join("")).toBe("next and more");
    gate.write(Buffer.from("!"), 0);
    expect(sent.at(-1)).toBe("!");
  });
});
