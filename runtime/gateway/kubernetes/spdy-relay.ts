import { fieldOf } from "../../protocols/http/index.ts";
import {
  FORWARD_PROTOCOL,
  SpdyConversation,
  SpdyReader,
  SpdyWriter,
  speaksChannels,
  type SpdyFrame,
  type SpdyStream,
} from "../../protocols/kubernetes/index.ts";
import { WAITING_BYTES_MAX } from "../http/limits.ts";
import { DRAIN_MS } from "./limits.ts";
import { SpdyQueue } from "./spdy-queue.ts";
import { SpdyShown } from "./spdy-shown.ts";
import { Tunnel, type StreamRelayParts } from "./tunnel.ts";

/** What a GOAWAY says: all is well, or the other side broke the protocol. */
const GOAWAY = { ok: 0, protocolError: 1 } as const;

/**
 * Takes both sockets over after a 101 to SPDY/3.1. Frames are read, and written anew: of an exec or attach what comes back is
 * masked and recorded, a port-forward's data is counted.
 *
 * @returns null when it has begun, else why the target's answer is no good
 */
export function relaySpdy(parts: StreamRelayParts): string | null {
  const { head, ask } = parts;
  if ((fieldOf(head.fields, "upgrade") ?? "").toLowerCase() !== "spdy/3.1")
    return "it changed to another protocol than SPDY/3.1";
  const chosen = fieldOf(head.fields, "x-stream-protocol-version");
  if (!(ask.kind === "portforward" ? chosen === FORWARD_PROTOCOL : speaksChannels(chosen)))
    return "it chose no protocol of streams that was offered";
  new SpdyRelay(parts).begin();
  return null;
}

class SpdyRelay extends Tunnel {
  readonly #conversation: SpdyConversation;
  readonly #fromClient = new SpdyReader();
  readonly #fromTarget = new SpdyReader();
  readonly #clientWriter = new SpdyWriter();
  readonly #targetWriter = new SpdyWriter();
  readonly #queue: SpdyQueue;
  /** What an exec shows; null for a port-forward. */
  readonly #shown: SpdyShown | null;
  /** Why it ends once what waits has gone on to the client. */
  #ending: string | null = null;

  constructor(parts: StreamRelayParts) {
    super(parts, "SPDY/3.1");
    const forwards = parts.ask.kind === "portforward";
    this.#conversation = new SpdyConversation(forwards ? "portforward" : "exec");
    this.#queue = new SpdyQueue(
      (frame) => this.#tellClient(frame),
      (frame) => this.#tellTarget(frame),
    );
    this.#shown = forwards ? null : new SpdyShown(parts, (id, data, fin, spent) => this.#show(id, data, fin, spent));
    this.#shown?.onFailure(() => this.stop("the recording can't be written"));
  }

  protected override onClient(chunk: Buffer): void {
    this.#take(chunk, "client");
  }

  protected override onTarget(chunk: Buffer): void {
    this.#take(chunk, "target");
  }

  // ---- frames --------------------------------------------------------------------------------------------------------

  #take(chunk: Buffer, from: "client" | "target"): void {
    const reader = from === "client" ? this.#fromClient : this.#fromTarget;
    for (const frame of reader.push(chunk)) {
      this.#frame(frame, from);
      if (this.over) return;
    }
    if (reader.fault !== null) return this.#fault(`the ${from} sent ${reader.fault}`);
    this.#press();
  }

  #frame(frame: SpdyFrame, from: "client" | "target"): void {
    const step = this.#conversation.step(frame, from);
    if (step.kind === "fault") return this.#fault(step.why);
    // What is late of all streams' window was spent all the same.
    if (step.kind === "late") {
      if (frame.kind === "data" && from === "target") this.#queue.late(frame.data.length);
      return;
    }
    if (from === "client") this.#clientSent(frame, step.stream);
    else this.#targetSent(frame, step.stream);
  }

  #clientSent(frame: SpdyFrame, stream: SpdyStream | null): void {
    const { windows } = this.#queue;
    switch (frame.kind) {
      case "syn_stream":
        windows.open(frame.stream);
        this.#shown?.opened(stream!);
        break;
      case "window_update": {
        const why = windows.granted(frame.stream, frame.delta);
        if (why !== null) return this.#fault(why);
        return this.#granted();
      }
      case "settings": {
        const why = windows.set(frame.entries);
        if (why !== null) return this.#fault(why);
        this.#tellTarget(frame);
        return this.#granted();
      }
      case "rst_stream":
        this.#shown?.dropped(frame.stream);
        this.#queue.drop(frame.stream);
        break;
      case "data":
        if (stream!.role === "resize") this.#shown?.resized(frame.data);
        break;
      case "goaway":
      case "ping":
      case "syn_reply":
        break;
    }
    this.#tellTarget(frame);
  }

  #granted(): void {
    this.#queue.run();
    if (this.#ending !== null && this.#queue.waiting === 0) return this.end(this.#ending);
    this.resumeTarget();
  }

  #targetSent(frame: SpdyFrame, stream: SpdyStream | null): void {
    switch (frame.kind) {
      case "data":
        if (this.#shown === null) this.#show(frame.stream, frame.data, frame.fin, frame.data.length);
        else this.#shown.data(stream!, frame.data, frame.fin);
        return;
      case "syn_reply":
        // What a server says of a stream beside that it takes it is of no use to anybody, and is not masked.
        return this.#tellClient({ ...frame, fields: new Map() });
      case "rst_stream":
        this.#shown?.flush();
        this.#queue.drop(frame.stream);
        break;
      case "goaway":
        this.#shown?.flush();
        break;
      default:
        break;
    }
    if (!this.over) this.#tellClient(frame);
  }

  /** Data of a stream as the client may see it; `spent`: what it was before it was masked. */
  #show(stream: number, data: Buffer, fin: boolean, spent: number): void {
    if (this.over) return;
    if (this.count(data.length)) this.#queue.put(stream, data, fin, spent);
  }

  #tellTarget(frame: SpdyFrame): void {
    this.toTarget(this.#targetWriter.write(frame));
  }

  #tellClient(frame: SpdyFrame): void {
    this.toClient(this.#clientWriter.write(frame));
  }

  /** Reads no more of the target while the client, its windows or the disk are behind. */
  #press(): void {
    if (!this.#pressed()) return;
    this.parts.connection.socket.pause();
    this.#shown?.whenReady(() => this.resumeTarget());
  }

  #pressed(): boolean {
    const waiting = this.#queue.waiting + this.parts.client.socket.writableLength;
    return waiting > WAITING_BYTES_MAX || this.#shown?.pressed === true;
  }

  protected override resumeTarget(): void {
    if (!this.#pressed()) super.resumeTarget();
  }

  // ---- the end -------------------------------------------------------------------------------------------------------

  #fault(why: string): void {
    this.#leave(why, GOAWAY.protocolError);
  }

  protected override stop(why: string): void {
    this.#leave(why, GOAWAY.ok);
  }

  /** The gateway ends it, and says why on the streams for errors. */
  #leave(why: string, status: number): void {
    if (this.over) return;
    const message = `sallyport: ${why}`;
    const { ask } = this.parts;
    for (const { id, role, replied, targetDone } of this.#conversation.streams) {
      if (role !== "error" || !replied || targetDone) continue;
      const text =
        ask.kind === "portforward"
          ? message
          : JSON.stringify({ metadata: {}, status: "Failure", message, reason: "Forbidden", code: 403 });
      this.#tellClient({ kind: "data", stream: id, fin: true, data: Buffer.from(text) });
    }
    this.#tellClient({ kind: "goaway", last: this.#conversation.last, status });
    this.#tellTarget({ kind: "goaway", last: 0, status: GOAWAY.ok });
    this.end(`ended by the gateway: ${why}`);
  }

  protected override targetEnded(why: string): void {
    if (this.over || this.#ending !== null) return;
    this.#shown?.flush();
    if (this.#queue.waiting === 0) return this.end(why);
    this.#ending = why;
    this.parts.session.service.clock.after(DRAIN_MS, () => this.end(why));
  }

  protected override finished(why: string): void {
    if (this.#shown === null) return super.finished(why);
    void this.#shown.end(why).then(({ whole, status, masked }) => {
      this.parts.ended(`${why}; exit ${status}`, this.bytes, masked, whole);
    });
  }
}
