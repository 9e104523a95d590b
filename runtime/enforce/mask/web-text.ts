import { maskedByPolicy, type Masked } from "../../../spec/contract/record/index.ts";
import { assert } from "../../../base/assert.ts";
import { REDACT } from "../../../spec/contract/bundle/index.ts";
import { buildPlaces, type PlacedPattern } from "./json/automaton.ts";
import { textMask } from "./value-mask.ts";
import { HIDDEN } from "./statement-text.ts";
import { JsonStreamMasker, maskOfName, maskText, type BodyMasks } from "./json/index.ts";

/** Of a body at most so many bytes are kept. */
export const KEPT_BODY_BYTES_MAX = 16 * 1024;
/** Of an answer's body at most so many bytes. */
export const KEPT_ANSWER_BYTES_MAX = 2 * 1024;

/** Longer than what detectors look for, but for keys in blocks of text. */
const LONGEST_VALUE_BYTES = 256;

/** Names of fields that hold secrets wherever they stand. */
const SECRET =
  /pass(word|wd|phrase)?$|^pwd$|secret|token|api[-_]?key|^key$|credential|^sig(nature)?$|^code$|^assertion$|session[-_]?id|^auth/i;

/** A request as the record and approvers see it. */
export interface RequestText {
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly query: readonly (readonly [name: string, value: string | null])[];
  /** What is known of the body: `text` when it is JSON or a form that was read. */
  readonly body: {
    readonly type: string;
    readonly bytes: number | null;
    readonly text: Buffer | null;
    readonly form: boolean;
  } | null;
}

/**
 * What of a request is kept: values of fields that a mask names for anybody, or that are secrets by their name, are hidden; a
 * body is kept when it is JSON or a form, masked in the same way.
 *
 * @param anybody the masks of all rules, whoever they are for: the record outlives its reader's rights. Null: there are none
 */
export function recordRequest(request: RequestText, anybody: BodyMasks | null): Masked {
  const { method, host, path, query, body } = request;
  const scan = anybody?.scan ?? null;
  const shown = (name: string, value: string): string =>
    SECRET.test(name) || (anybody !== null && maskOfName(anybody, name) >= 0)
      ? HIDDEN
      : scan === null
        ? value
        : scan(value);
  const text = (scan === null ? path : scan(path)) + queryText(query, shown);
  let out = `${method} ${host}${text}`;
  if (body !== null) out += bodyText(body, anybody, shown);
  return maskedByPolicy(out);
}

function queryText(query: RequestText["query"], shown: (name: string, value: string) => string): string {
  if (query.length === 0) return "";
  return `?${query.map(([name, value]) => (value === null ? name : `${name}=${shown(name, value)}`)).join("&")}`;
}

function bodyText(
  body: NonNullable<RequestText["body"]>,
  anybody: BodyMasks | null,
  shown: (name: string, value: string) => string,
): string {
  const { type, bytes, text, form } = body;
  const head = `\n${type}${bytes === null ? "" : `, ${bytes} bytes`}`;
  if (text === null) return head;
  if (form) {
    const pairs = [...new URLSearchParams(text.toString("utf8"))];
    return `${head}\n${pairs.map(([name, value]) => `${name}=${shown(name, value)}`).join("&")}`.slice(
      0,
      KEPT_BODY_BYTES_MAX,
    );
  }
  const masked = hideSecrets(anybody === null ? text : maskJson(text, anybody));
  if (masked === null) return `${head}\n${HIDDEN}`;
  return `${head}\n${masked.slice(0, KEPT_BODY_BYTES_MAX)}${masked.length > KEPT_BODY_BYTES_MAX ? "…" : ""}`;
}

/** A JSON text under masks; null when it can't be read. */
export function maskJson(text: Buffer, masks: BodyMasks): Buffer | null {
  const masker = new JsonStreamMasker({ places: masks.places, masks: masks.masks, scan: masks.scan, sequence: false });
  const out = Buffer.concat([masker.push(text), masker.end()]);
  return masker.fault === null ? out : null;
}

/** Takes the values of secret names out of a JSON text. */
function hideSecrets(text: Buffer | null): string | null {
  if (text === null) return null;
  try {
    const value = JSON.parse(text.toString("utf8")) as unknown;
    return JSON.stringify(value, (key, one: unknown) => (typeof one === "string" && SECRET.test(key) ? HIDDEN : one));
  } catch {
    return null;
  }
}

/** Names that mark secrets in answers; `SECRET` is of texts that are parsed. */
const SECRET_NAMES =
  "password passwd pwd secret client_secret clientSecret access_token accessToken refresh_token refreshToken id_token idToken token session_token sessionToken api_key apiKey private_key privateKey secret_key secretKey SecretAccessKey SessionToken credential credentials authorization"
    .split(" ")
    .map((name): PlacedPattern => ({ steps: [{ kind: "name", name, index: -1, deep: true }], mask: 0 }));
const secrets = buildPlaces(SECRET_NAMES, [REDACT]);
assert(secrets.ok, "the names of secrets make an automaton");
const SECRET_PLACES = secrets.value;
const SECRET_MASKS = [textMask(REDACT, new Uint8Array(16))];
/** Without one of these no name of a secret is there. */
const HINTS = ["oken", "ecret", "assw", "pwd", "rivate", "pi_key", "piKey", "redential", "uthoriz"];

/**
 * The beginning of an answer's body as anybody may see it.
 *
 * @param start its first bytes as the target sent them, decoded
 * @param anybody as for `recordRequest`
 * @param json whether it is JSON
 */
export function recordAnswer(start: Buffer, anybody: BodyMasks | null, json: boolean): Masked | null {
  if (json && HINTS.some((hint) => start.includes(hint))) {
    const masker = new JsonStreamMasker({ places: SECRET_PLACES, masks: SECRET_MASKS, scan: null, sequence: true });
    start = masker.push(start);
    if (masker.fault !== null) return null;
  }
  if (anybody === null) return maskedByPolicy(start.toString("utf8"));
  if (anybody.readsFields && !json) return null;
  if (anybody.typeFields.length > 0) return null;
  // A value that the end cuts is no value to a detector.
  if (!json && start.length >= KEPT_ANSWER_BYTES_MAX) start = start.subarray(0, start.length - LONGEST_VALUE_BYTES);
  if (!json)
    return anybody.scan === null
      ? maskedByPolicy(start.toString("utf8"))
      : maskedByPolicy(anybody.scan(start.toString("utf8")));
  const masker = new JsonStreamMasker({
    places: anybody.places,
    masks: anybody.masks,
    scan: anybody.scan,
    sequence: true,
  });
  const out = masker.push(start);
  return masker.fault === null ? maskedByPolicy(out.toString("utf8")) : null;
}

/** A text message of a connection that was upgraded. */
export function recordMessage(text: string, anybody: BodyMasks | null): Masked {
  if (anybody === null) return maskedByPolicy(text.slice(0, KEPT_BODY_BYTES_MAX));
  const json = maskJson(Buffer.from(text), anybody);
  if (json !== null) return maskedByPolicy(json.toString("utf8").slice(0, KEPT_BODY_BYTES_MAX));
  if (anybody.readsFields) return maskedByPolicy(HIDDEN);
  return maskedByPolicy((anybody.scan === null ? text : anybody.scan(text)).slice(0, KEPT_BODY_BYTES_MAX));
}

/** A request that can't be read: only its size is kept. */
export const unreadableRequest = (bytes: number): Masked => maskedByPolicy(`«${bytes} bytes that are no request»`);

/** A value of a form's field under masks; null: it is taken out. */
export function maskField(name: string, value: string, masks: BodyMasks): string | null {
  const mask = maskOfName(masks, name);
  if (mask >= 0) return maskText(masks.masks[mask]!, value);
  return masks.scan === null ? value : masks.scan(value);
}
