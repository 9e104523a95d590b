import { HEADER_BYTES } from "./messages.ts";

/** Of each statement's result so much is shown in the record: whole rows, as far as the bytes last. */
export const SAMPLE_ROWS = 5;
export const SAMPLE_BYTES = 2_048;
/** Of one value, in text form. */
const CELL_UNITS = 256;
const CELL_BYTES_BINARY = 64;
const CUT = "…";

export type SampleRows = readonly (readonly (string | null)[])[];

/**
 * The first rows of a result, as the client was sent them: whoever keeps one hands in bytes that masking is done with. Keeping
 * a row copies its bytes into memory of the session; they become text only when the statement is over.
 */
export class ResultSample {
  #bytes: Buffer | null = null;
  #used = 0;
  /** Bit n: row n was a line of COPY. */
  #lines = 0;
  #rows = 0;
  #cut = false;

  /** Whether one more row is wanted. */
  get wants(): boolean {
    return this.#rows < SAMPLE_ROWS && !this.#cut;
  }

  /** A DataRow or CopyData message, with its header. A message that is not whole in `bytes` is kept as far as it is. */
  keep(bytes: Buffer, start: number, end: number, line: boolean): void {
    this.#bytes ??= Buffer.allocUnsafeSlow(SAMPLE_BYTES);
    const from = start + HEADER_BYTES;
    const room = SAMPLE_BYTES - this.#used - 2;
    const length = Math.min(end - from, room);
    if (length <= 0) {
      this.#cut = true;
      return;
    }
    if (length < end - from) this.#cut = true;
    this.#bytes.writeUInt16BE(length, this.#used);
    bytes.copy(this.#bytes, this.#used + 2, from, from + length);
    if (line) this.#lines |= 1 << this.#rows;
    this.#used += 2 + length;
    this.#rows++;
  }

  /**
   * What was kept, in text; null when nothing was. Begins anew.
   *
   * @param binary whether column n was sent in binary form
   */
  take(binary: (column: number) => boolean): SampleRows | null {
    if (this.#rows === 0) {
      this.#cut = false;
      return null;
    }
    const bytes = this.#bytes!;
    const rows: (string | null)[][] = [];
    for (let at = 0, i = 0; i < this.#rows; i++) {
      const length = bytes.readUInt16BE(at);
      const end = at + 2 + length;
      rows.push((this.#lines & (1 << i)) !== 0 ? [lineOf(bytes, at + 2, end)] : cellsOf(bytes, at + 2, end, binary));
      at = end;
    }
    this.#used = 0;
    this.#rows = 0;
    this.#lines = 0;
    this.#cut = false;
    return rows;
  }
}

function lineOf(bytes: Buffer, start: number, end: number): string {
  const whole = bytes[end - 1] === 0x0a;
  return shortened(bytes.toString("utf8", start, whole ? end - 1 : end), whole);
}

const shortened = (text: string, whole: boolean): string =>
  text.length > CELL_UNITS ? text.slice(0, CELL_UNITS) + CUT : whole ? text : text + CUT;

function cellsOf(bytes: Buffer, start: number, end: number, binary: (column: number) => boolean): (string | null)[] {
  const cells: (string | null)[] = [];
  let at = start + 2;
  while (end - at >= 4) {
    const length = bytes.readInt32BE(at);
    at += 4;
    if (length < 0) {
      cells.push(null);
      continue;
    }
    const whole = at + length <= end;
    const until = whole ? at + length : end;
    if (binary(cells.length)) {
      const shown = Math.min(until, at + CELL_BYTES_BINARY);
      cells.push(`\\x${bytes.toString("hex", at, shown)}${shown < until || !whole ? CUT : ""}`);
    } else cells.push(shortened(bytes.toString("utf8", at, until), whole));
    at = until;
  }
  return cells;
}
