import { systemClock, type Clock } from "../../runtime/outside/index.ts";

/** The machine's clock, which can be put forward: what is due then happens at once. */
export class AheadClock implements Clock {
  #ahead = 0;
  readonly #timers = new Set<{ readonly due: number; readonly run: () => void }>();

  now(): number {
    return systemClock.now() + this.#ahead;
  }
  monotonic(): number {
    return systemClock.monotonic();
  }
  after(ms: number, call: () => void): () => void {
    const timer = {
      due: this.now() + ms,
      run: (): void => {
        callOff();
        call();
      },
    };
    const real = systemClock.after(ms, timer.run);
    const callOff = (): void => {
      this.#timers.delete(timer);
      real();
    };
    this.#timers.add(timer);
    return callOff;
  }
  advance(ms: number): void {
    this.#ahead += ms;
    for (const timer of [...this.#timers]) if (timer.due <= this.now()) timer.run();
  }
}
