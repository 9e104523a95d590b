/** Time as the gateway sees it. Handed in wherever time matters, so that tests own it. */
export interface Clock {
  /** UTC, milliseconds since 1970. */
  now(): number;
  /** Milliseconds that never run backwards, with a fraction. */
  monotonic(): number;
  /** Calls back after so many milliseconds; answers how to call it off. Never holds the process open. */
  after(ms: number, call: () => void): () => void;
}

/** setTimeout takes at most 2^31 - 1 ms. */
const TIMER_MS_MAX = 2_147_483_647;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, call) {
    const timer = setTimeout(call, Math.min(Math.max(0, ms), TIMER_MS_MAX));
    timer.unref();
    return () => clearTimeout(timer);
  },
};
