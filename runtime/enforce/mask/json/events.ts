import { isUtf8 } from "node:buffer";
import type { BodyMasks } from "./plan.ts";
import { EVENT_BYTES_MAX } from "./limits.ts";

/** Answers the data of an event masked; null when it can't be read. */
export type EventMask = (data: string) => string | null;

const NOTHING = Buffer.alloc(0);

/** Answers the name or id of an event as it may be shown; null: it is left out. */
export type EventWord = (word: string) => string | null;

/** Names and ids as programs make them. */
const TOKEN = /^[\w.:-]{0,128}$/;

/**
 * Names and ids under masks: under one of fields only what is a plain token stays, for nobody knows what else it tells.
 *
 * @param labels gets the places where something was masked, as the record names them
 */
export const eventWord =
  (masks: BodyMasks, labels: Set<string>): EventWord =>
  (word) => {
    const found = masks.scan === null ? word : masks.scan(word);
    const made = masks.readsFields && !TOKEN.test(found) ? null : found;
    if (made !== word) labels.add("names of events");
    return made;
  };

/** What takes the place of an event's data that no mask can read. */
export const HIDDEN_DATA = "***";

/**
 * Server-sent events as they pass (HTML standard, section 9.2.6): each event's data is masked whole, its name and id as
 * words, comments and what readers ignore are left out. Data that can't be read is hidden; a stream that is not UTF-8, or an event longer than the
 * limit, is a fault.
 */
export class EventMasker {
  fault: string | null = null;
  readonly #mask: EventMask;
  readonly #word: EventWord;
  #rest: Buffer = NOTHING;
  /** The line feed of a CR LF may come with the next chunk. */
  #skipLf = false;
  #lines: string[] = [];
  #data: string[] = [];
  #bytes = 0;
  #first = true;

  constructor(mask: EventMask, word: EventWord) {
    this.#mask = mask;
    this.#word = word;
  }

  push(chunk: Buffer): Buffer {
    if (this.fault !== null) return NOTHING;
    const b = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let out = "";
    let from = 0;
    // What was looked at before held no line's end.
    for (let at = this.#rest.length; at < b.length; at++) {
      const byte = b[at]!;
      if (byte !== 0x0a && byte !== 0x0d) {
        this.#skipLf = false;
        continue;
      }
      if (byte === 0x0a && this.#skipLf) {
        this.#skipLf = false;
        from = at + 1;
        continue;
      }
      this.#skipLf = byte === 0x0d;
      out += this.#line(b.subarray(from, at));
      from = at + 1;
      if (this.fault !== null) return NOTHING;
    }
    this.#rest = Buffer.from(b.subarray(from));
    if (this.#bytes + this.#rest.length > EVENT_BYTES_MAX) {
      this.fault = `an event is longer than ${EVENT_BYTES_MAX} bytes`;
      return NOTHING;
    }
    return out === "" ? NOTHING : Buffer.from(out);
  }

  /** An event that was not ended by an empty line is dropped, as its reader would drop it. */
  end(): Buffer {
    return NOTHING;
  }

  #line(bytes: Buffer): string {
    this.#bytes += bytes.length;
    if (!isUtf8(bytes)) {
      this.fault = "a line is not UTF-8";
      return "";
    }
    let line = bytes.toString("utf8");
    if (this.#first) line = line.replace(/^\uFEFF/, "");
    this.#first = false;
    if (line === "") return this.#event();
    if (line[0] === ":") return "";
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (name === "data") this.#data.push(value);
    else if (name === "event" || name === "id") {
      const shown = this.#word(value);
      if (shown !== null) this.#lines.push(`${name}: ${shown}`);
    } else if (name === "retry" && /^\d+$/.test(value)) this.#lines.push(line);
    // What readers ignore is not sent on: nobody would mask it.
    return "";
  }

  #event(): string {
    let out = this.#lines.map((line) => `${line}\n`).join("");
    if (this.#data.length > 0) {
      const data = this.#data.join("\n");
      const made = this.#mask(data);
      for (const line of (made ?? HIDDEN_DATA).split("\n")) out += `data: ${line}\n`;
    }
    this.#lines = [];
    this.#data = [];
    this.#bytes = 0;
    return `${out}\n`;
  }
}
