import {
  EventMasker,
  eventWord,
  FORM_BYTES_MAX,
  JsonStreamMasker,
  maskField,
  maskOfName,
  maskText,
  type BodyMasks,
  type Places,
} from "../../enforce/mask/index.ts";
import type { AnswerPlan, BodyTransform } from "./adapter.ts";
import { readMediaType } from "./fields.ts";
import { boundaryOf, readForm, readParts, writeForm, writeParts } from "./forms.ts";
import { fieldOf, type ResponseHead } from "./head.ts";

const NOTHING = Buffer.alloc(0);

export type BodyKind = "json" | "json-lines" | "events" | "form" | "multipart" | "text" | "other";

/** What a media type's body is, as far as masks can read it. */
export function bodyKind(type: string): BodyKind {
  if (type === "application/json" || type === "text/json" || /^[a-z]+\/[a-z0-9!#$&^_.-]+\+json$/.test(type))
    return "json";
  if (
    [
      "application/x-ndjson",
      "application/ndjson",
      "application/jsonl",
      "application/x-jsonlines",
      "application/json-seq",
      "application/stream+json",
    ].includes(type)
  )
    return "json-lines";
  if (type === "text/event-stream") return "events";
  if (type === "application/x-www-form-urlencoded") return "form";
  if (type === "multipart/form-data") return "multipart";
  if (
    type.startsWith("text/") ||
    ["application/xml", "application/javascript", "application/yaml", "application/toml"].includes(type) ||
    type.endsWith("+xml")
  )
    return "text";
  return "other";
}

/** Charsets whose texts are read here; JSON has no other. */
const isReadable = (charset: string | undefined): boolean =>
  charset === undefined || /^(utf-?8|us-ascii)$/i.test(charset);

/** How an answer is masked, by its media type. */
export function planAnswer(head: ResponseHead, masks: BodyMasks | null): AnswerPlan {
  if (masks === null || (!masks.readsFields && masks.scan === null)) return { kind: "pass" };
  const field = fieldOf(head.fields, "content-type");
  const media = readMediaType(field);
  const rules = masks.rules.join(", ");
  const unreadable = (what: string): AnswerPlan => ({
    kind: "unreadable",
    why: `${what} can't be read, and mask ${rules} applies`,
  });
  if (media === null)
    return unreadable(field === undefined ? "a body without Content-Type" : "a body with a Content-Type like this");
  if (!isReadable(media.parameters.get("charset"))) return unreadable(`a body in ${media.parameters.get("charset")}`);
  switch (bodyKind(media.type)) {
    case "json":
      return { kind: "mask", transform: jsonTransform(masks, masks.places, false) };
    case "json-lines":
      return { kind: "mask", transform: jsonTransform(masks, masks.places, true) };
    case "events":
      return { kind: "mask", transform: eventTransform(masks) };
    case "form":
      return { kind: "mask", transform: new WholeBody((body) => maskForm(body, masks), masks) };
    case "multipart": {
      const boundary = boundaryOf(media.parameters);
      if (boundary === null) return unreadable("a multipart body without a plain boundary");
      return { kind: "mask", transform: new WholeBody((body) => maskParts(body, boundary, masks), masks) };
    }
    case "text":
      return masks.readsFields || masks.scan === null
        ? unreadable(`a body of type ${media.type}`)
        : { kind: "mask", transform: new LineScan(masks) };
    case "other":
      return unreadable(`a body of type ${media.type}`);
  }
}

/** @param places where masks stand: those of the masks' paths, or of a GraphQL operation */
export function jsonTransform(masks: BodyMasks, places: Places, sequence: boolean, scans = true): BodyTransform {
  const masker = new JsonStreamMasker({ places, masks: masks.masks, scan: scans ? masks.scan : null, sequence });
  return {
    get fault() {
      return masker.fault;
    },
    push: (chunk) => masker.push(chunk),
    end: () => masker.end(),
    masked: () => [
      ...masks.labels.filter((_, i) => masker.counts[i]! > 0),
      ...(masker.counts[masks.labels.length]! > 0 ? ["values detected"] : []),
    ],
  };
}

/** Data that ends a stream by custom, and holds nothing. */
const STREAM_END = "[DONE]";

function eventTransform(masks: BodyMasks): BodyTransform {
  const labels = new Set<string>();
  const events = new EventMasker(
    (data) => {
      if (data === STREAM_END || data.trim() === "") return data;
      const one = jsonTransform(masks, masks.places, false);
      const out = Buffer.concat([one.push(Buffer.from(data)), one.end()]);
      if (one.fault === null) {
        for (const label of one.masked()) labels.add(label);
        return out.toString("utf8");
      }
      if (!masks.readsFields && masks.scan !== null) {
        const made = masks.scan(data);
        if (made !== data) labels.add("values detected");
        return made;
      }
      labels.add("events that are not JSON");
      return null;
    },
    eventWord(masks, labels),
  );
  return {
    get fault() {
      return events.fault;
    },
    push: (chunk) => events.push(chunk),
    end: () => events.end(),
    masked: () => [...labels],
  };
}

/** Keeps a body whole until its end, then changes it. */
export class WholeBody implements BodyTransform {
  fault: string | null = null;
  readonly #change: (body: Buffer) => { readonly out: Buffer; readonly masked: readonly string[] } | string;
  readonly #masks: BodyMasks | null;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #masked: readonly string[] = [];

  /** `change` answers the new body, or in words why the old one can't be read. */
  constructor(
    change: (body: Buffer) => { readonly out: Buffer; readonly masked: readonly string[] } | string,
    masks: BodyMasks | null,
  ) {
    this.#change = change;
    this.#masks = masks;
  }

  push(chunk: Buffer): Buffer {
    this.#bytes += chunk.length;
    if (this.#bytes > FORM_BYTES_MAX)
      this.fault = `the body is longer than ${FORM_BYTES_MAX} bytes, the most that is masked whole`;
    else this.#chunks.push(chunk);
    return NOTHING;
  }

  end(): Buffer {
    if (this.fault !== null) return NOTHING;
    const changed = this.#change(Buffer.concat(this.#chunks));
    this.#chunks = [];
    if (typeof changed === "string") {
      this.fault = changed;
      return NOTHING;
    }
    this.#masked = changed.masked;
    return changed.out;
  }

  masked(): readonly string[] {
    return this.#masks === null ? [] : this.#masked;
  }
}

function maskForm(
  body: Buffer,
  masks: BodyMasks,
): { readonly out: Buffer; readonly masked: readonly string[] } | string {
  const fields = readForm(body);
  if (!fields.ok) return fields.error;
  const masked: string[] = [];
  const out = fields.value.map(([name, value]): readonly [string, string | null] => {
    if (value === null) return [name, value];
    const made = maskField(name, value, masks);
    if (made !== value) masked.push(name);
    return [name, made ?? ""];
  });
  return { out: writeForm(out), masked: [...new Set(masked)] };
}

function maskParts(
  body: Buffer,
  boundary: string,
  masks: BodyMasks,
): { readonly out: Buffer; readonly masked: readonly string[] } | string {
  const parts = readParts(body, boundary);
  if (!parts.ok) return parts.error;
  const masked: string[] = [];
  const out = [];
  for (const { name, contentType, head, content } of parts.value) {
    const mask = maskOfName(masks, name);
    let made: Buffer = content;
    if (mask >= 0) made = Buffer.from(maskText(masks.masks[mask]!, content.toString("utf8")) ?? "");
    else if (bodyKind(contentType) === "json") {
      const one = jsonTransform(masks, masks.places, false);
      made = Buffer.concat([one.push(content), one.end()]);
      if (one.fault !== null) return one.fault;
    } else if (contentType !== "text/plain") return `a part of type ${contentType} can't be read`;
    else if (masks.scan !== null) made = Buffer.from(masks.scan(content.toString("utf8")));
    if (!made.equals(content)) masked.push(name);
    out.push({ head, content: made });
  }
  // A value must not have become a boundary, not even for readers to which a line feed ends a line.
  const line = `\n--${boundary}`;
  return out.some(({ content }) => Buffer.concat([LINE_FEED, content]).includes(line))
    ? "a part holds the boundary"
    : { out: writeParts(out, boundary), masked };
}

const LINE_FEED = Buffer.from("\n");

/** Longest line of a text that is scanned; a longer one is a fault, for it would be cut where a value may stand. */
const LINE_BYTES_MAX = 64 * 1024;

/** Scans a text line by line, for values do not go over lines. A line without end is a fault. */
class LineScan implements BodyTransform {
  fault: string | null = null;
  readonly #scan: (text: string) => string;
  #rest: Buffer = NOTHING;
  #found = false;

  constructor(masks: BodyMasks) {
    this.#scan = masks.scan!;
  }

  push(chunk: Buffer): Buffer {
    const b = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const cut = b.lastIndexOf(0x0a) + 1;
    if (b.length - cut > LINE_BYTES_MAX) {
      this.fault = `a line is longer than ${LINE_BYTES_MAX} bytes`;
      return NOTHING;
    }
    this.#rest = Buffer.from(b.subarray(cut));
    return this.#made(b.subarray(0, cut));
  }

  end(): Buffer {
    const last = this.#made(this.#rest);
    this.#rest = NOTHING;
    return last;
  }

  #made(bytes: Buffer): Buffer {
    if (bytes.length === 0) return NOTHING;
    const text = bytes.toString("utf8");
    const made = this.#scan(text);
    if (made === text) return bytes;
    this.#found = true;
    return Buffer.from(made);
  }

  masked(): readonly string[] {
    return this.#found ? ["values detected"] : [];
  }
}

/** Runs one transform behind the other. */
export function chained(first: BodyTransform, second: BodyTransform): BodyTransform {
  return {
    get fault() {
      return first.fault ?? second.fault;
    },
    push(chunk) {
      const between = first.push(chunk);
      return first.fault !== null || between.length === 0 ? NOTHING : second.push(between);
    },
    end() {
      const last = first.end();
      if (first.fault !== null) return NOTHING;
      const head = last.length === 0 ? NOTHING : second.push(last);
      return Buffer.concat([head, second.end()]);
    },
    masked: () => [...first.masked(), ...second.masked()],
  };
}
