import type { Recorder } from "../record/index.ts";

/**
 * Holds back bytes for the target until the record they need is durable, and while a cancel request is on its way there, which
 * would hit whatever runs when it arrives. Order is kept; bytes whose record failed are never sent, and neither are those
 * behind them.
 */
export class Gate {
  readonly #recorder: Recorder;
  readonly #send: (bytes: Buffer) => void;
  readonly #onFailure: () => void;
  readonly #held: { readonly bytes: Buffer; readonly index: number }[] = [];
  #shut = false;
  /** Cancel requests that are on their way. */
  #holds = 0;

  constructor(recorder: Recorder, send: (bytes: Buffer) => void, onFailure: () => void) {
    this.#recorder = recorder;
    this.#send = send;
    this.#onFailure = onFailure;
  }

  write(bytes: Buffer, index: number): void {
    if (this.#shut) return;
    if (this.#held.length === 0 && this.#holds === 0 && this.#recorder.mayForward(index)) {
      this.#send(bytes);
      return;
    }
    this.#held.push({ bytes, index });
    this.#recorder.whenDurable(index, (durable) => this.#told(durable));
  }

  #told(durable: boolean): void {
    if (this.#shut) return;
    if (!durable) {
      this.#shut = true;
      this.#held.length = 0;
      this.#onFailure();
      return;
    }
    this.#release();
  }

  /** Sends nothing until `done` resolves. */
  holdUntil(done: Promise<void>): void {
    this.#holds++;
    void done.then(() => {
      this.#holds--;
      if (!this.#shut) this.#release();
    });
  }

  #release(): void {
    if (this.#holds > 0) return;
    let count = 0;
    while (count < this.#held.length && this.#recorder.mayForward(this.#held[count]!.index)) count++;
    if (count === 0) return;
    const ready = this.#held.splice(0, count);
    this.#send(ready.length === 1 ? ready[0]!.bytes : Buffer.concat(ready.map((one) => one.bytes)));
  }
}
