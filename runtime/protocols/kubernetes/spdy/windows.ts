import type { SpdySetting } from "./frames.ts";

/** What may be sent before anything is granted (section 2.6.8). */
const INITIAL = 64 * 1024;
const WINDOW_MAX = 0x7fff_ffff;
/** The setting that says another initial size, for streams. */
const INITIAL_WINDOW_SIZE = 7;

/**
 * How much data may still be sent to one side, for each stream and for all together. A side that never spoke of windows is
 * held to none: the library of Kubernetes' own clients and servers neither grants nor counts, and what waits for a grant of
 * such a side would wait for ever.
 */
export class SendWindows {
  readonly #streams = new Map<number, number>();
  #initial = INITIAL;
  #all = INITIAL;
  #speaks = false;
  #speaksOfAll = false;

  /** Whether this side grants for streams, and for all together. */
  get speaks(): boolean {
    return this.#speaks;
  }
  get speaksOfAll(): boolean {
    return this.#speaksOfAll;
  }

  /** Streams that are open. */
  get kept(): number {
    return this.#streams.size;
  }

  open(stream: number): void {
    this.#streams.set(stream, this.#initial);
  }

  close(stream: number): void {
    this.#streams.delete(stream);
  }

  /** Bytes that may be sent now on a stream. */
  room(stream: number): number {
    const own = this.#speaks ? (this.#streams.get(stream) ?? 0) : Number.POSITIVE_INFINITY;
    return Math.max(0, this.#speaksOfAll ? Math.min(own, this.#all) : own);
  }

  sent(stream: number, bytes: number): void {
    const own = this.#streams.get(stream);
    if (own !== undefined) this.#streams.set(stream, own - bytes);
    this.#all -= bytes;
  }

  /** A WINDOW_UPDATE of this side came; in words why it may not have. */
  granted(stream: number, delta: number): string | null {
    this.#speaks = true;
    if (stream === 0) {
      this.#speaksOfAll = true;
      this.#all += delta;
      return this.#all > WINDOW_MAX ? TOO_MUCH : null;
    }
    const own = this.#streams.get(stream);
    // The stream may have ended while it was under way.
    if (own === undefined) return null;
    this.#streams.set(stream, own + delta);
    return own + delta > WINDOW_MAX ? TOO_MUCH : null;
  }

  /** A SETTINGS of this side came. */
  set(entries: readonly SpdySetting[]): string | null {
    const initial = entries.find((one) => one.id === INITIAL_WINDOW_SIZE)?.value;
    if (initial === undefined) return null;
    if (initial > WINDOW_MAX) return TOO_MUCH;
    this.#speaks = true;
    for (const [stream, own] of this.#streams) this.#streams.set(stream, own + initial - this.#initial);
    this.#initial = initial;
    return null;
  }
}

const TOO_MUCH = "a window is granted more than 2 GiB";
