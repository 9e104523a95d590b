import {
  acceptOf,
  fieldOf,
  forwardedAnswer,
  isWebSocketKey,
  type Field,
  type NormalRequest,
  type ResponseHead,
} from "../../protocols/http/index.ts";
import type { Clock } from "../../outside/index.ts";
import type { ClientConnection } from "./client.ts";
import type { UpstreamConnection } from "./upstream.ts";

/**
 * Why a target's 101 is no answer to a request for a WebSocket; null when it is (RFC 6455, section 4.1).
 *
 * @param upgrade what it changed to, in lower case
 */
export function webSocketFault(
  request: NormalRequest,
  head: ResponseHead,
  upgrade = (fieldOf(head.fields, "upgrade") ?? "").toLowerCase(),
): string | null {
  const key = request.byName.get("sec-websocket-key");
  if (key === undefined || !isWebSocketKey(key)) return "the client's WebSocket key is not good";
  if (fieldOf(head.fields, "sec-websocket-accept") !== acceptOf(key))
    return "it accepted the WebSocket with the wrong key";
  if (upgrade !== "websocket") return "it changed to another protocol than WebSocket";
  if (fieldOf(head.fields, "sec-websocket-extensions") !== undefined)
    return "it uses a WebSocket extension that was not asked for";
  const chosen = fieldOf(head.fields, "sec-websocket-protocol");
  const offered = (request.byName.get("sec-websocket-protocol") ?? "").split(",").map((one) => one.trim());
  if (chosen !== undefined && !offered.includes(chosen)) return "it chose a WebSocket protocol that was not offered";
  return null;
}

/** The two connections of an upgrade, and what the target said to it. */
export interface Upgraded {
  readonly client: ClientConnection;
  readonly connection: UpstreamConnection;
  readonly head: ResponseHead;
}

/** What becomes of what both sides say. */
export interface UpgradeEnds {
  readonly onClient: (chunk: Buffer) => void;
  readonly onTarget: (chunk: Buffer) => void;
  /** What was written to that side went out, and more may come. */
  readonly clientDrained: () => void;
  readonly targetDrained: () => void;
  readonly clientLeft: (why: string) => void;
  readonly targetLeft: (why: string) => void;
  readonly targetFailed: (why: string) => void;
}

/** Tells the client of the upgrade, and takes both sockets over. */
export function joinSockets({ client, connection, head }: Upgraded, upgrade: string, ends: UpgradeEnds): void {
  const rest = client.takeOver();
  client.onGone = () => ends.clientLeft("the client left");
  const fields: Field[] = [...forwardedAnswer(head.fields), ["connection", "Upgrade"], ["upgrade", upgrade]];
  client.socket.write(
    `HTTP/1.1 101 Switching Protocols\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`,
    "latin1",
  );
  const { socket } = connection;
  for (const event of ["data", "end", "close", "error", "drain"]) socket.removeAllListeners(event);
  socket.on("error", () => ends.targetFailed("the target's connection failed"));
  socket.on("end", () => ends.targetLeft("the target closed the connection"));
  socket.on("close", () => ends.targetLeft("the target's connection closed"));
  socket.on("data", (chunk: Buffer) => ends.onTarget(chunk));
  client.socket.on("data", (chunk: Buffer) => ends.onClient(chunk));
  socket.on("drain", () => ends.targetDrained());
  client.socket.on("drain", () => ends.clientDrained());
  client.socket.resume();
  if (rest.length > 0) ends.onClient(rest);
}

/** Ends both connections behind what was written; after `ms` they are cut. */
export function partSockets(
  { client, connection }: Pick<Upgraded, "client" | "connection">,
  clock: Clock,
  ms: number,
): void {
  client.onGone = null;
  connection.socket.end();
  client.socket.end();
  clock.after(ms, () => {
    connection.destroy();
    client.socket.destroy();
  });
}
