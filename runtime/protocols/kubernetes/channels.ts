import { isObject, type Json } from "./object.ts";

/** Channels of `v4.channel.k8s.io` and `v5.channel.k8s.io`: the first byte of each message says which. */
export const CHANNEL = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;

/** WebSocket protocols whose messages are read here. The older ones have no status at the end. */
export const STREAM_PROTOCOLS = ["v5.channel.k8s.io", "v4.channel.k8s.io"] as const;
export const speaksChannels = (protocol: string | undefined): boolean =>
  (STREAM_PROTOCOLS as readonly (string | undefined)[]).includes(protocol);

/** The protocol of a port-forward over SPDY/3.1. */
export const FORWARD_PROTOCOL = "portforward.k8s.io";

/** A message of the resize channel; null when it is none. */
export function readResize(text: string): { readonly columns: number; readonly rows: number } | null {
  const value = parse(text);
  if (!isObject(value)) return null;
  const { Width: columns, Height: rows } = value;
  return typeof columns === "number" && typeof rows === "number" ? { columns, rows } : null;
}

/** The exit status that a message of the error channel tells (a `Status`); null when it is none. */
export function exitOf(text: string): { readonly code: number | null; readonly text: string } | null {
  const value = parse(text);
  if (!isObject(value) || typeof value["status"] !== "string") return null;
  if (value["status"] === "Success") return { code: 0, text: "0" };
  const details = value["details"];
  const causes = isObject(details) && Array.isArray(details["causes"]) ? details["causes"] : [];
  for (const cause of causes)
    if (isObject(cause) && cause["reason"] === "ExitCode" && typeof cause["message"] === "string") {
      const code = Number(cause["message"]);
      if (Number.isInteger(code)) return { code, text: String(code) };
    }
  return { code: null, text: typeof value["message"] === "string" ? value["message"].slice(0, 200) : "failed" };
}

function parse(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return null;
  }
}
