/**
 * The messages of the PostgreSQL protocol, versions 3.0 and 3.2: codes, and builders for those that the gateway itself
 * sends. Source: PostgreSQL manual, "Message Formats".
 */

/** From the client, after the startup. */
export const CLIENT = {
  bind: 0x42, // B
  close: 0x43, // C
  copyData: 0x64, // d
  copyDone: 0x63, // c
  copyFail: 0x66, // f
  describe: 0x44, // D
  execute: 0x45, // E
  flush: 0x48, // H
  functionCall: 0x46, // F
  parse: 0x50, // P
  password: 0x70, // p
  query: 0x51, // Q
  sync: 0x53, // S
  terminate: 0x58, // X
} as const;

/** From the server. */
export const SERVER = {
  authentication: 0x52, // R
  backendKeyData: 0x4b, // K
  bindComplete: 0x32, // 2
  closeComplete: 0x33, // 3
  commandComplete: 0x43, // C
  copyBoth: 0x57, // W
  copyData: 0x64, // d
  copyDone: 0x63, // c
  copyIn: 0x47, // G
  copyOut: 0x48, // H
  dataRow: 0x44, // D
  emptyQuery: 0x49, // I
  error: 0x45, // E
  negotiateVersion: 0x76, // v
  noData: 0x6e, // n
  notice: 0x4e, // N
  notification: 0x41, // A
  parameterDescription: 0x74, // t
  parameterStatus: 0x53, // S
  parseComplete: 0x31, // 1
  portalSuspended: 0x73, // s
  readyForQuery: 0x5a, // Z
  rowDescription: 0x54, // T
} as const;

export const HEADER_BYTES = 5;

/** Transaction status bytes of ReadyForQuery. */
export const IDLE = 0x49; // I
export const IN_TRANSACTION = 0x54; // T
export const FAILED_TRANSACTION = 0x45; // E

/** A message: type, then a length that counts itself but not the type, then the body. */
export function message(type: number, ...parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const out = Buffer.allocUnsafe(HEADER_BYTES + length);
  out[0] = type;
  out.writeInt32BE(4 + length, 1);
  let at = HEADER_BYTES;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

export const cstring = (text: string): Buffer => Buffer.from(`${text.replaceAll("\0", "")}\0`, "utf8");

export function int32(value: number): Buffer {
  const out = Buffer.allocUnsafe(4);
  out.writeInt32BE(value, 0);
  return out;
}

export function int16(value: number): Buffer {
  const out = Buffer.allocUnsafe(2);
  out.writeInt16BE(value, 0);
  return out;
}

/** What an ErrorResponse or NoticeResponse says. */
export interface Report {
  readonly severity: "ERROR" | "FATAL" | "NOTICE" | "WARNING";
  /** Five characters. Source: PostgreSQL manual, "PostgreSQL Error Codes". */
  readonly sqlstate: string;
  readonly message: string;
  readonly detail?: string | undefined;
  readonly hint?: string | undefined;
  /** 1-based character position in the statement's text. */
  readonly position?: number | undefined;
}

function reportFields(report: Report): Buffer[] {
  const field = (code: string, text: string): Buffer => Buffer.concat([Buffer.from(code), cstring(text)]);
  const fields = [
    field("S", report.severity),
    field("V", report.severity),
    field("C", report.sqlstate),
    field("M", report.message),
  ];
  if (report.detail !== undefined) fields.push(field("D", report.detail));
  if (report.hint !== undefined) fields.push(field("H", report.hint));
  if (report.position !== undefined) fields.push(field("P", String(report.position)));
  fields.push(Buffer.of(0));
  return fields;
}

export const errorResponse = (report: Report): Buffer => message(SERVER.error, ...reportFields(report));
export const noticeResponse = (report: Report): Buffer => message(SERVER.notice, ...reportFields(report));
export const readyForQuery = (status: number): Buffer => message(SERVER.readyForQuery, Buffer.of(status));
export const parameterStatus = (name: string, value: string): Buffer =>
  message(SERVER.parameterStatus, cstring(name), cstring(value));
export const authenticationOk = (): Buffer => message(SERVER.authentication, int32(0));
export const authenticationCleartext = (): Buffer => message(SERVER.authentication, int32(3));
export const authenticationSasl = (mechanisms: readonly string[]): Buffer =>
  message(SERVER.authentication, int32(10), ...mechanisms.map(cstring), Buffer.of(0));
export const authenticationSaslContinue = (data: Uint8Array): Buffer => message(SERVER.authentication, int32(11), data);
export const authenticationSaslFinal = (data: Uint8Array): Buffer => message(SERVER.authentication, int32(12), data);
export const backendKeyData = (processId: number, key: Uint8Array): Buffer =>
  message(SERVER.backendKeyData, int32(processId), key);
export const query = (text: string): Buffer => message(CLIENT.query, cstring(text));
/** A Query, and a Parse with the client's own parameter types, of a text in bytes. */
export const queryOf = (text: Uint8Array): Buffer => message(CLIENT.query, text, Buffer.of(0));
export const parseOf = (name: string, text: Uint8Array, types: Uint8Array): Buffer =>
  message(CLIENT.parse, cstring(name), text, Buffer.of(0), types);
/** Statements without parameters up to a Sync, in messages that take one each: a text of several is an error to the server. */
export const singly = (statements: readonly string[]): Buffer =>
  Buffer.concat([
    ...statements.flatMap((sql) => [
      parseOf("", Buffer.from(sql.replaceAll("\0", ""), "utf8"), int16(0)),
      message(CLIENT.bind, cstring(""), cstring(""), int16(0), int16(0), int16(0)),
      message(CLIENT.execute, cstring(""), int32(0)),
    ]),
    message(CLIENT.sync),
  ]);
export const terminate = (): Buffer => message(CLIENT.terminate);
export const describePortal = (portal: Uint8Array): Buffer =>
  message(CLIENT.describe, Buffer.from("P"), portal, Buffer.of(0));

/** Version 3.2 asked for with options we don't know: which version and options are not served. */
export const negotiateVersion = (minor: number, unknownOptions: readonly string[]): Buffer =>
  message(SERVER.negotiateVersion, int32(minor), int32(unknownOptions.length), ...unknownOptions.map(cstring));
