import { isUtf8 } from "node:buffer";
import { placeOfElement, placeOfKey, type Places } from "./automaton.ts";
import { ChangedText } from "./changed-text.ts";
import { PlainBytes } from "./plain-bytes.ts";
import type { ValueMask } from "../value-mask.ts";
import { TO_NULL } from "../value-mask.ts";
import { CLASS, CUT, INVALID, NULL, QUOTE, escapeEnd, isAscii, isDigit, numberEnd, readString } from "./tokens.ts";
import { JSON_DEPTH_MAX, JSON_KEY_BYTES_MAX, JSON_NUMBER_BYTES_MAX, JSON_VALUE_BYTES_MAX } from "./limits.ts";

/** Looks for values by their form. Answers the text with them masked; the same text when there are none. */
export type TextScan = (text: string) => string;

export interface JsonStreamOptions {
  readonly places: Places;
  /** The masks that places name by number. */
  readonly masks: readonly ValueMask[];
  /** Looks into every string, key and number that no place masks; null when no detector is asked for. */
  readonly scan: TextScan | null;
  /** Several values behind one another (NDJSON, RFC 7464), instead of one. */
  readonly sequence: boolean;
}

const BACKSLASH = 0x5c;
const DOT = 0x2e;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const COMMA = 0x2c;
const COLON = 0x3a;
const RECORD_SEPARATOR = 0x1e;

/** What may come next. */
const VALUE = 0;
const FIRST_ELEMENT = 1;
const FIRST_KEY = 2;
const KEY = 3;
const AFTER_KEY = 4;
const AFTER_VALUE = 5;
const DONE = 6;
/** Inside a string that passes as it is and was cut. */
const IN_STRING = 7;

const TRUE = Buffer.from("true");
const FALSE = Buffer.from("false");
/** What stands behind the first letter of these. */
const RUE = 0x727565;
const ALS = 0x616c73;
const ULL = 0x756c6c;
const NOTHING: Buffer = Buffer.alloc(0);
const NO_PLAIN = PlainBytes.take();

/**
 * Masks values of a JSON text as it passes, bytes to bytes: nothing is built, what no mask touches is copied (or handed on)
 * as it was written, and memory does not grow with the text. The text is checked against RFC 8259 on the way; what is no
 * JSON, or passes a limit, is a fault: what came before it may have gone out, the rest must not.
 *
 * Strings are masked as strings. Masked numbers, `true` and `false` become `null`, for a text in their place would break
 * readers, and a number of their form would look like a value. Keys are compared after their escapes are read, and each of
 * a doubled key is masked.
 */
export class JsonStreamMasker {
  /** Why the text can't be read, or null. */
  fault: string | null = null;
  /** Values that each mask replaced; the last counts those that the scan changed. */
  readonly counts: Uint32Array;
  readonly #places: Places;
  readonly #masks: readonly ValueMask[];
  readonly #scan: TextScan | null;
  readonly #sequence: boolean;
  #state = VALUE;
  #depth = 0;
  /** By depth: whether it is an object, its place, the number of the next element. */
  readonly #objects = [0];
  readonly #containers = [0];
  readonly #elements = [0];
  /** Place of the value that comes next. */
  #place = 0;
  /** A token that was cut: its bytes so far, in memory that grows, and where to go on looking for its end. */
  #rest: Buffer = NOTHING;
  #restUsed = 0;
  #resume = 0;
  readonly #text = new ChangedText();
  /** Offset of the chunk in the text, for messages. */
  #offset = 0;
  /** Found by the last `#stringEnd`. */
  #escaped = false;
  #plain = NO_PLAIN;
  #beyondAscii = false;

  constructor(options: JsonStreamOptions) {
    this.#places = options.places;
    this.#masks = options.masks;
    this.#scan = options.scan;
    this.#sequence = options.sequence;
    this.counts = new Uint32Array(options.masks.length + 1);
  }

  /**
   * The next bytes of the text.
   *
   * @returns what may go out: a view of `chunk`, or new memory; nothing once there is a fault
   */
  push(chunk: Buffer): Buffer {
    if (this.fault !== null) return NOTHING;
    if (this.#restUsed === 0) return this.#run(chunk, chunk.length, true);
    this.#keep(chunk);
    return this.#run(this.#rest, this.#restUsed, false);
  }

  /** The text is over. `fault` says whether it was whole. */
  end(): Buffer {
    if (this.fault !== null) return NOTHING;
    let last = NOTHING;
    if (this.#restUsed > 0 && this.#depth === 0 && this.#state === VALUE) {
      // A number at the top ends with the text.
      const out = this.push(Buffer.from(" "));
      last = out.subarray(0, Math.max(0, out.length - 1));
    }
    const whole = this.#state === DONE || (this.#sequence && this.#state === VALUE && this.#depth === 0);
    if (this.fault === null && (!whole || this.#restUsed > 0)) this.fault = "the JSON text ends too early";
    return this.fault === null ? last : NOTHING;
  }

  #keep(chunk: Buffer): void {
    const used = this.#restUsed + chunk.length;
    if (used > this.#rest.length) {
      const grown = Buffer.allocUnsafe(Math.max(256, used * 2));
      this.#rest.copy(grown, 0, 0, this.#restUsed);
      this.#rest = grown;
    }
    chunk.copy(this.#rest, this.#restUsed);
    this.#restUsed = used;
  }

  #run(b: Buffer, end: number, own: boolean): Buffer {
    const places = this.#places;
    const objects = this.#objects;
    const containers = this.#containers;
    /** Nothing but places asks for a look at strings. */
    const quick = this.#scan === null;
    const plain = (this.#plain = PlainBytes.take());
    let state = this.#state | 0;
    let depth = this.#depth | 0;
    let place = this.#place | 0;
    this.#text.begin(b);
    let i = 0;
    /** Where the token that was cut begins, or -1. */
    let cut = -1;

    loop: while (i < end) {
      let c = b[i]!;
      if (CLASS[c] === 1 && state !== IN_STRING) {
        i++;
        continue;
      }
      if (state === AFTER_VALUE) {
        i++;
        if (c === COMMA) {
          if (objects[depth] !== 1) {
            state = VALUE;
            place = placeOfElement(places[containers[depth]!]!, this.#elements[depth]!++);
            continue;
          }
          state = KEY;
          // The usual way on, without another turn.
          if (i >= end || b[i] !== QUOTE) continue;
          c = QUOTE;
        } else if (c !== (objects[depth] === 1 ? CLOSE_OBJECT : CLOSE_ARRAY)) {
          this.fault = "expected a comma or the end of the list or object";
          break;
        } else {
          depth--;
          if (depth === 0) state = DONE;
          continue;
        }
      }
      if (state === KEY || state === FIRST_KEY) {
        if (c !== QUOTE) {
          if (c === CLOSE_OBJECT && state === FIRST_KEY) {
            depth--;
            i++;
            state = depth === 0 ? DONE : AFTER_VALUE;
            continue;
          }
          this.fault = "expected a key in quotes";
          break;
        }
        // Members behind one another, the usual way: key, colon, plain value, comma. What is not usual leaves the loop.
        const here = places[containers[depth]!]!;
        const { keys, lengths, other } = here;
        let k = plain.seek(b, i, end);
        const { stops, from, to } = plain;
        for (;;) {
          // The quote at `i` is the stop `k`, unless it is behind the window, where all stops are.
          let close = from + stops[k + 1]!;
          if (!quick || close >= to || b[close] !== QUOTE || (plain.beyondAscii && !isAscii(b, i + 1, close))) {
            close = this.#oddKey(b, i, end, here) | 0;
            if (close < 0) {
              if (close === CUT) cut = i;
              state = KEY;
              break loop;
            }
            place = this.#place | 0;
            i = close + 1;
            state = AFTER_KEY;
            continue loop;
          }
          place = other;
          const first = i + 1;
          const length = close - first;
          for (let n = (lengths & (1 << length)) === 0 ? keys.length : 0; n < keys.length; n++) {
            const { bytes } = keys[n]!;
            if (bytes.length !== length) continue;
            let j = 0;
            while (j < length && bytes[j] === b[first + j]) j++;
            if (j === length) {
              place = keys[n]!.next;
              break;
            }
          }
          k += 2;
          i = close + 1;
          if (i + 1 >= end || b[i] !== COLON) {
            state = AFTER_KEY;
            continue loop;
          }
          c = b[++i]!;
          state = VALUE;
          const mask = places[place]!.mask;
          if (c === QUOTE) {
            close = from + stops[k + 1]!;
            if (close >= to || b[close] !== QUOTE) continue loop;
            if (mask >= 0) {
              if (plain.beyondAscii) continue loop;
              this.#text.mask(i, close, this.#masks[mask]!);
              this.counts[mask]!++;
            }
            k += 2;
            i = close + 1;
          } else if (mask < 0 && c >= 0x31 && c <= 0x39) {
            let behind = i + 1;
            while (behind < end && isDigit(b[behind]!)) behind++;
            if (behind + 1 < end && b[behind] === DOT && isDigit(b[behind + 1]!)) {
              behind += 2;
              while (behind < end && isDigit(b[behind]!)) behind++;
            }
            if (behind >= end || CLASS[b[behind]!] === 2) continue loop;
            i = behind;
          } else if (mask < 0 && i + 5 < end) {
            const rest = (b[i + 1]! << 16) | (b[i + 2]! << 8) | b[i + 3]!;
            if ((c === 0x74 && rest === RUE) || (c === 0x6e && rest === ULL)) i += 4;
            else if (c === 0x66 && rest === ALS && b[i + 4] === 0x65) i += 5;
            else continue loop;
          } else continue loop;
          if (i + 1 < end && b[i] === COMMA && b[i + 1] === QUOTE) {
            i++;
            continue;
          }
          state = AFTER_VALUE;
          continue loop;
        }
      }
      if (state === VALUE || state === FIRST_ELEMENT) {
        const mask = places[place]!.mask;
        if (c === QUOTE) {
          if (mask < 0 && quick) {
            i = plain.next(b, i + 1, end);
            if (i < end && b[i] === QUOTE) {
              i++;
              state = depth === 0 ? DONE : AFTER_VALUE;
            } else state = IN_STRING;
            continue;
          }
        } else if (c === OPEN_OBJECT || c === OPEN_ARRAY) {
          if (depth >= JSON_DEPTH_MAX) {
            this.fault = `it nests deeper than ${JSON_DEPTH_MAX}`;
            break;
          }
          depth++;
          containers[depth] = place;
          i++;
          if (c === OPEN_OBJECT) {
            objects[depth] = 1;
            state = FIRST_KEY;
          } else {
            objects[depth] = 0;
            state = FIRST_ELEMENT;
            this.#elements[depth] = 1;
            place = placeOfElement(places[place]!, 0);
          }
          continue;
        } else if (c === CLOSE_ARRAY && state === FIRST_ELEMENT) {
          depth--;
          i++;
          state = depth === 0 ? DONE : AFTER_VALUE;
          continue;
        } else if (c === RECORD_SEPARATOR && this.#sequence && depth === 0) {
          i++;
          continue;
        }
        const close =
          c === QUOTE
            ? this.#maskString(b, i, end, mask)
            : CLASS[c] === 2
              ? this.#maskNumber(b, i, end, mask)
              : this.#maskLiteral(b, i, end, mask);
        if (close < 0) {
          if (close === CUT) cut = i;
          break;
        }
        i = close | 0;
        state = depth === 0 ? DONE : AFTER_VALUE;
        continue;
      }
      if (state === AFTER_KEY) {
        if (c !== COLON) {
          this.fault = "expected a colon";
          break;
        }
        i++;
        state = VALUE;
        continue;
      }
      if (state === DONE) {
        if (!this.#sequence) {
          this.fault = "there is more behind the JSON text";
          break;
        }
        state = VALUE;
        place = 0;
        continue;
      }
      // Inside of a string that passes as it is.
      i = plain.next(b, i, end);
      if (i >= end) break;
      if (b[i] === QUOTE) {
        i++;
        state = depth === 0 ? DONE : AFTER_VALUE;
        continue;
      }
      const next = b[i] === BACKSLASH ? escapeEnd(b, i, end) : INVALID;
      if (next < 0) {
        if (next === CUT) cut = i;
        else this.fault = "a string holds what no string may hold";
        break;
      }
      i = next | 0;
    }
    return this.#emit(b, end, own, state, depth, place, cut, i);
  }

  /** Ends a run: keeps what was cut, and answers what may go out. */
  #emit(
    b: Buffer,
    end: number,
    own: boolean,
    state: number,
    depth: number,
    place: number,
    cut: number,
    at: number,
  ): Buffer {
    this.#plain.giveBack();
    if (this.fault !== null) {
      this.fault = `${this.fault} (byte ${this.#offset + at})`;
      this.#restUsed = 0;
      return NOTHING;
    }
    const used = cut >= 0 ? cut : end;
    if (cut < 0) this.#resume = 0;
    this.#state = state;
    this.#depth = depth;
    this.#place = place;
    this.#offset += used;
    const result = this.#text.finish(used) ?? (own ? b.subarray(0, used) : Buffer.from(b.subarray(0, used)));
    if (own) {
      this.#restUsed = 0;
      if (used < end) this.#keep(b.subarray(used, end));
    } else {
      if (used > 0 && used < end) b.copyWithin(0, used, end);
      this.#restUsed = end - used;
    }
    return result;
  }

  /** A key that is cut, escaped, not ASCII or to be scanned: notes where it leads and answers where it is closed. */
  #oddKey(b: Buffer, i: number, end: number, here: Places[number]): number {
    const scan = this.#scan;
    const close = this.#stringEnd(b, i, end);
    if (close === CUT) {
      if (end - i <= JSON_KEY_BYTES_MAX) return CUT;
      this.fault = `a key is longer than ${JSON_KEY_BYTES_MAX} bytes`;
      return INVALID;
    }
    if (close === INVALID) {
      this.fault = "a key holds what no string may hold";
      return INVALID;
    }
    const raw = b.subarray(i + 1, close);
    if (this.#beyondAscii && !isUtf8(raw)) {
      this.fault = "a key is not UTF-8";
      return INVALID;
    }
    this.#place = placeOfKey(here, this.#escaped ? Buffer.from(readString(b, i, close + 1)) : raw);
    if (scan !== null) {
      const text = readString(b, i, close + 1);
      const made = scan(text);
      if (made !== text) {
        this.#text.replace(i, close + 1, Buffer.from(JSON.stringify(made)));
        this.counts[this.counts.length - 1]!++;
      }
    }
    return close;
  }

  /** A string with a mask, or to be scanned. Answers the place behind it. */
  #maskString(b: Buffer, i: number, end: number, mask: number): number {
    const close = this.#stringEnd(b, i, end);
    if (close === CUT) {
      if (end - i <= JSON_VALUE_BYTES_MAX) return CUT;
      this.fault = `a masked text is longer than ${JSON_VALUE_BYTES_MAX} bytes`;
      return INVALID;
    }
    if (close === INVALID) {
      this.fault = "a string holds what no string may hold";
      return INVALID;
    }
    if (mask < 0) {
      const scan = this.#scan;
      if (scan === null) return close + 1;
      const text = readString(b, i, close + 1);
      const made = scan(text);
      if (made !== text) {
        this.#text.replace(i, close + 1, Buffer.from(JSON.stringify(made)));
        this.counts[this.counts.length - 1]!++;
      }
      return close + 1;
    }
    const by = this.#masks[mask]!;
    this.counts[mask]!++;
    if (!this.#escaped && (!this.#beyondAscii || isUtf8(b.subarray(i + 1, close)))) {
      this.#text.mask(i, close, by);
      return close + 1;
    }
    const source = Buffer.from(readString(b, i, close + 1));
    const scratch = Buffer.allocUnsafe(by.bound(source.length));
    const length = by.write(source, 0, source.length, scratch, 0);
    const made = length === TO_NULL ? NULL : Buffer.from(JSON.stringify(scratch.toString("utf8", 0, length)));
    this.#text.replace(i, close + 1, made);
    return close + 1;
  }

  #maskNumber(b: Buffer, i: number, end: number, mask: number): number {
    const close = numberEnd(b, i, end);
    if (close === CUT && end - i > JSON_NUMBER_BYTES_MAX) {
      this.fault = `a number is longer than ${JSON_NUMBER_BYTES_MAX} bytes`;
      return INVALID;
    }
    if (close === INVALID) this.fault = "a number is not written as JSON numbers are";
    if (close < 0) return close;
    const scan = this.#scan;
    if (mask >= 0) {
      this.#text.replace(i, close, NULL);
      this.counts[mask]!++;
    } else if (scan !== null) {
      const text = b.toString("latin1", i, close);
      if (scan(text) !== text) {
        this.#text.replace(i, close, NULL);
        this.counts[this.counts.length - 1]!++;
      }
    }
    return close;
  }

  #maskLiteral(b: Buffer, i: number, end: number, mask: number): number {
    const c = b[i]!;
    const literal = c === 0x74 ? TRUE : c === 0x66 ? FALSE : c === 0x6e ? NULL : null;
    let j = 0;
    if (literal !== null) while (j < literal.length && i + j < end && b[i + j] === literal[j]) j++;
    if (literal === null || (j < literal.length && i + j < end)) {
      this.fault = "expected a value";
      return INVALID;
    }
    if (j < literal.length) return CUT;
    if (mask >= 0 && literal !== NULL) {
      this.#text.replace(i, i + j, NULL);
      this.counts[mask]!++;
    }
    return i + j;
  }

  /**
   * Where the string that opens at `open` is closed. When that is not to be seen yet, notes how far it looked, for the string
   * is the first thing of the next run.
   */
  #stringEnd(b: Buffer, open: number, end: number): number {
    let i = open + 1;
    if (open === 0 && this.#resume > 0) i = this.#resume;
    else {
      this.#escaped = false;
      this.#beyondAscii = false;
    }
    this.#resume = 0;
    let all = 0;
    for (;;) {
      const from = i;
      i = this.#plain.next(b, i, end);
      if (this.#plain.beyondAscii) for (let k = from; k < i; k++) all |= b[k]!;
      if (all >= 0x80) this.#beyondAscii = true;
      if (i < end && b[i] === QUOTE) return i;
      const next = i >= end ? CUT : b[i] === BACKSLASH ? escapeEnd(b, i, end) : INVALID;
      if (next === CUT) this.#resume = i - open;
      if (next < 0) return next;
      this.#escaped = true;
      i = next;
    }
  }
}
