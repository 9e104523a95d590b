import { SendWindows, type SpdyFrame } from "../../protocols/kubernetes/index.ts";

/** Data for the client that waits for its window. */
interface Waiting {
  data: Buffer;
  readonly fin: boolean;
  /** Bytes of the target's that became this; masking may have changed how many they are. */
  readonly spent: number;
}

/**
 * Data on its way from the target to the client, where both sides' windows are kept: the client is sent no more than it
 * granted, and the target is granted what it sent once what became of it has gone on. Nothing is granted to a target whose
 * client speaks of no windows: without a gateway nothing would be either.
 */
export class SpdyQueue {
  /** What the client grants. */
  readonly windows = new SendWindows();
  waiting = 0;
  readonly #send: (frame: SpdyFrame) => void;
  readonly #grant: (frame: SpdyFrame) => void;
  readonly #streams = new Map<number, Waiting[]>();
  /** What was sent on and not granted anew yet, by stream; 0: of all together. */
  readonly #owed = new Map<number, number>();

  /** `send`: to the client; `grant`: to the target. */
  constructor(send: (frame: SpdyFrame) => void, grant: (frame: SpdyFrame) => void) {
    this.#send = send;
    this.#grant = grant;
  }

  /** Streams of which something is remembered. */
  get kept(): number {
    return this.windows.kept + this.#streams.size + [...this.#owed.keys()].filter((stream) => stream !== 0).length;
  }

  /** Data came for a stream that is over: it was spent of the window of all together. */
  late(bytes: number): void {
    this.#owe(0, bytes);
  }

  put(stream: number, data: Buffer, fin: boolean, spent: number): void {
    const queue = this.#streams.get(stream) ?? [];
    this.#streams.set(stream, queue);
    queue.push({ data, fin, spent });
    this.waiting += data.length;
    this.#run(stream, queue);
  }

  /** Something was granted: sends what may go now. */
  run(): void {
    for (const [stream, queue] of this.#streams) this.#run(stream, queue);
    for (const stream of [...this.#owed.keys()]) this.#settle(stream);
  }

  /** The stream is over: what waits on it is of no use, and counts as taken. */
  drop(stream: number): void {
    for (const { data, spent } of this.#streams.get(stream) ?? []) {
      this.waiting -= data.length;
      this.#owe(0, spent);
    }
    this.#streams.delete(stream);
    this.#owed.delete(stream);
    this.windows.close(stream);
  }

  #run(stream: number, queue: Waiting[]): void {
    for (let first = queue[0]; first !== undefined; first = queue[0]) {
      const size = Math.min(first.data.length, this.windows.room(stream));
      if (size === 0 && first.data.length > 0) return;
      const whole = size === first.data.length;
      if (size > 0 || (whole && first.fin))
        this.#send({ kind: "data", stream, fin: whole && first.fin, data: first.data.subarray(0, size) });
      this.windows.sent(stream, size);
      this.waiting -= size;
      if (!whole) {
        first.data = first.data.subarray(size);
        return;
      }
      queue.shift();
      this.#owe(0, first.spent);
      if (first.fin) return this.drop(stream);
      this.#owe(stream, first.spent);
    }
    this.#streams.delete(stream);
  }

  #owe(stream: number, bytes: number): void {
    if (bytes === 0) return;
    this.#owed.set(stream, (this.#owed.get(stream) ?? 0) + bytes);
    this.#settle(stream);
  }

  #settle(stream: number): void {
    const { speaks, speaksOfAll } = this.windows;
    const delta = this.#owed.get(stream) ?? 0;
    if (delta === 0 || !(stream === 0 ? speaksOfAll : speaks)) return;
    this.#owed.delete(stream);
    this.#grant({ kind: "window_update", stream, delta });
  }
}
