import {
  OPCODE,
  Pings,
  WebSocketReader,
  closeFrame,
  fieldOf,
  webSocketFrame,
  type WebSocketMessage,
} from "../../protocols/http/index.ts";
import { CHANNEL, exitOf, readResize, speaksChannels } from "../../protocols/kubernetes/index.ts";
import { webSocketFault } from "../http/upgrade.ts";
import type { TextMask } from "../ssh/text-mask.ts";
import { HOLD_BACK_MS } from "./limits.ts";
import { StreamRecording } from "./recording.ts";
import { relaySpdy } from "./spdy-relay.ts";
import { Tunnel, type StreamRelayParts } from "./tunnel.ts";

/**
 * Takes both sockets over after a 101. Exec and attach over WebSocket are read channel by channel, masked and recorded; a
 * port-forward over WebSocket is passed on as bytes; SPDY/3.1 has its own relay.
 *
 * @returns null when it has begun, else why the target's answer is no good
 */
export function relayStreams(parts: StreamRelayParts): string | null {
  const { request, head, connection, ask } = parts;
  const upgrade = (fieldOf(head.fields, "upgrade") ?? "").toLowerCase();
  if (request.spdy) {
    const why = relaySpdy(parts);
    if (why !== null) return why;
  } else {
    const fault = webSocketFault(request, head, upgrade);
    if (fault !== null) return fault;
    if (ask.kind === "portforward") new Tunnel(parts, "websocket").begin();
    else {
      if (!speaksChannels(fieldOf(head.fields, "sec-websocket-protocol")))
        return "it chose no protocol of channels that can be recorded";
      new Channels(parts).begin();
    }
  }
  connection.freeWhenClosed();
  return null;
}

/** Codes that end a WebSocket (RFC 6455, section 7.4.1). */
const GOING_AWAY = 1001;
const PROTOCOL_ERROR = 1002;
const POLICY = 1008;

/** Exec and attach over `v5.channel.k8s.io` and `v4.channel.k8s.io`. */
class Channels extends Tunnel {
  readonly #fromClient = new WebSocketReader(true);
  readonly #fromTarget = new WebSocketReader(false);
  readonly #pings = new Pings();
  readonly #masks: ReadonlyMap<number, TextMask>;
  readonly #recording: StreamRecording;
  #exit = "";
  #callOff: (() => void) | null = null;

  constructor(parts: StreamRelayParts) {
    super(parts, "websocket");
    const masks = new Map<number, TextMask>();
    for (const channel of [CHANNEL.stdout, CHANNEL.stderr]) {
      const mask = parts.mask();
      if (mask !== null) masks.set(channel, mask);
    }
    this.#masks = masks;
    this.#recording = new StreamRecording(parts);
    this.#recording.recording.onFailure(() => this.stop("the recording can't be written"));
  }

  protected override onClient(chunk: Buffer): void {
    for (const message of this.#fromClient.push(chunk)) {
      if (this.over) return;
      const { opcode, data } = message;
      if (opcode < 8 && data[0] === CHANNEL.resize) {
        const size = readResize(data.toString("utf8", 1));
        if (size !== null) this.#recording.recording.resized(size.columns, size.rows);
      }
      const sent = opcode >= OPCODE.ping ? this.#pings.instead("client", message) : data;
      this.toTarget(webSocketFrame(opcode, sent, this.parts.session.service.random.bytes(4)));
    }
    if (this.#fromClient.fault !== null) this.#fault(this.#fromClient.fault);
  }

  protected override onTarget(chunk: Buffer): void {
    for (const message of this.#fromTarget.push(chunk)) {
      if (this.over) return;
      this.#message(message);
    }
    if (this.#fromTarget.fault !== null) return this.#fault(`the target: ${this.#fromTarget.fault}`);
    const { recording } = this.#recording;
    if (!recording.pressed) return;
    // What is shown must not run ahead of what is kept.
    this.parts.connection.socket.pause();
    recording.whenReady(() => this.resumeTarget());
  }

  protected override resumeTarget(): void {
    if (!this.#recording.recording.pressed) super.resumeTarget();
  }

  #message({ opcode, data }: WebSocketMessage): void {
    const channel = data[0];
    if (opcode >= OPCODE.ping) {
      const sent = this.#pings.instead("target", { opcode, data });
      return this.toClient(webSocketFrame(opcode, sent, null));
    }
    // An empty message on a channel tells that it is open.
    if (opcode >= 8 || data.length <= 1) {
      if (opcode === OPCODE.close) this.#flush();
      // Under a mask the reason of an end is not shown: it could be any text.
      const shown = opcode === OPCODE.close && this.#masks.size > 0 ? data.subarray(0, 2) : data;
      return this.toClient(webSocketFrame(opcode, shown, null));
    }
    if (channel === CHANNEL.stdout || channel === CHANNEL.stderr) {
      const mask = this.#masks.get(channel);
      const shown = mask === undefined ? data.subarray(1) : mask.push(data.subarray(1));
      this.#show(channel, shown);
      this.#later();
      return;
    }
    if (channel !== CHANNEL.error && channel !== CHANNEL.close)
      return this.#fault(`the target: a message on the unknown channel ${channel}`);
    if (channel === CHANNEL.error) {
      this.#flush();
      const exit = exitOf(data.toString("utf8", 1));
      if (exit !== null) this.#exit = exit.text;
    }
    this.toClient(webSocketFrame(opcode, data, null));
  }

  #show(channel: number, shown: Buffer): void {
    if (shown.length === 0 || this.over) return;
    if (!this.count(shown.length)) return;
    this.#recording.recording.output(shown, channel === CHANNEL.stdout ? "out" : "err");
    this.toClient(webSocketFrame(OPCODE.binary, Buffer.concat([Buffer.from([channel]), shown]), null));
  }

  /** Shows what is held back once nothing more came for a moment. */
  #later(): void {
    this.#callOff?.();
    this.#callOff = null;
    if (![...this.#masks.values()].some((mask) => mask.held > 0)) return;
    this.#callOff = this.parts.session.service.clock.after(HOLD_BACK_MS, () => this.#flush());
  }

  #flush(): void {
    this.#callOff?.();
    this.#callOff = null;
    for (const [channel, mask] of this.#masks) this.#show(channel, mask.flush());
  }

  #fault(why: string): void {
    this.#close(PROTOCOL_ERROR, why);
  }

  protected override stop(why: string): void {
    this.#close(POLICY, why);
  }

  #close(code: number, why: string): void {
    if (this.over) return;
    const { client, connection, session } = this.parts;
    client.socket.write(closeFrame(code, `sallyport: ${why}`, null));
    connection.socket.write(closeFrame(GOING_AWAY, "ended by the gateway", session.service.random.bytes(4)));
    this.end(`ended by the gateway: ${why}`);
  }

  protected override targetEnded(why: string): void {
    this.#flush();
    this.end(why);
  }

  protected override finished(why: string): void {
    this.#callOff?.();
    const masked = [...new Set([...this.#masks.values()].flatMap((mask) => mask.masked))];
    const status = this.#exit === "" ? why : this.#exit;
    void this.#recording
      .end(status)
      .then((whole) => this.parts.ended(`${why}; exit ${status}`, this.bytes, masked, whole));
  }
}
