import { compareMasks } from "../../../spec/contract/bundle/index.ts";
import { maskJson, maskText, placeOfElement, placeOfKey, type BodyMasks } from "../../enforce/mask/index.ts";

export type Json = null | boolean | number | string | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json;
}
export const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** What takes the place of a text that may not be shown. */
const HIDDEN_TEXT = "***";

/** Numbers and short names by which one message points to another. */
const isToken = (value: Json): boolean =>
  Number.isSafeInteger(value) || (typeof value === "string" && /^[\w.:/-]{1,128}$/.test(value));
const oneOf = (words: string): ((value: Json) => boolean) => {
  const known = new Set<Json>(words.split(" "));
  return (value) => known.has(value);
};
const isRole = oneOf("user assistant");

/**
 * What a reader of the protocol needs to find its way, wherever it stands: it stays as it is when it is no more than that.
 * Everything else goes through the mask.
 */
const STRUCTURE: ReadonlyMap<string, (value: Json) => boolean> = new Map([
  [
    "type",
    oneOf(
      "text image audio resource resource_link tool_use tool_result object string number integer boolean array null",
    ),
  ],
  ["role", isRole],
  ["audience", isRole],
  ["level", oneOf("debug info notice warning error critical alert emergency")],
  ["stopReason", oneOf("endTurn stopSequence maxTokens toolUse")],
  [
    "mimeType",
    (value: Json) => typeof value === "string" && /^[\w.+-]{1,60}\/[\w.+-]{1,60}(; ?charset=[\w-]{1,20})?$/.test(value),
  ],
  ["protocolVersion", (value: Json) => typeof value === "string" && /^\d{4}-\d{2}-\d{2}$/.test(value)],
  ["progressToken", isToken],
  ["requestId", isToken],
]);
/** The same of what stands in a message itself. */
const ENVELOPE: ReadonlyMap<string, (value: Json) => boolean> = new Map([
  ["jsonrpc", oneOf("2.0")],
  ["id", isToken],
  ["method", (value: Json) => typeof value === "string" && /^[A-Za-z$][\w$]{0,63}(\/[\w$]{1,64}){0,4}$/.test(value)],
]);

/** Lists by which a server declares what it offers, by the method that asks for them: the list, and what of it stays. */
const DECLARATIONS: ReadonlyMap<string, readonly [list: string, keeps: ReadonlySet<string> | "all"]> = new Map([
  ["tools/list", ["tools", "all"]],
  ["prompts/list", ["prompts", "all"]],
  ["resources/list", ["resources", new Set(["uri", "name"])]],
  ["resources/templates/list", ["resourceTemplates", new Set(["uriTemplate", "name"])]],
]);

/** What a message answers. */
export interface Answered {
  /** The method that was asked; null on the stream of a session, which may bring the answer to any. */
  readonly method: string | null;
  /** The resource that was asked for. */
  readonly uri: string | null;
}

/**
 * - `protocol`: the protocol's own objects, and all that nobody knows: texts that are no JSON are hidden under a mask of fields;
 * - `data`: a JSON text of its own, of which masks name parts;
 * - `declared`: what a server says of itself: only detectors look into it.
 */
type Kind = "protocol" | "data" | "declared";

/**
 * Masks JSON-RPC messages of MCP: whatever is not structure is masked, scanned or hidden, known or not. A mask's path is put to
 * every object and list that could be meant by it.
 */
export class MessageMask {
  readonly #masks: BodyMasks;
  readonly #labels: Set<string>;
  readonly #answered: Answered;

  /** @param labels gets the places where something was masked, as the record names them */
  constructor(masks: BodyMasks, labels: Set<string>, answered: Answered) {
    this.#masks = masks;
    this.#labels = labels;
    this.#answered = answered;
  }

  message(message: JsonObject): JsonObject {
    return this.#members(message, [], (key, value) => {
      if (ENVELOPE.get(key)?.(value) === true) return this.#scanned(value);
      if (key === "result" && isObject(value)) return this.#result(value);
      if ((key === "error" || key === "params") && isObject(value)) return this.#told(key, value);
      // A result that is a value and nothing else: no path can name it.
      if (key === "result" && this.#masks.readsFields && (typeof value === "number" || typeof value === "boolean"))
        return this.#hidden();
      return this.#value(value, key, "protocol", []);
    });
  }

  #result(result: JsonObject): JsonObject {
    const { method, uri } = this.#answered;
    const [list, keeps] = DECLARATIONS.get(method ?? "") ?? ["", "all"];
    return this.#members(result, [0], (key, value, under) => {
      if (key === list && Array.isArray(value))
        return value.map((one) => (keeps === "all" ? this.#value(one, "", "declared", []) : this.#kept(one, keeps)));
      // Which tools may be called was settled before: their names tell no more.
      if (method === null && key === "tools" && Array.isArray(value))
        return value.map((one) => this.#kept(one, new Set(["name"])));
      if (list !== "" && key === "nextCursor") return this.#value(value, key, "declared", []);
      if (method === "initialize" && key === "serverInfo") return this.#kept(value, new Set(["name", "version"]));
      // The client named it itself.
      if (method === "resources/read" && key === "contents" && Array.isArray(value))
        return value.map((one) =>
          isObject(one) && one["uri"] === uri
            ? this.#kept(one, new Set(["uri"]))
            : this.#value(one, "", "protocol", under),
        );
      return this.#value(value, key, "protocol", under);
    });
  }

  /** Errors, and what a server tells or asks of its own accord: their `data` is any JSON, not the bytes of an image. */
  #told(member: "error" | "params", told: JsonObject): JsonObject {
    return this.#members(told, [0], (key, value, under) => {
      if (member === "error" && key === "code" && Number.isSafeInteger(value)) return this.#scanned(value);
      if (key === "data" && typeof value === "string") return this.#text(value);
      return this.#value(value, key, "protocol", under);
    });
  }

  /** An object of which some texts stay. */
  #kept(value: Json, names: ReadonlySet<string>): Json {
    if (!isObject(value)) return this.#value(value, "", "protocol", [0]);
    return this.#members(value, [0], (key, one, under) =>
      names.has(key) && typeof one === "string" ? this.#scanned(one) : this.#value(one, key, "protocol", under),
    );
  }

  /** `under`: the places that paths have come to, from every object that they may have begun at. */
  #value(value: Json, key: string, kind: Kind, under: readonly number[]): Json {
    if (typeof value === "object" && value !== null) {
      const own = kind === "protocol" && DATA.has(key) ? "data" : kind;
      const here = own === "protocol" || (own === "data" && kind === "protocol") ? [...new Set([...under, 0])] : under;
      if (Array.isArray(value))
        return value.map((one, index) =>
          this.#value(
            one,
            key === "audience" ? key : "",
            own,
            this.#next(here, (place) => placeOfElement(place, index)),
          ),
        );
      return this.#members(value, here, (name, one, below) => this.#value(one, name, own, below));
    }
    if (kind === "declared" || value === null) return this.#scanned(value);
    if (kind === "protocol") {
      if ((key === "data" || key === "blob") && value !== "") {
        this.#labels.add(`${key} that can't be read`);
        return "";
      }
      if (STRUCTURE.get(key)?.(value) === true) return this.#scanned(value);
      // A text that is JSON is one of its own, to which paths are put anew.
      if (key === "text" && typeof value === "string") return this.#text(value);
    }
    const mask = this.#strictest(under);
    if (mask >= 0) {
      this.#labels.add("results");
      return typeof value !== "string"
        ? null
        : kind === "protocol"
          ? HIDDEN_TEXT
          : maskText(this.#masks.masks[mask]!, value);
    }
    return typeof value === "string" && kind === "protocol" ? this.#text(value) : this.#scanned(value);
  }

  /** Each member of an object, changed, under its key as anybody may see it. */
  #members(
    object: JsonObject,
    under: readonly number[],
    change: (key: string, value: Json, under: readonly number[]) => Json,
  ): JsonObject {
    return Object.fromEntries(
      Object.entries(object).map(([key, value]) => {
        const bytes = Buffer.from(key);
        return [
          String(this.#scanned(key)),
          change(
            key,
            value,
            this.#next(under, (place) => placeOfKey(place, bytes)),
          ),
        ];
      }),
    );
  }

  #next(under: readonly number[], to: (place: BodyMasks["places"][number]) => number): readonly number[] {
    return [...new Set(under.map((one) => to(this.#masks.places[one]!)))];
  }

  #strictest(under: readonly number[]): number {
    const { places, masks } = this.#masks;
    let found = -1;
    for (const one of under) {
      const { mask } = places[one]!;
      if (mask >= 0 && (found < 0 || compareMasks(masks[mask]!.spec, masks[found]!.spec) < 0)) found = mask;
    }
    return found;
  }

  /** Text that is JSON is masked as such; other text only scanned: under a mask of fields it is hidden. */
  #text(text: string): string {
    const masks = this.#masks;
    const json = /^\s*[[{]/.test(text) ? maskJson(Buffer.from(text), masks) : null;
    if (json !== null) {
      const made = json.toString("utf8");
      if (made !== text) this.#labels.add("results");
      return made;
    }
    if (!masks.readsFields) return String(this.#scanned(text));
    if (text === "") return text;
    return this.#hidden();
  }

  #hidden(): string {
    this.#labels.add("text that is not JSON");
    return HIDDEN_TEXT;
  }

  /** A text, key or number as detectors leave it. */
  #scanned(value: Json): Json {
    const { scan } = this.#masks;
    if (scan === null || (typeof value !== "string" && typeof value !== "number")) return value;
    // Digits that were lost in reading could be those of a value that is looked for.
    const exact = typeof value === "string" || !Number.isInteger(value) || Number.isSafeInteger(value);
    const made = exact ? scan(String(value)) : "";
    if (made === String(value)) return value;
    this.#labels.add("results");
    return typeof value === "string" ? made : null;
  }
}

/** Members that hold JSON of the server's own, whatever their owner. */
const DATA: ReadonlySet<string> = new Set(["structuredContent", "arguments", "input", "data"]);
