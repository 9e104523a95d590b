import type { Analysis } from "./analysis.ts";

interface Entry {
  readonly analysis: Analysis;
  readonly bytes: number;
  used: boolean;
}

/** Analyses by key, with a cap on what they retain: the oldest that was not asked for since the last look goes first. */
export class AnalysisCache {
  readonly #entries = new Map<string, Entry>();
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(key: string): Analysis | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    entry.used = true;
    return entry.analysis;
  }

  set(key: string, analysis: Analysis): void {
    const bytes = analysis.bytes + key.length * 2;
    const old = this.#entries.get(key);
    if (old !== undefined) {
      this.#bytes -= old.bytes;
      this.#entries.delete(key);
    }
    if (bytes > this.#bytesMax / 8) return;
    this.#entries.set(key, { analysis, bytes, used: false });
    this.#bytes += bytes;
    while (this.#bytes > this.#bytesMax) this.#evict();
  }

  #evict(): void {
    for (const [key, entry] of this.#entries) {
      this.#entries.delete(key);
      if (entry.used) {
        entry.used = false;
        this.#entries.set(key, entry);
        continue;
      }
      this.#bytes -= entry.bytes;
      return;
    }
  }
}
