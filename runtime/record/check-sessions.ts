import { parseCanonical, type CanonicalValue } from "../../spec/contract/record/index.ts";

interface Chain {
  readonly sequence: number;
  readonly ended: boolean;
}

/** Follows the numbers of each session's entries, and looks at the entries' form. */
export class SessionChains {
  readonly #chains = new Map<string, Chain>();
  readonly #find: (what: string) => void;
  /** Entries before could not be read: a session may go on with any number. */
  #afterGap = false;
  #seen = 0;

  constructor(find: (what: string) => void) {
    this.#find = find;
  }

  /** Sessions that were met. */
  get count(): number {
    return this.#seen;
  }

  /** Entries in between are missing; that they are is said elsewhere, once. */
  gap(): void {
    this.#afterGap = true;
    this.#chains.clear();
  }

  entry(index: number, bytes: Buffer): void {
    const value = parseCanonical(bytes);
    if (typeof value !== "object" || value === null || Array.isArray(value))
      return this.#find(`entry ${index}: it is not an object in canonical JSON`);
    const { v, t, sid, sseq, type } = value as { readonly [key: string]: CanonicalValue };
    if (v !== 1 || typeof type !== "string" || typeof t !== "number")
      this.#find(`entry ${index}: it lacks what every entry has (v 1, type, t)`);
    if (typeof sid !== "string") return;
    const before = this.#chains.get(sid);
    if (before === undefined) this.#seen++;
    const free = before === undefined && this.#afterGap;
    const due = before === undefined ? 0 : before.sequence + 1;
    if (!free && sseq !== due)
      this.#find(`entry ${index}: session ${sid} goes on with number ${String(sseq)} where ${due} is due`);
    if (before?.ended === true) this.#find(`entry ${index}: session ${sid} had ended`);
    this.#chains.set(sid, {
      sequence: typeof sseq === "number" ? sseq : due,
      ended: type === "session.end" || type === "session.aborted",
    });
  }
}
