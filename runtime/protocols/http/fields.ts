import { ok, type Result } from "../../../base/result.ts";
import { httpFault, type Field, type HttpFault } from "./head.ts";

/** Fields of one connection (RFC 9110, section 7.6.1): never passed on. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authentication-info",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
]);

/** Fields that the gateway reads and answers for itself. */
const OWN: ReadonlySet<string> = new Set(["host", "content-length", "expect", "approval-id"]);

/**
 * Fields by which targets and frameworks are told who asks, from where, or for what instead: the gateway says that, and a
 * client that says it is not heard. Compared without case, and with `_` and `.` read as `-`, as CGI and its heirs do.
 */
const CLAIMS: ReadonlySet<string> = new Set([
  "forwarded",
  "via",
  "x-real-ip",
  "x-client-ip",
  "x-cluster-client-ip",
  "true-client-ip",
  "cf-connecting-ip",
  "fastly-client-ip",
  "client-ip",
  "remote-addr",
  "remote-user",
  "x-remote-user",
  "x-remote-group",
  "x-user",
  "x-username",
  "x-user-id",
  "x-user-email",
  "x-email",
  "x-groups",
  "x-roles",
  "x-authenticated-user",
  "x-authenticated-userid",
  "x-authenticated-groups",
  "x-ssl-client-cert",
  "x-ssl-client-dn",
  "x-ssl-client-verify",
  "x-client-cert",
  "ssl-client-cert",
  "x-original-url",
  "x-original-uri",
  "x-original-host",
  "x-original-path",
  "x-original-method",
  "x-rewrite-url",
  "x-envoy-original-path",
  "x-host",
]);
const CLAIM_PREFIXES = [
  "sallyport-",
  "x-sallyport-",
  "x-forwarded-",
  "x-auth-request-",
  "x-auth-",
  "x-remote-extra-",
  "x-webauth-",
  "x-pomerium-",
  "x-warpgate-",
  "x-goog-authenticated-",
  "x-goog-iap-",
  "x-amzn-oidc-",
  "x-ms-client-principal",
  "x-ms-token-",
  "cf-access-",
  "impersonate-",
  "tailscale-user-",
];

/** Fields that make another method of the one that is decided on. */
const OVERRIDES: ReadonlySet<string> = new Set(["x-http-method", "x-http-method-override", "x-method-override"]);

/** Fields that may be given several times, for their value is a list (RFC 9110, section 5.3). */
const LISTS: ReadonlySet<string> = new Set([
  "accept",
  "accept-charset",
  "accept-encoding",
  "accept-language",
  "allow",
  "cache-control",
  "connection",
  "content-encoding",
  "content-language",
  "cookie",
  "if-match",
  "if-none-match",
  "link",
  "pragma",
  "prefer",
  "sec-websocket-extensions",
  "sec-websocket-protocol",
  "te",
  "trailer",
  "upgrade",
  "vary",
  "via",
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
  "baggage",
  "tracestate",
  "warning",
]);

const CONNECTION_OPTIONS: ReadonlySet<string> = new Set([
  "close",
  "keep-alive",
  "upgrade",
  "te",
  "http2-settings",
  "trailers",
]);

/** The one spelling of a field's name. */
export const folded = (name: string): string => (/[_.]/.test(name) ? name.replaceAll(/[_.]/g, "-") : name);

/** Answers by name, for names come again. Bounded by what is not kept: unusual names are looked up anew. */
const known = new Map<string, boolean>();
const KNOWN_MAX = 512;

/** Whether a client's field says what only the gateway may say. */
export function isClaim(name: string): boolean {
  const found = known.get(name);
  if (found !== undefined) return found;
  const plain = folded(name);
  const claims = CLAIMS.has(plain) || CLAIM_PREFIXES.some((prefix) => plain.startsWith(prefix));
  if (known.size < KNOWN_MAX && name.length <= 64) known.set(name, claims);
  return claims;
}

export interface SortedFields {
  /** What may go on to the target. */
  readonly forward: readonly Field[];
  /** By name; values of a list given several times are joined. */
  readonly byName: ReadonlyMap<string, string>;
  readonly close: boolean;
  readonly upgrade: string | null;
}

/**
 * Parts a request's fields: what goes on, and what a rule may read. Refused: a field twice that is no list, options that
 * would take a field off behind us, method overrides.
 *
 * @param stripped names that the configuration takes off too, folded
 */
export function sortRequestFields(
  fields: readonly Field[],
  stripped: ReadonlySet<string>,
): Result<SortedFields, HttpFault> {
  const forward: Field[] = [];
  const byName = new Map<string, string>();
  let close = false;
  let keepAlive = false;
  let wantsUpgrade = false;
  for (const field of fields) {
    const [name, value] = field;
    const before = byName.get(name);
    if (before !== undefined) {
      if (!LISTS.has(name)) return httpFault(400, `field ${name} is given twice`);
      byName.set(name, `${before}${name === "cookie" ? "; " : ", "}${value}`);
    } else byName.set(name, value);
    if (name === "connection") {
      for (const option of value.toLowerCase().split(",")) {
        const one = option.trim();
        if (one === "") continue;
        if (!CONNECTION_OPTIONS.has(one))
          return httpFault(400, `Connection names ${one}, which is no option of a connection`);
        close ||= one === "close";
        keepAlive ||= one === "keep-alive";
        wantsUpgrade ||= one === "upgrade";
      }
    }
    if (OVERRIDES.has(folded(name))) return httpFault(400, `field ${name} would change the method`);
    if (HOP_BY_HOP.has(name) || OWN.has(name) || isClaim(name)) continue;
    if (stripped.size > 0 && stripped.has(folded(name))) continue;
    forward.push(field);
  }
  if (close && keepAlive) return httpFault(400, "Connection says both close and keep-alive");
  const upgrade = wantsUpgrade ? (byName.get("upgrade")?.toLowerCase() ?? null) : null;
  return ok({ forward, byName, close, upgrade });
}

/** Fields of an answer that may go on to the client. */
export function forwardedAnswer(fields: readonly Field[]): readonly Field[] {
  return fields.filter(
    ([name]) => !HOP_BY_HOP.has(name) && name !== "content-length" && !name.startsWith("sallyport-"),
  );
}

/** `text/html; charset=utf-8` in parts. Null: not a media type, or the same parameter twice. */
export function readMediaType(
  value: string | undefined,
): { readonly type: string; readonly parameters: ReadonlyMap<string, string> } | null {
  if (value === undefined) return null;
  const head = /^([A-Za-z0-9!#$&^_.+-]+\/[A-Za-z0-9!#$&^_.+-]+)[ \t]*/.exec(value);
  if (head === null) return null;
  const parameters = new Map<string, string>();
  const pattern = /;[ \t]*(?:([A-Za-z0-9!#$&^_.+*'%`|~-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;",]+)))?[ \t]*/y;
  pattern.lastIndex = head[0].length;
  while (pattern.lastIndex < value.length) {
    const match = pattern.exec(value);
    if (match === null) return null;
    const [, name, quoted, plain] = match;
    if (name === undefined) continue;
    const lower = name.toLowerCase();
    if (parameters.has(lower)) return null;
    parameters.set(lower, quoted === undefined ? plain! : quoted.replaceAll(/\\(.)/g, "$1"));
  }
  return { type: head[1]!.toLowerCase(), parameters };
}

/** One cookie taken out of the `cookie` field: its value, and the field without it. */
export function takeCookie(
  value: string,
  name: string,
): { readonly found: string | null; readonly rest: string; readonly doubled: boolean } {
  let found: string | null = null;
  let doubled = false;
  const rest: string[] = [];
  for (const part of value.split(";")) {
    const one = part.trim();
    if (one.startsWith(`${name}=`)) {
      doubled ||= found !== null;
      found = one.slice(name.length + 1);
    } else if (one !== "") rest.push(one);
  }
  return { found, rest: rest.join("; "), doubled };
}
