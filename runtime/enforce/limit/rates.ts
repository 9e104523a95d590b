/** Counts kept at most; beyond, whoever has none yet is refused until some have run out. */
export const RATE_KEYS_MAX = 100_000;
/** A window is counted in so many parts; a part runs out as a whole, so never more passes than the rule allows. */
const PARTS = 60;

export interface RateLimit {
  /** Name of the rule. */
  readonly rule: string;
  readonly count: number;
  readonly perMs: number;
}

interface Window {
  /** Actions in each part of the window. */
  readonly parts: Uint32Array;
  /** Number of the newest part, since the clock's beginning. */
  newest: number;
  total: number;
}

export type RateAnswer =
  | { readonly ok: true }
  | { readonly ok: false; readonly limit: RateLimit; /** Until one more may pass. */ readonly waitMs: number };

/**
 * Actions by rule, user and target in windows that slide. One for the whole gateway, so that more sessions don't make more
 * actions; it forgets when the gateway stops.
 */
export class Rates {
  readonly #windows = new Map<string, Window>();
  readonly #now: () => number;

  /** `now`: a clock in milliseconds that never goes back. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Counts `actions` under every limit, or under none when one of them does not allow them. */
  take(limits: readonly RateLimit[], user: string, target: string, actions: number): RateAnswer {
    const now = this.#now();
    const windows: Window[] = [];
    for (const limit of limits) {
      const window = this.#window(JSON.stringify([limit.rule, limit.perMs, user, target]), limit.perMs, now);
      if (window === null) return { ok: false, limit, waitMs: limit.perMs };
      slide(window, partAt(now, limit.perMs));
      if (window.total + actions > limit.count)
        return { ok: false, limit, waitMs: waitOf(window, limit, actions, now) };
      windows.push(window);
    }
    for (const window of windows) {
      window.parts[window.newest % PARTS]! += actions;
      window.total += actions;
    }
    return { ok: true };
  }

  #window(key: string, perMs: number, now: number): Window | null {
    const known = this.#windows.get(key);
    if (known !== undefined) return known;
    if (this.#windows.size >= RATE_KEYS_MAX) this.#forget(now);
    if (this.#windows.size >= RATE_KEYS_MAX) return null;
    const made: Window = { parts: new Uint32Array(PARTS), newest: partAt(now, perMs), total: 0 };
    this.#windows.set(key, made);
    return made;
  }

  #forget(now: number): void {
    for (const [key, window] of this.#windows) {
      const perMs = (JSON.parse(key) as [string, number])[1];
      slide(window, partAt(now, perMs));
      if (window.total === 0) this.#windows.delete(key);
    }
  }
}

const partMs = (perMs: number): number => perMs / (PARTS - 1);
const partAt = (now: number, perMs: number): number => Math.floor(now / partMs(perMs));

/** Lets go of parts that are a whole window old. */
function slide(window: Window, part: number): void {
  if (part - window.newest >= PARTS) {
    window.parts.fill(0);
    window.total = 0;
  } else {
    for (let one = window.newest + 1; one <= part; one++) {
      window.total -= window.parts[one % PARTS]!;
      window.parts[one % PARTS] = 0;
    }
  }
  window.newest = Math.max(window.newest, part);
}

/** When so much has run out that `actions` may pass. */
function waitOf(window: Window, { count, perMs }: RateLimit, actions: number, now: number): number {
  let left = window.total;
  for (let age = PARTS - 1; age >= 0; age--) {
    if (left + actions <= count) break;
    const part = window.newest - age;
    left -= window.parts[((part % PARTS) + PARTS) % PARTS]!;
    if (left + actions <= count) return Math.ceil((part + PARTS) * partMs(perMs) - now);
  }
  return perMs;
}
