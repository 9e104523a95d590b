import { TURNS_MAX } from "./limits.ts";

/**
 * Runs a piece of work once changes have stopped coming in: when a whole turn of the event loop brought none, and at the
 * latest after some turns. Changes that wait in the pipe are thus taken in first, and no time is waited for.
 */
export class WhenQuiet {
  readonly #run: () => void;
  #changes = 0;
  #scheduled = false;

  constructor(run: () => void) {
    this.#run = run;
  }

  changed(): void {
    this.#changes++;
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#look(this.#changes, 0);
  }

  #look(seen: number, turns: number): void {
    setImmediate(() => {
      if (this.#changes !== seen && turns < TURNS_MAX) {
        this.#look(this.#changes, turns + 1);
        return;
      }
      this.#scheduled = false;
      this.#run();
    });
  }
}
