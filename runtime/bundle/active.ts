import type { LoadedBundle } from "./load.ts";

/**
 * The bundle in force. A swap is one assignment: an action that asked for the bundle is decided by that one to its end, and
 * the next asks again.
 */
export class ActiveBundle {
  #current: LoadedBundle | null = null;
  readonly #listeners = new Set<(bundle: LoadedBundle) => void>();

  /** Null until a first bundle was taken in: then everything is refused. */
  get current(): LoadedBundle | null {
    return this.#current;
  }

  swap(bundle: LoadedBundle): void {
    this.#current = bundle;
    for (const listener of this.#listeners) listener(bundle);
  }

  /** Calls back after each swap, until the answer is called. */
  onSwap(listener: (bundle: LoadedBundle) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}
