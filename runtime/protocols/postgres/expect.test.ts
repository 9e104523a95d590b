import { expect, test } from "vitest";
import { Expect, ExpectQueue } from "./expect.ts";

test("what is owed comes in the order it was asked, whatever of it is answered in between", () => {
  const queue = new ExpectQueue();
  const model: Expect[] = [];
  let batch = 0;
  const ask = (): void => void model.push(queue.push(new Expect("query", batch++)));
  const answer = (): void => {
    queue.shift();
    const head = model.shift();
    if (head !== undefined) expect(head.settled).toBe(true);
  };
  const same = (): void => {
    expect(queue.size).toBe(model.length);
    expect(queue.head).toBe(model[0]);
    expect([...queue]).toEqual(model);
    expect(model.every((one) => !one.settled)).toBe(true);
  };
  same();
  answer(); // of nothing
  same();
  // One at a time; a burst that is answered whole; more asked than answered for long, and then all of it answered.
  for (let i = 0; i < 3; i++) {
    ask();
    same();
    answer();
    same();
  }
  for (let i = 0; i < 5_000; i++) ask();
  for (let i = 0; i < 4_000; i++) answer();
  same();
  for (let i = 0; i < 3_000; i++) {
    ask();
    answer();
    if (i % 500 === 0) same();
  }
  while (model.length > 0) answer();
  same();
  ask();
  same();
});
