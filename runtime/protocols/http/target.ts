import { isUtf8 } from "node:buffer";
import { ok, type Result } from "../../../base/result.ts";
import { httpFault, type HttpFault } from "./head.ts";
import { QUERY_FIELDS_MAX, SEGMENTS_MAX } from "./limits.ts";

/** A target in the one form that is decided on and sent on. */
export interface Target {
  /** Decoded once; begins with `/`, has no empty and no dot segments. */
  readonly path: string;
  readonly segments: readonly string[];
  /** Names and values, decoded once, in order. A name without `=` has the value null. */
  readonly query: readonly (readonly [name: string, value: string | null])[];
  /** Path and query, encoded anew from the above: the only form that goes upstream. */
  readonly encoded: string;
}

/** Host and port that a request names. */
export interface Authority {
  readonly host: string;
  readonly port: number | null;
}

const refuse = (why: string): { readonly ok: false; readonly error: HttpFault } => httpFault(400, why);

/** What may stand unencoded in a segment (RFC 3986, pchar), without `;`. */
const SEGMENT = /^[A-Za-z0-9\-._~!$&'()*+,=:@]*$/;
/** What may stand unencoded in a query's name or value. */
const QUERY = /^[A-Za-z0-9\-._~!$'()*,:@/?]*$/;
const ASCII_SLASHES = /[/\\;%?#]/g;
const DOUBLE = /%[0-9a-fA-F]{2}/;

/** Decodes `%xx` once. Null: a sign that is no escape, or bytes that are not UTF-8. */
function decodeOnce(text: string, plus: boolean): string | null {
  if (!text.includes("%") && !(plus && text.includes("+"))) return text;
  const bytes = Buffer.allocUnsafe(text.length);
  let used = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x25) {
      const pair = text.slice(i + 1, i + 3);
      if (!/^[0-9a-fA-F]{2}$/.test(pair)) return null;
      bytes[used++] = Number.parseInt(pair, 16);
      i += 2;
    } else bytes[used++] = plus && code === 0x2b ? 0x20 : code;
  }
  const out = bytes.subarray(0, used);
  return isUtf8(out) ? out.toString("utf8") : null;
}

function encode(text: string, plain: RegExp): string {
  if (plain.test(text)) return text;
  let out = "";
  for (const byte of Buffer.from(text, "utf8")) {
    const character = String.fromCharCode(byte);
    out += byte < 0x80 && plain.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return out;
}

const hasControls = (text: string): boolean => {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code === 0x7f || (code >= 0x80 && code <= 0x9f)) return true;
  }
  return false;
};

/** Why a decoded segment could mean another thing to another reader, or null. */
function ambiguity(segment: string): string | null {
  if (segment === "." || segment === "..") return "has a dot segment";
  if (/[/\\]/.test(segment)) return "has an encoded slash or a backslash";
  if (segment.includes(";")) return "has a semicolon, which some servers take for the segment's end";
  if (DOUBLE.test(segment)) return "is encoded twice";
  if (hasControls(segment)) return "has a control character";
  if (/[. ]$/.test(segment)) return "has a segment that ends in a dot or a space, which some servers take off";
  if (!/^[\x20-\x7e]*$/.test(segment)) {
    if (segment.normalize("NFC") !== segment) return "is not in Unicode's normal form C";
    const folded = segment.normalize("NFKC");
    const signs = (text: string): string => text.replace(/[^./\\;%?#]/g, "");
    if (signs(folded) !== signs(segment) || folded.match(ASCII_SLASHES) !== null)
      return "has a character that some servers take for a slash or a dot";
  }
  return null;
}

function readPath(text: string): Result<{ readonly path: string; readonly segments: readonly string[] }, HttpFault> {
  const raw = text.split("/");
  if (raw[0] !== "") return refuse("the path does not begin with a slash");
  if (raw.length - 1 > SEGMENTS_MAX) return refuse(`the path has more than ${SEGMENTS_MAX} segments`);
  const segments: string[] = [];
  for (let i = 1; i < raw.length; i++) {
    const one = raw[i]!;
    // A slash at the end is no empty segment in between.
    if (one === "") {
      if (i < raw.length - 1) return refuse("the path has an empty segment");
      continue;
    }
    if (!/^[A-Za-z0-9\-._~!$&'()*+,=:@;%\\]*$/.test(one))
      return refuse("the path has a character that must be encoded");
    const decoded = decodeOnce(one, false);
    if (decoded === null) return refuse("the path is not encoded properly, or not UTF-8");
    const why = ambiguity(decoded);
    if (why !== null) return refuse(`the path ${why}`);
    segments.push(decoded);
  }
  const slash = raw.length > 2 && raw.at(-1) === "" ? "/" : "";
  return ok({ path: `/${segments.join("/")}${segments.length > 0 ? slash : ""}`, segments });
}

/** Reads `a=1&b=2`, decoded once; `+` is a space. Also the body of a form. */
export function readPairs(text: string, what: string): Result<Target["query"], HttpFault> {
  if (text === "") return ok([]);
  const fields: (readonly [string, string | null])[] = [];
  const parts = text.split("&");
  if (parts.length > QUERY_FIELDS_MAX) return refuse(`the ${what} has more than ${QUERY_FIELDS_MAX} fields`);
  for (const part of parts) {
    if (part === "") continue;
    const sign = part.indexOf("=");
    const name = decodeOnce(sign < 0 ? part : part.slice(0, sign), true);
    const value = sign < 0 ? null : decodeOnce(part.slice(sign + 1), true);
    if (name === null || (sign >= 0 && value === null))
      return refuse(`the ${what} is not encoded properly, or not UTF-8`);
    if (name === "") return refuse(`the ${what} has a field without a name`);
    if (/[\0\r\n]/.test(name) || name.includes("\0") || (value !== null && value.includes("\0")))
      return refuse(`the ${what} has a control character`);
    fields.push([name, value]);
  }
  return ok(fields);
}

function readQuery(text: string): Result<Target["query"], HttpFault> {
  if (text.includes(";"))
    return refuse("the query has a semicolon, which some servers take for a separator; encode it as %3B");
  if (!/^[A-Za-z0-9\-._~!$&'()*+,=:@/?%[\]{}|^`"<>]*$/.test(text))
    return refuse("the query has a character that must be encoded");
  const fields = readPairs(text, "query");
  if (!fields.ok) return fields;
  for (const [name, value] of fields.value)
    if (/[\r\n]/.test(value ?? "")) return refuse(`the query's field ${JSON.stringify(name)} has a line break`);
  return fields;
}

export const encodePairs = (fields: Target["query"]): string =>
  fields.map(([name, value]) => encode(name, QUERY) + (value === null ? "" : `=${encode(value, QUERY)}`)).join("&");

/** Targets that were read, by their text: clients ask for the same ones again. */
export function readOrigin(text: string): Result<Target, HttpFault> {
  const mark = text.indexOf("?");
  if (text.includes("#")) return refuse("the target has a fragment");
  const path = readPath(mark < 0 ? text : text.slice(0, mark));
  if (!path.ok) return path;
  const query = mark < 0 ? ok([]) : readQuery(text.slice(mark + 1));
  if (!query.ok) return query;
  const { segments } = path.value;
  const slash = path.value.path.endsWith("/") && segments.length > 0 ? "/" : "";
  const encodedPath = `/${segments.map((one) => encode(one, SEGMENT)).join("/")}${slash}`;
  const encodedQuery = encodePairs(query.value);
  return ok({
    ...path.value,
    query: query.value,
    encoded: encodedQuery === "" ? encodedPath : `${encodedPath}?${encodedQuery}`,
  });
}

const REG_NAME = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/;

/** Reads `host`, `host:port`, `[v6]:port`. Anything odd (user, trailing dot, escapes, other letters) is refused. */
export function readAuthority(text: string): Result<Authority, HttpFault> {
  const match = /^(\[[0-9a-fA-F:.]{2,45}\]|[^:@[\]]{1,253})(?::(\d{1,5}))?$/.exec(text);
  if (match === null) return refuse("the host is not a name or address with an optional port");
  const host = match[1]!.toLowerCase();
  const port = match[2] === undefined ? null : Number(match[2]);
  if (port !== null && (port > 65_535 || port === 0)) return refuse("the host's port is out of range");
  if (host[0] !== "[" && !REG_NAME.test(host)) return refuse("the host is not a plain name or address");
  return ok({ host, port });
}

/**
 * Reads a request's target: a path with a query, or a whole `http://` address as a proxy's clients send it. `*` and
 * `host:port` are not taken.
 *
 * @returns the authority only when the target names one
 */
export function readTarget(
  text: string,
): Result<{ readonly target: Target; readonly authority: Authority | null }, HttpFault> {
  if (text[0] === "/") {
    const target = readOrigin(text);
    return target.ok ? ok({ target: target.value, authority: null }) : target;
  }
  const absolute = /^https?:\/\/([^/?#]*)(.*)$/i.exec(text);
  if (absolute === null) return refuse("the target is neither a path nor an http address");
  const authority = readAuthority(absolute[1]!);
  if (!authority.ok) return authority;
  const rest = absolute[2]!;
  const target = readOrigin(rest[0] === "/" ? rest : `/${rest}`);
  return target.ok ? ok({ target: target.value, authority: authority.value }) : target;
}
