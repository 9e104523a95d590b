import type { Refusal } from "../protocol.ts";
import { CLIENT, HEADER_BYTES, errorResponse, noticeResponse, type Report } from "./messages.ts";

/** Source: PostgreSQL manual, appendix "PostgreSQL Error Codes". */
const SQLSTATE: Readonly<Record<Refusal["kind"], string>> = {
  policy: "42501", // insufficient_privilege
  unreadable: "42501",
  unavailable: "58000", // system_error
  withdrawn: "57014", // query_canceled
  syntax: "42601", // syntax_error
  unsupported: "0A000", // feature_not_supported
  "unknown-name": "34000", // invalid_cursor_name
};

/** The refusal as the client's own kind of error. */
export function refusalReport(refusal: Refusal, severity: "ERROR" | "FATAL" = "ERROR"): Report {
  const { message, detail, hint, position } = refusal;
  return { severity, sqlstate: SQLSTATE[refusal.kind], message, detail, hint, position };
}

export const refusalError = (refusal: Refusal): Buffer => errorResponse(refusalReport(refusal));

/** A line that a waiting client prints at once. */
export const waitingNotice = (text: string, hint?: string): Buffer =>
  noticeResponse({ severity: "NOTICE", sqlstate: "00000", message: text, hint });

export const protocolViolation = (what: string): Buffer =>
  errorResponse({
    severity: "FATAL",
    sqlstate: "08P01",
    message: `sallyport: ${what}`,
    hint: "The connection is closed. If the client is up to date, report what it sent.",
  });

/** A Bind to a statement that does not exist: the server fails it and skips to the Sync, as the client must see it. */
export const POISON = poisonBind();

function poisonBind(): Buffer {
  const body = Buffer.concat([Buffer.from("\0refused by sallyport\0", "utf8"), Buffer.alloc(6)]);
  const out = Buffer.allocUnsafe(HEADER_BYTES + body.length);
  out[0] = CLIENT.bind;
  out.writeInt32BE(4 + body.length, 1);
  body.copy(out, HEADER_BYTES);
  return out;
}
