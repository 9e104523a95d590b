import { err, ok, type Result } from "../../../base/result.ts";
import { BodyReader } from "./fields.ts";
import { CANCEL_KEY_BYTES_MAX, STARTUP_BYTES_MAX, STARTUP_PARAMETERS_MAX } from "./limits.ts";
import type { Report } from "./messages.ts";

/** Request codes that stand where a protocol version would. Source: PostgreSQL manual, "Message Formats". */
const CANCEL_REQUEST = 80877102;
const SSL_REQUEST = 80877103;
const GSS_REQUEST = 80877104;

/** Newest minor version of protocol 3 that is served. */
export const MINOR_VERSION_MAX = 2;
/** Smallest startup packet: its length and a code. */
export const STARTUP_BYTES_MIN = 8;

export interface StartupRequest {
  readonly kind: "startup";
  /** Minor version to speak: what was asked for, or the newest that is served. */
  readonly minor: number;
  readonly askedMinor: number;
  readonly user: string;
  readonly database: string;
  readonly application: string;
  /** Allowed settings, as they will be sent upstream. */
  readonly settings: readonly (readonly [name: string, value: string])[];
  /** `_pq_.` options, none of which is known. */
  readonly unknownOptions: readonly string[];
}

export type FirstPacket =
  | { readonly kind: "ssl" }
  | { readonly kind: "gss" }
  | { readonly kind: "cancel"; readonly processId: number; readonly key: Buffer }
  | StartupRequest;

const fatal = (sqlstate: string, message: string, hint?: string): { ok: false; error: Report } =>
  err({ severity: "FATAL", sqlstate, message: `sallyport: ${message}`, hint });

/** Checks the length word of a startup packet before anything waits for it. */
export function startupLength(bytes: Buffer): Result<number, Report> {
  const length = bytes.readInt32BE(0);
  if (length < STARTUP_BYTES_MIN || length > STARTUP_BYTES_MAX) {
    return fatal("08P01", "this is not a PostgreSQL client, or its startup packet is too long");
  }
  return ok(length);
}

/**
 * Reads a whole startup packet. Settings are on an allow list: anything that changes what statements mean, and every way
 * into replication, is refused here.
 */
export function readFirstPacket(packet: Buffer): Result<FirstPacket, Report> {
  const code = packet.readInt32BE(4);
  if (code === SSL_REQUEST && packet.length === 8) return ok({ kind: "ssl" });
  if (code === GSS_REQUEST && packet.length === 8) return ok({ kind: "gss" });
  if (code === CANCEL_REQUEST) {
    const keyBytes = packet.length - 12;
    if (keyBytes < 4 || keyBytes > CANCEL_KEY_BYTES_MAX) return fatal("08P01", "a cancel request of a wrong length");
    return ok({ kind: "cancel", processId: packet.readInt32BE(8), key: Buffer.from(packet.subarray(12)) });
  }
  const major = code >>> 16;
  if (major !== 3) {
    return fatal(
      "0A000",
      `protocol version ${major}.${code & 0xffff} is not served`,
      "Use a client that speaks version 3.",
    );
  }
  return readStartup(packet, code & 0xffff);
}

function readStartup(packet: Buffer, askedMinor: number): Result<StartupRequest, Report> {
  const body = new BodyReader(packet, 8, packet.length);
  const seen = new Map<string, string>();
  for (;;) {
    const name = body.cstring();
    if (body.broken) return fatal("08P01", "the startup packet does not end as it should");
    if (name === "") break;
    const value = body.cstring();
    if (body.broken) return fatal("08P01", "the startup packet does not end as it should");
    if (seen.has(name)) return fatal("08P01", `startup parameter ${JSON.stringify(name)} is given twice`);
    if (seen.size >= STARTUP_PARAMETERS_MAX)
      return fatal("08P01", `more than ${STARTUP_PARAMETERS_MAX} startup parameters`);
    seen.set(name, value);
  }
  if (body.left !== 0) return fatal("08P01", "the startup packet has bytes after its end");
  const user = seen.get("user") ?? "";
  if (user === "") return fatal("28000", "no user name is given", "Give your own name: user=NAME.");
  const settings: [string, string][] = [];
  const unknownOptions: string[] = [];
  for (const [name, value] of seen) {
    if (name === "user" || name === "database") continue;
    if (name.startsWith("_pq_.")) unknownOptions.push(name);
    else if (name === "options") {
      const options = readOptions(value);
      if (!options.ok) return options;
      settings.push(...options.value);
    } else if (name === "replication") {
      if (!["", "false", "off", "no", "0"].includes(value.toLowerCase())) {
        return fatal("0A000", "replication is refused, for it sends rows that no statement names");
      }
    } else settings.push([name, value]);
  }
  for (const [name, value] of settings) {
    const refusal = settingRefusal(name, value);
    if (refusal !== null)
      return fatal("0A000", refusal, "Leave the setting out, or set it after connecting if your policy allows that.");
  }
  return ok({
    kind: "startup",
    minor: Math.min(askedMinor, MINOR_VERSION_MAX),
    askedMinor,
    user,
    database: seen.get("database") ?? user,
    application: seen.get("application_name") ?? "",
    settings: settings.filter(([name]) => name !== "application_name" && name !== "client_encoding"),
    unknownOptions,
  });
}

/** Settings a client may bring along: how values look and how long things may take, and where names are looked up. */
const SETTINGS_ALLOWED: ReadonlySet<string> = new Set([
  "application_name",
  "client_encoding",
  "client_min_messages",
  "datestyle",
  "default_transaction_deferrable",
  "default_transaction_isolation",
  "default_transaction_read_only",
  "extra_float_digits",
  "geqo",
  "idle_in_transaction_session_timeout",
  "idle_session_timeout",
  "intervalstyle",
  "jit",
  "lock_timeout",
  "search_path",
  "statement_timeout",
  "timezone",
  "transaction_timeout",
  "work_mem",
]);

function settingRefusal(name: string, value: string): string | null {
  const folded = name.toLowerCase();
  if (!SETTINGS_ALLOWED.has(folded)) return `startup parameter ${JSON.stringify(name)} is not allowed`;
  if (folded === "client_encoding") {
    const encoding = value.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
    if (encoding !== "utf8" && encoding !== "unicode" && encoding !== "auto") {
      return `client encoding ${JSON.stringify(value)} is not served; statements are read as UTF-8`;
    }
  }
  return null;
}

/** `-c name=value`, `-cname=value` and `--name=value`, with backslash escapes, as the server splits them. */
function readOptions(text: string): Result<readonly [string, string][], Report> {
  const words: string[] = [];
  let word = "";
  let inWord = false;
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!;
    if (/\s/.test(char)) {
      if (inWord) words.push(word);
      word = "";
      inWord = false;
      continue;
    }
    inWord = true;
    word += char === "\\" && i + 1 < text.length ? text[++i]! : char;
  }
  if (inWord) words.push(word);
  const settings: [string, string][] = [];
  for (let i = 0; i < words.length; i++) {
    const given = words[i]!;
    let assignment: string | undefined;
    if (given === "-c") assignment = words[++i];
    else if (given.startsWith("-c")) assignment = given.slice(2);
    else if (given.startsWith("--")) assignment = given.slice(2).replaceAll("-", "_");
    const equals = assignment?.indexOf("=") ?? -1;
    if (assignment === undefined || equals <= 0) {
      return fatal("0A000", `startup option ${JSON.stringify(given)} is not allowed`, "Only -c name=value is read.");
    }
    settings.push([assignment.slice(0, equals), assignment.slice(equals + 1)]);
  }
  return ok(settings);
}

/** A startup packet of ours, to the server. */
export function startupPacket(minor: number, parameters: readonly (readonly [string, string])[]): Buffer {
  const text = parameters.map(([name, value]) => `${name}\0${value}\0`).join("");
  const body = Buffer.from(`${text}\0`, "utf8");
  const out = Buffer.allocUnsafe(8 + body.length);
  out.writeInt32BE(out.length, 0);
  out.writeInt32BE((3 << 16) | minor, 4);
  body.copy(out, 8);
  return out;
}

export function sslRequest(): Buffer {
  const out = Buffer.allocUnsafe(8);
  out.writeInt32BE(8, 0);
  out.writeInt32BE(SSL_REQUEST, 4);
  return out;
}

export function cancelRequest(processId: number, key: Uint8Array): Buffer {
  const out = Buffer.allocUnsafe(12 + key.length);
  out.writeInt32BE(out.length, 0);
  out.writeInt32BE(CANCEL_REQUEST, 4);
  out.writeInt32BE(processId, 8);
  out.set(key, 12);
  return out;
}
