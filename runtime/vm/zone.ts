const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** 1 January 1970 was a Thursday. */
const DAYS = ["thursday", "friday", "saturday", "sunday", "monday", "tuesday", "wednesday"] as const;

const floorMod = (value: number, by: number): number => ((value % by) + by) % by;

/** A time zone made ready: its offsets are the bundle's own, so the answer is the same on every machine. */
export class Zone {
  readonly #from: readonly number[];
  readonly #minutes: readonly number[];

  constructor(from: readonly number[], minutes: readonly number[]) {
    this.#from = from;
    this.#minutes = minutes;
  }

  /** 0 to 23. */
  hour(timeMs: number): number {
    return Math.floor(floorMod(this.#local(timeMs), DAY_MS) / HOUR_MS);
  }

  /** 0 to 59. */
  minute(timeMs: number): number {
    return Math.floor(floorMod(this.#local(timeMs), HOUR_MS) / MINUTE_MS);
  }

  /** In English, in lower case. */
  weekday(timeMs: number): string {
    return DAYS[floorMod(Math.floor(this.#local(timeMs) / DAY_MS), DAYS.length)]!;
  }

  /** Wall-clock ms; before the first change that is told, the first offset holds. */
  #local(timeMs: number): number {
    let low = 0;
    let high = this.#from.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#from[middle]! <= timeMs) low = middle;
      else high = middle - 1;
    }
    return timeMs + this.#minutes[low]! * MINUTE_MS;
  }
}
