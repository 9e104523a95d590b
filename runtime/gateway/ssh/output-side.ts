import { HOLD_BACK_LOOKS, HOLD_BACK_MS } from "./limits.ts";
import type { TextMask } from "./text-mask.ts";

/** What an output needs of the command that it belongs to. */
export interface OutputHost {
  put(bytes: Buffer, to: "out" | "err"): void;
  after(ms: number, call: () => void): () => void;
  /** The target is not read just now, so that its silence says nothing. */
  paused(): boolean;
}

/** One of a command's outputs: masked, and held back where a mask must see more. */
export class OutputSide {
  readonly #name: "out" | "err";
  readonly #mask: TextMask | null;
  readonly #host: OutputHost;
  #looking = false;
  /** How often it was looked without anything having come. */
  #quiet = 0;

  constructor(name: "out" | "err", mask: TextMask | null, host: OutputHost) {
    this.#name = name;
    this.#mask = mask;
    this.#host = host;
  }

  get masked(): readonly string[] {
    return this.#mask?.masked ?? [];
  }

  /** Whether it may still need what was pushed last. */
  get keeps(): boolean {
    return this.#mask !== null;
  }

  push(bytes: Buffer): void {
    if (this.#mask === null) return this.#host.put(bytes, this.#name);
    this.#quiet = 0;
    this.#host.put(this.#mask.push(bytes), this.#name);
    if (this.#mask.held > 0 && !this.#looking) this.#lookLater();
  }

  /**
   * Only a target that is silent for a while shows that nothing belongs to what is held back. That is looked for several
   * times: after a gateway that was busy itself, what came meanwhile is read between two looks.
   */
  #lookLater(): void {
    this.#looking = true;
    this.#host.after(HOLD_BACK_MS / (HOLD_BACK_LOOKS - 1), () => {
      this.#looking = false;
      if (this.#mask === null || this.#mask.held === 0) return;
      this.#quiet = this.#host.paused() ? 0 : this.#quiet + 1;
      if (this.#quiet === HOLD_BACK_LOOKS) this.flush();
      else this.#lookLater();
    });
  }

  flush(): void {
    if (this.#mask !== null && this.#mask.held > 0) this.#host.put(this.#mask.flush(), this.#name);
  }
}
