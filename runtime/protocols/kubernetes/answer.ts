import { maskJson, type BodyMasks } from "../../enforce/mask/index.ts";
import { readScalars } from "../../facts/index.ts";
import {
  bodyKind,
  fieldOf,
  jsonTransform,
  planAnswer,
  readMediaType,
  type AnswerPlan,
  type BodyTransform,
  type ResponseHead,
} from "../http/index.ts";
import type { KubernetesAsk } from "./ask.ts";
import { DOCUMENT_BYTES_MAX } from "./limits.ts";
import { isObject, type Json } from "./object.ts";
import { ofSecrets, ownPath } from "./places.ts";

const NOTHING = Buffer.alloc(0);
const NEWLINE = 0x0a;
const HIDDEN = "***";

/** How an answer of the API server is masked. `tables`: the client took tables, so one may come. */
export function planKubernetesAnswer(
  ask: KubernetesAsk,
  head: ResponseHead,
  masks: BodyMasks | null,
  tables: boolean,
): AnswerPlan {
  if (masks === null || (!masks.readsFields && masks.scan === null)) return { kind: "pass" };
  const media = readMediaType(fieldOf(head.fields, "content-type"));
  const kind = bodyKind(media?.type ?? "");
  // Logs are text; a field has no place in them.
  if (ask.subresource === "log" && head.status < 300) {
    if (masks.scan === null) return { kind: "pass" };
    return planAnswer(head, { ...masks, readsFields: false, typeFields: [], labels: [] });
  }
  if (kind !== "json") {
    // An error of a proxy in between may be text: it says nothing of an object, but who knows.
    return {
      kind: "unreadable",
      why: `an answer of type ${media?.type ?? "unknown"} can't be read, and mask ${masks.rules.join(", ")} applies`,
    };
  }
  const own = ask.resource === "secrets" && ask.group === "" ? ofSecrets(masks) : masks;
  if (head.status >= 400)
    return { kind: "mask", transform: new Documents((text, labels) => maskFailure(text, own, labels), false) };
  const watch = ask.verb === "watch";
  if (!tables || !masks.readsFields) return { kind: "mask", transform: jsonTransform(own, own.places, watch) };
  return {
    kind: "mask",
    transform: new Documents((text, labels) => maskTable(text, own, safeCells(ask, masks), labels), watch),
  };
}

/** Changes one document; null: it can't be read. */
type Change = (text: Buffer, labels: Set<string>) => Buffer | null;

/** Takes an answer apart into documents (one, or one in each line of a watch) and changes each whole. */
class Documents implements BodyTransform {
  fault: string | null = null;
  readonly #change: Change;
  readonly #lines: boolean;
  readonly #labels = new Set<string>();
  #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(change: Change, lines: boolean) {
    this.#change = change;
    this.#lines = lines;
  }

  push(chunk: Buffer): Buffer {
    if (this.fault !== null) return NOTHING;
    const out: Buffer[] = [];
    let rest = chunk;
    while (this.#lines) {
      const end = rest.indexOf(NEWLINE);
      if (end < 0) break;
      this.#chunks.push(rest.subarray(0, end));
      rest = rest.subarray(end + 1);
      out.push(this.#made(), Buffer.from("\n"));
      if (this.fault !== null) return NOTHING;
    }
    if (rest.length > 0) this.#chunks.push(Buffer.from(rest));
    this.#bytes += rest.length;
    if (this.#bytes > DOCUMENT_BYTES_MAX)
      this.fault = `a document is longer than ${DOCUMENT_BYTES_MAX} bytes, the most that is masked whole; ask for less at once (--chunk-size)`;
    return this.fault === null ? Buffer.concat(out) : NOTHING;
  }

  end(): Buffer {
    return this.fault === null ? this.#made() : NOTHING;
  }

  #made(): Buffer {
    const text = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
    this.#chunks = [];
    this.#bytes = 0;
    if (text.length === 0) return NOTHING;
    const changed = this.#change(text, this.#labels);
    if (changed !== null) return changed;
    this.fault = "the answer is no JSON of the API server";
    return NOTHING;
  }

  masked(): readonly string[] {
    return [...this.#labels];
  }
}

/** Masks a document and names what was replaced. */
function masked(text: Buffer, masks: BodyMasks, labels: Set<string>): Buffer | null {
  const made = maskJson(text, masks);
  if (made !== null && !made.equals(text)) for (const label of masks.labels) labels.add(ownPath(label) ?? "copies");
  return made;
}

/** A table, or an event with one: what cells show is hidden, but for what is known to show nothing. */
function maskTable(
  text: Buffer,
  masks: BodyMasks,
  safe: (column: number) => boolean,
  labels: Set<string>,
): Buffer | null {
  const made = masked(text, masks, labels);
  if (made === null) return null;
  const before = JSON.parse(text.toString("utf8")) as Json;
  const after = JSON.parse(made.toString("utf8")) as Json;
  const tables = [tableIn(before), tableIn(after)] as const;
  if (tables[0] === null || tables[1] === null) return made;
  for (const [i, row] of tables[1].entries()) {
    const [from, to] = [cellsOf(tables[0][i]), cellsOf(row)];
    if (from === null || to === null) continue;
    for (let column = 0; column < to.length; column++) if (safe(column)) to[column] = from[column] ?? null;
  }
  return Buffer.from(JSON.stringify(after));
}

function tableIn(document: Json): Json[] | null {
  const inner = isObject(document) && document["kind"] !== "Table" ? document["object"] : document;
  if (!isObject(inner) || inner["kind"] !== "Table" || !Array.isArray(inner["rows"])) return null;
  return inner["rows"];
}

const cellsOf = (row: Json | undefined): Json[] | null =>
  isObject(row) && Array.isArray(row["cells"]) ? row["cells"] : null;

/** Columns of a table that may be shown: the first is the object's name; those of secrets and config maps count and name only. */
function safeCells(ask: KubernetesAsk, masks: BodyMasks): (column: number) => boolean {
  const counted =
    ask.group === "" &&
    (ask.resource === "secrets" || ask.resource === "configmaps") &&
    masks.labels.every((label) =>
      /^\$\.(data|stringData|binaryData)(?![A-Za-z0-9_-])/.test(ownPath(label) ?? "$.data"),
    );
  return counted ? () => true : (column) => column === 0;
}

/** Texts of errors quote values: of the whole object, also where the client sent but a part of it. */
const VALUE = /((?:Invalid|Unsupported|Duplicate) value: )(?:"(?:[^"\\]|\\.)*"(?=:|$|,|])|[\s\S]*$)/g;
export const withoutValues = (text: string): string => text.replaceAll(VALUE, `$1${HIDDEN}`);

function maskFailure(text: Buffer, masks: BodyMasks, labels: Set<string>): Buffer | null {
  if (!readScalars(text).ok) return null;
  const made = masked(text, masks, labels);
  if (made === null) return null;
  if (!masks.readsFields) return made;
  const status = JSON.parse(made.toString("utf8")) as Json;
  if (!isObject(status) || status["kind"] !== "Status") return null;
  const scrub = (holder: { [key: string]: Json }): void => {
    if (typeof holder["message"] !== "string") return;
    const clean = withoutValues(holder["message"]);
    if (clean !== holder["message"]) labels.add("values in an error");
    holder["message"] = clean;
  };
  scrub(status);
  const details = status["details"];
  if (isObject(details) && Array.isArray(details["causes"]))
    for (const cause of details["causes"]) if (isObject(cause)) scrub(cause);
  return Buffer.from(JSON.stringify(status));
}
