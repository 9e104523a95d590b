import { recordMessage, type BodyMasks } from "../../enforce/mask/index.ts";
import {
  OPCODE,
  WebSocketReader,
  acceptOf,
  closeFrame,
  fieldOf,
  forwardedAnswer,
  isWebSocketKey,
  jsonTransform,
  webSocketFrame,
  type Field,
  type Inspection,
  type NormalRequest,
  type ResponseHead,
  type WebSocketMessage,
} from "../../protocols/http/index.ts";
import type { Judgement } from "../../session/index.ts";
import type { ClientConnection } from "./client.ts";
import { WAITING_BYTES_MAX } from "./limits.ts";
import type { WebSession } from "./session.ts";
import type { UpstreamConnection } from "./upstream.ts";

export interface WebSocketParts {
  readonly client: ClientConnection;
  readonly connection: UpstreamConnection;
  readonly request: NormalRequest;
  readonly head: ResponseHead;
  readonly session: WebSession;
  readonly judged: Judgement;
  readonly masks: BodyMasks | null;
  readonly inspection: Inspection;
  /** Called once, when the conversation is over. */
  readonly ended: (why: string, bytes: number, masked: readonly string[]) => void;
}

/** Codes that end a conversation (RFC 6455, section 7.4.1). */
const PROTOCOL_ERROR = 1002;
const POLICY = 1008;

/**
 * Takes both sockets over after a 101. Every message is read, recorded, masked on its way to the client, and framed anew; one
 * that can't be read while a mask applies ends the conversation.
 *
 * @returns null when it has begun, else why the target's answer is no good
 */
export function relayWebSocket(parts: WebSocketParts): string | null {
  const { client, connection, request, head } = parts;
  const key = request.byName.get("sec-websocket-key");
  if (key === undefined || !isWebSocketKey(key)) return "the client's WebSocket key is not good";
  if (fieldOf(head.fields, "sec-websocket-accept") !== acceptOf(key))
    return "it accepted the WebSocket with the wrong key";
  if ((fieldOf(head.fields, "upgrade") ?? "").toLowerCase() !== "websocket")
    return "it changed to another protocol than WebSocket";
  if (fieldOf(head.fields, "sec-websocket-extensions") !== undefined)
    return "it uses a WebSocket extension that was not asked for";
  const chosen = fieldOf(head.fields, "sec-websocket-protocol");
  const offered = (request.byName.get("sec-websocket-protocol") ?? "").split(",").map((one) => one.trim());
  if (chosen !== undefined && !offered.includes(chosen)) return "it chose a WebSocket protocol that was not offered";
  new WebSocketRelay(parts).begin();
  connection.freeWhenClosed();
  void client;
  return null;
}

class WebSocketRelay {
  readonly #parts: WebSocketParts;
  readonly #fromClient = new WebSocketReader(true);
  readonly #fromTarget = new WebSocketReader(false);
  readonly #masked = new Set<string>();
  #bytes = 0;
  #over = false;

  constructor(parts: WebSocketParts) {
    this.#parts = parts;
  }

  begin(): void {
    const { client, connection, head } = this.#parts;
    const rest = client.takeOver();
    client.onGone = () => this.#end("the client left");
    const fields: Field[] = [...forwardedAnswer(head.fields), ["connection", "Upgrade"], ["upgrade", "websocket"]];
    client.socket.write(
      `HTTP/1.1 101 Switching Protocols\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`,
      "latin1",
    );
    const { socket } = connection;
    for (const event of ["data", "end", "close", "error", "drain"]) socket.removeAllListeners(event);
    socket.on("error", () => this.#end("the target's connection failed"));
    socket.on("end", () => this.#end("the target closed the connection"));
    socket.on("close", () => this.#end("the target's connection closed"));
    socket.on("data", (chunk: Buffer) => this.#onTarget(chunk));
    client.socket.on("data", (chunk: Buffer) => this.#onClient(chunk));
    socket.on("drain", () => client.socket.resume());
    client.socket.on("drain", () => socket.resume());
    client.socket.resume();
    if (rest.length > 0) this.#onClient(rest);
  }

  #onClient(chunk: Buffer): void {
    if (this.#over) return;
    const { connection, client } = this.#parts;
    for (const message of this.#fromClient.push(chunk)) {
      if (this.#over) return;
      if (!this.#record(message, "message")) return;
      this.#send(connection.socket, message, true);
    }
    if (this.#fromClient.fault !== null) return this.#stop(PROTOCOL_ERROR, this.#fromClient.fault);
    if (connection.socket.writableLength > WAITING_BYTES_MAX) client.socket.pause();
  }

  #onTarget(chunk: Buffer): void {
    if (this.#over) return;
    const { connection, client } = this.#parts;
    for (const message of this.#fromTarget.push(chunk)) {
      if (this.#over) return;
      const shown = this.#mask(message);
      if (typeof shown === "string") return this.#stop(POLICY, shown);
      if (!this.#record(message, "answer")) return;
      this.#bytes += shown.data.length;
      const limit = this.#parts.judged.decision.byteLimit;
      if (limit !== null && this.#bytes > limit)
        return this.#stop(POLICY, `more than the ${limit} bytes that a rule allows`);
      this.#send(client.socket, shown, false);
    }
    if (this.#fromTarget.fault !== null) return this.#stop(PROTOCOL_ERROR, `the target: ${this.#fromTarget.fault}`);
    if (client.socket.writableLength > WAITING_BYTES_MAX) connection.socket.pause();
  }

  /** A message as the client may see it; in words why it may not be shown. */
  #mask(message: WebSocketMessage): WebSocketMessage | string {
    const { masks } = this.#parts;
    if (masks === null || message.opcode >= 8 || (!masks.readsFields && masks.scan === null)) return message;
    const rules = masks.rules.join(", ");
    if (masks.typeFields.length > 0) return `GraphQL over WebSocket can't be masked, and mask ${rules} applies`;
    if (message.opcode === OPCODE.binary) return `a binary message can't be masked, and mask ${rules} applies`;
    const transform = jsonTransform(masks, masks.places, false);
    const out = Buffer.concat([transform.push(message.data), transform.end()]);
    if (transform.fault === null) {
      for (const label of transform.masked()) this.#masked.add(label);
      return { opcode: message.opcode, data: out };
    }
    if (masks.readsFields) return `a message that is no JSON can't be masked, and mask ${rules} applies`;
    const text = message.data.toString("utf8");
    const made = masks.scan!(text);
    if (made !== text) this.#masked.add("values detected");
    return { opcode: message.opcode, data: Buffer.from(made) };
  }

  /** Records a message before it goes on. False: that can't be done, so nothing goes on any more. */
  #record({ opcode, data }: WebSocketMessage, phase: "message" | "answer"): boolean {
    if (opcode !== OPCODE.text && opcode !== OPCODE.binary) return true;
    const { session, judged } = this.#parts;
    const { service, target, enforcer } = session;
    const anybody = service.masksOfAnybody(judged.bundle, target.protocol);
    const text = recordMessage(
      opcode === OPCODE.text ? data.toString("utf8") : `«${data.length} bytes»`,
      opcode === OPCODE.text ? anybody : null,
    );
    const recorded = enforcer.record(judged, { phase, text, kinds: ["websocket"], refused: null, exact: data });
    if (recorded !== null) return true;
    this.#stop(1011, "the record can't be written");
    return false;
  }

  #send(socket: UpstreamConnection["socket"], { opcode, data }: WebSocketMessage, masked: boolean): void {
    const key = masked ? this.#parts.session.service.random.bytes(4) : null;
    socket.write(webSocketFrame(opcode, data, key));
    if (opcode === OPCODE.close) socket.end();
  }

  /** Ends it with a reason for both sides. */
  #stop(code: number, why: string): void {
    const { client, connection, session } = this.#parts;
    client.socket.write(closeFrame(code, `sallyport: ${why}`, null));
    connection.socket.write(
      closeFrame(code === POLICY ? POLICY : 1001, "ended by the gateway", session.service.random.bytes(4)),
    );
    this.#end(`ended by the gateway: ${why}`);
  }

  #end(why: string): void {
    if (this.#over) return;
    this.#over = true;
    const { client, connection, ended } = this.#parts;
    client.onGone = null;
    connection.socket.end();
    client.socket.end();
    this.#parts.session.service.clock.after(2_000, () => {
      connection.destroy();
      client.socket.destroy();
    });
    ended(why, this.#bytes, [...this.#masked]);
  }
}
