import { beforeEach, describe, expect, it } from "vitest";
import type { SpdyFrame } from "../../protocols/kubernetes/index.ts";
import { SpdyQueue } from "./spdy-queue.ts";

let sent: SpdyFrame[];
let granted: SpdyFrame[];
let queue: SpdyQueue;
beforeEach(() => {
  sent = [];
  granted = [];
  queue = new SpdyQueue(
    (frame) => sent.push(frame),
    (frame) => granted.push(frame),
  );
});
const grant = (stream: number, delta: number): void => {
  expect(queue.windows.granted(stream, delta)).toBeNull();
  queue.run();
};
const bytes = (count: number): Buffer => Buffer.alloc(count, "x");

describe("what waits for a window", () => {
  it("goes on piece by piece, and is granted to the target once it is whole", () => {
    queue.windows.open(1);
    queue.windows.set([{ flags: 0, id: 7, value: 4 }]);
    queue.put(1, bytes(6), false, 100);
    expect([queue.waiting, granted]).toEqual([2, []]);
    grant(1, 1);
    expect([queue.waiting, granted]).toEqual([1, []]);
    grant(1, 5);
    expect(queue.waiting).toBe(0);
    expect(granted).toEqual([{ kind: "window_update", stream: 1, delta: 100 }]);
    expect(sent.map((one) => (one.kind === "data" ? one.data.length : 0))).toEqual([4, 1, 1]);
  });

  it("what was masked away is granted too, and an end waits behind what was before it", () => {
    queue.windows.open(1);
    queue.windows.set([{ flags: 0, id: 7, value: 1 }]);
    queue.put(1, bytes(0), false, 10);
    expect(granted).toEqual([{ kind: "window_update", stream: 1, delta: 10 }]);
    queue.put(1, bytes(2), false, 2);
    queue.put(1, bytes(0), true, 0);
    expect(sent.some((one) => one.kind === "data" && one.fin)).toBe(false);
    grant(1, 1);
    expect(sent.at(-1)).toEqual({ kind: "data", stream: 1, fin: true, data: Buffer.alloc(0) });
  });

  it("grants of all streams together count what came too late as well", () => {
    queue.late(7);
    queue.windows.open(1);
    queue.put(1, bytes(3), false, 3);
    expect(granted).toEqual([]);
    grant(0, 1);
    // From then on this side speaks of windows, so what its stream is owed is told as well.
    expect(granted).toEqual(
      expect.arrayContaining([
        { kind: "window_update", stream: 0, delta: 10 },
        { kind: "window_update", stream: 1, delta: 3 },
      ]),
    );
  });

  it("of a stream that ended, or was dropped, nothing is kept", () => {
    for (let stream = 1; stream < 2_000; stream += 2) {
      queue.windows.open(stream);
      queue.put(stream, bytes(3), false, 3);
      if (stream % 4 === 1) queue.put(stream, bytes(0), true, 0);
      else queue.drop(stream);
    }
    expect(queue.kept).toBe(0);
    // Nor does a late grant bring one back.
    grant(1, 5);
    expect([queue.kept, granted]).toEqual([0, []]);
  });
});
