import { ok, type Result } from "../../../base/result.ts";
import { readMediaType, sortRequestFields, type SortedFields } from "./fields.ts";
import { requestFraming, type Framing } from "./framing.ts";
import { httpFault, type Field, type HttpFault, type RequestHead } from "./head.ts";
import { readAuthority, readTarget, type Authority, type Target } from "./target.ts";

/** A request in the one form that is decided on and sent on. */
export interface NormalRequest {
  readonly method: string;
  readonly target: Target;
  readonly authority: Authority;
  /** Fields that may go on, in order. */
  readonly forward: readonly Field[];
  /** All fields by name in lower case, those too that do not go on. */
  readonly byName: ReadonlyMap<string, string>;
  readonly framing: Framing;
  readonly contentType: { readonly type: string; readonly parameters: ReadonlyMap<string, string> } | null;
  /** The client's connection ends after the answer. */
  readonly close: boolean;
  readonly minor: 0 | 1;
  readonly expectsContinue: boolean;
  readonly websocket: boolean;
}

const NO_NAMES: ReadonlySet<string> = new Set();

/**
 * Brings a request into its normal form, or says why it has none. Whatever two servers could read in two ways (target,
 * framing, doubled fields, host against target) is refused and not repaired.
 *
 * @param stripped more names of fields that do not go on, folded
 */
export function normaliseRequest(
  head: RequestHead,
  stripped: ReadonlySet<string> = NO_NAMES,
): Result<NormalRequest, HttpFault> {
  const { method, minor, fields } = head;
  if (method === "CONNECT") return httpFault(501, "CONNECT is not taken: the gateway opens no tunnels");
  if (method === "TRACE" || method === "TRACK")
    return httpFault(405, `${method} is not taken: its answer would show what the gateway adds`);
  if (method === "PRI") return httpFault(505, "HTTP/2 is not spoken here; use HTTP/1.1");
  const read = readTarget(head.target);
  if (!read.ok) return read;
  const sorted: Result<SortedFields, HttpFault> = sortRequestFields(fields, stripped);
  if (!sorted.ok) return sorted;
  const { byName, forward, upgrade } = sorted.value;
  const framing = requestFraming(method, minor, fields);
  if (!framing.ok) return framing;
  const stated = byName.get("host");
  if (stated === undefined && (minor === 1 || read.value.authority === null))
    return httpFault(400, "there is no Host field");
  const host = stated === undefined ? ok(read.value.authority!) : readAuthority(stated);
  if (!host.ok) return host;
  const named = read.value.authority;
  if (named !== null && (named.host !== host.value.host || (named.port ?? 80) !== (host.value.port ?? 80)))
    return httpFault(400, "the target's host is not that of the Host field");
  const expect = byName.get("expect");
  if (expect !== undefined && expect.toLowerCase() !== "100-continue")
    return httpFault(417, "Expect asks for something else than 100-continue");
  if (read.value.target.query.some(([name]) => name === "_method" || name.toLowerCase() === "x-http-method-override"))
    return httpFault(400, "the query would change the method");
  const media = byName.get("content-type");
  const contentType = readMediaType(media);
  if (media !== undefined && contentType === null) return httpFault(400, "Content-Type is not a media type");
  const websocket = upgrade === "websocket";
  if (websocket && (method !== "GET" || minor === 0))
    return httpFault(400, "an upgrade to WebSocket is a GET in HTTP/1.1");
  if (upgrade !== null && !websocket && upgrade !== "h2c")
    return httpFault(501, `an upgrade to ${JSON.stringify(upgrade.slice(0, 40))} is not taken`);
  return ok({
    method,
    target: read.value.target,
    authority: host.value,
    forward,
    byName,
    framing: framing.value,
    contentType,
    close: sorted.value.close || minor === 0,
    minor,
    expectsContinue: expect !== undefined && minor === 1,
    websocket,
  });
}
