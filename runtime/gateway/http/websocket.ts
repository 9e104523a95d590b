import { recordMessage, type BodyMasks } from "../../enforce/mask/index.ts";
import {
  OPCODE,
  Pings,
  WebSocketReader,
  closeData,
  closeFrame,
  jsonTransform,
  readClose,
  type Inspection,
  type NormalRequest,
  type WebSocketMessage,
  type WebSocketSide,
} from "../../protocols/http/index.ts";
import type { Refusal } from "../../protocols/index.ts";
import type { Judgement } from "../../session/index.ts";
import { LINGER_MS } from "./limits.ts";
import { MessageWay } from "./message-way.ts";
import type { WebSession } from "./session.ts";
import { Standing } from "./standing.ts";
import { joinSockets, partSockets, webSocketFault, type Upgraded } from "./upgrade.ts";

export interface WebSocketParts extends Upgraded {
  readonly request: NormalRequest;
  readonly session: WebSession;
  readonly judged: Judgement;
  readonly masks: BodyMasks | null;
  readonly inspection: Inspection;
  /** Called once, when the conversation is over. */
  readonly ended: (why: string, bytes: number, masked: readonly string[]) => void;
}

/** Codes that end a conversation (RFC 6455, section 7.4.1). */
const GOING_AWAY = 1001;
const PROTOCOL_ERROR = 1002;
const POLICY = 1008;
const INTERNAL = 1011;

/**
 * Takes both sockets over after a 101. Every message is read, recorded, masked on its way to the client, framed anew, and sent
 * once its record is durable; one that can't be read while a mask applies ends the conversation, and so does the first one
 * that the policy would not let pass any more.
 *
 * @returns null when it has begun, else why the target's answer is no good
 */
export function relayWebSocket(parts: WebSocketParts): string | null {
  const fault = webSocketFault(parts.request, parts.head);
  if (fault !== null) return fault;
  new WebSocketRelay(parts).begin();
  parts.connection.freeWhenClosed();
  return null;
}

class WebSocketRelay {
  readonly #parts: WebSocketParts;
  readonly #standing: Standing;
  readonly #fromClient = new WebSocketReader(true);
  readonly #fromTarget = new WebSocketReader(false);
  readonly #toClient: MessageWay;
  readonly #toTarget: MessageWay;
  readonly #masked = new Set<string>();
  readonly #pings = new Pings();
  #bytes = 0;
  /** Why nothing more is read: it is over once what waits is sent. */
  #closing: string | null = null;
  #over = false;

  constructor(parts: WebSocketParts) {
    this.#parts = parts;
    const { session, judged, inspection, client, connection } = parts;
    const { random, recorder } = session.service;
    this.#standing = new Standing(session.enforcer, judged, inspection);
    const failed = (): void => this.#lost();
    const idle = (): void => this.#settle();
    const [near, far] = [client.socket, connection.socket];
    this.#toTarget = new MessageWay({ recorder, from: near, to: far, key: () => random.bytes(4), failed, idle });
    this.#toClient = new MessageWay({ recorder, from: far, to: near, key: null, failed, idle });
  }

  begin(): void {
    const leave = (why: string): void => this.#close(why);
    joinSockets(this.#parts, "websocket", {
      onClient: (chunk) => this.#read(chunk, "client"),
      onTarget: (chunk) => this.#read(chunk, "target"),
      clientDrained: () => this.#toClient.drained(),
      targetDrained: () => this.#toTarget.drained(),
      clientLeft: leave,
      targetLeft: leave,
      targetFailed: leave,
    });
  }

  #read(chunk: Buffer, side: WebSocketSide): void {
    if (this.#closing !== null) return;
    const reader = side === "client" ? this.#fromClient : this.#fromTarget;
    for (const message of reader.push(chunk)) {
      if (this.#closing !== null) return;
      this.#pass(message, side);
    }
    if (reader.fault !== null)
      this.#stop(PROTOCOL_ERROR, side === "client" ? reader.fault : `the target: ${reader.fault}`);
  }

  #pass(message: WebSocketMessage, side: WebSocketSide): void {
    const { opcode } = message;
    const way = side === "client" ? this.#toTarget : this.#toClient;
    if (way.closed) return;
    if (opcode === OPCODE.ping || opcode === OPCODE.pong)
      return way.send(opcode, this.#pings.instead(side, message), null);
    const why = opcode === OPCODE.close ? null : this.#standing.fault();
    if (why !== null) {
      if (side === "client") this.#record(message, side, why.message);
      return this.#refuse(why);
    }
    const shown = side === "client" ? message : this.#mask(message);
    if (typeof shown === "string") return this.#stop(POLICY, shown);
    const index = this.#record(message, side, null);
    if (index === "lost") return this.#lost();
    if (side === "target" && opcode !== OPCODE.close) {
      this.#bytes += shown.data.length;
      const limit = this.#parts.judged.decision.byteLimit;
      if (limit !== null && this.#bytes > limit)
        return this.#stop(POLICY, `more than the ${limit} bytes that a rule allows`);
    }
    way.send(opcode, shown.data, index);
  }

  /** A message as the client may see it; in words why it may not be shown. */
  #mask(message: WebSocketMessage): WebSocketMessage | string {
    const { masks } = this.#parts;
    if (masks === null || (!masks.readsFields && masks.scan === null)) return message;
    if (message.opcode === OPCODE.close) return { opcode: OPCODE.close, data: this.#maskClose(message.data, masks) };
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
    return { opcode: message.opcode, data: Buffer.from(this.#scan(message.data.toString("utf8"), masks)) };
  }

  /** Of the end of a conversation the code stays; its reason is a text like others. */
  #maskClose(data: Buffer, masks: BodyMasks): Buffer {
    const { code, reason } = readClose(data);
    if (code === null || reason === "") return data;
    if (!masks.readsFields) return closeData(code, this.#scan(reason, masks));
    this.#masked.add("the reason of the end");
    return closeData(code, "");
  }

  #scan(text: string, masks: BodyMasks): string {
    const made = masks.scan === null ? text : masks.scan(text);
    if (made !== text) this.#masked.add("values detected");
    return made;
  }

  /** Records a message before it goes on. Null: there is nothing in it to record. */
  #record({ opcode, data }: WebSocketMessage, side: WebSocketSide, refused: string | null): number | null | "lost" {
    const { session, judged } = this.#parts;
    const { service, target, enforcer } = session;
    const reason = opcode === OPCODE.close ? readClose(data).reason : null;
    if (reason === "") return null;
    const anybody = service.masks.ofAnybody(this.#standing.bundle, target.protocol);
    const text =
      opcode === OPCODE.binary
        ? recordMessage(`«${data.length} bytes»`, null)
        : recordMessage(reason ?? data.toString("utf8"), anybody);
    const phase = side === "client" ? "message" : "answer";
    return enforcer.record(judged, { phase, text, kinds: ["websocket"], refused, exact: data }) ?? "lost";
  }

  #refuse({ message, hint }: Refusal): void {
    if (this.#parts.session.service.recorder.failed !== null) return this.#lost();
    this.#stop(POLICY, hint === undefined ? message : `${message}. ${hint}`);
  }

  /** Ends it with a reason for both sides, behind what they were sent before. */
  #stop(code: number, why: string): void {
    if (this.#closing !== null) return;
    this.#toClient.send(OPCODE.close, closeData(code, `sallyport: ${why}`), null);
    this.#toTarget.send(OPCODE.close, closeData(code === POLICY ? POLICY : GOING_AWAY, "ended by the gateway"), null);
    this.#close(`ended by the gateway: ${why}`);
  }

  /** The record can't be written: nothing goes on any more, not even what waits. */
  #lost(): void {
    if (this.#over) return;
    const { client, connection, session } = this.#parts;
    const why = "the record can't be written";
    this.#toClient.shut();
    this.#toTarget.shut();
    client.socket.write(closeFrame(INTERNAL, `sallyport: ${why}`, null));
    connection.socket.write(closeFrame(GOING_AWAY, "ended by the gateway", session.service.random.bytes(4)));
    this.#close(`ended by the gateway: ${why}`);
  }

  #close(why: string): void {
    this.#closing ??= why;
    this.#settle();
  }

  #settle(): void {
    if (this.#closing === null || this.#over || !this.#toClient.idle || !this.#toTarget.idle) return;
    this.#over = true;
    this.#toClient.shut();
    this.#toTarget.shut();
    partSockets(this.#parts, this.#parts.session.service.clock, LINGER_MS);
    this.#parts.ended(this.#closing, this.#bytes, [...this.#masked]);
  }
}
