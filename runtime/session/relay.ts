import type { Socket, TLSSocket } from "../outside/net.ts";
import type { MaskSecrets } from "../enforce/mask/index.ts";
import type { ActionHost, Wire } from "../protocols/index.ts";
import { PostgresMachine, ServerSide } from "../protocols/postgres/index.ts";
import type { Recorder } from "../record/index.ts";
import { Gate } from "./gate.ts";
import type { ReadBuffer } from "./read-buffer.ts";

/** Bytes that may wait for the target before the client is no longer read. */
const UPSTREAM_BYTES_MAX = 1024 * 1024;
/** Time for last bytes to reach the client before its socket is dropped. */
const LINGER_MS = 5_000;

export interface RelayParts {
  readonly client: Socket | TLSSocket;
  readonly upstream: Socket | TLSSocket;
  /** Memory that `upstream` is read into when it is a plain socket; then it sends no `data` events. */
  readonly buffer: ReadBuffer;
  readonly host: (machine: () => PostgresMachine) => ActionHost;
  readonly recorder: Recorder;
  readonly secrets: MaskSecrets;
  /** Resolves once the target has been told; never rejects. */
  readonly cancelUpstream: () => Promise<void>;
  readonly after: (ms: number, call: () => void) => () => void;
  /** Called once, with why the session ended. */
  readonly ended: (why: string) => void;
}

/**
 * Moves bytes between two sockets and a session's machine, with back-pressure both ways. The target is read into one buffer,
 * which is read into again only when the client's socket has taken what was made of it; so a result of any size passes in
 * flat memory.
 */
export class Relay {
  readonly machine: PostgresMachine;
  readonly #parts: RelayParts;
  readonly #host: ActionHost;
  readonly #gate: Gate;
  #ended = false;
  #clientPaused = false;
  #writing = false;

  constructor(parts: RelayParts) {
    this.#parts = parts;
    this.#gate = new Gate(
      parts.recorder,
      (bytes) => this.#toUpstream(bytes),
      () => this.end("the record can't be written"),
    );
    const wire: Wire = {
      toClient: (bytes) => void parts.client.write(bytes),
      toServer: (bytes, index) => this.#gate.write(bytes, index),
      cancelUpstream: () => this.#gate.holdUntil(parts.cancelUpstream()),
      close: (why) => this.end(why),
    };
    this.#host = parts.host(() => this.machine);
    this.machine = new PostgresMachine(this.#host, wire, parts.secrets);
    this.#listen();
  }

  #listen(): void {
    const { client, upstream } = this.#parts;
    client.on("data", (chunk: Buffer) => this.#fromClient(chunk));
    client.on("end", () => this.end("the client closed the connection"));
    client.on("close", () => this.end("the client's connection closed"));
    client.on("error", (fault: Error) => this.end(`the client's connection failed: ${fault.message}`));
    upstream.on("data", (chunk: Buffer) => this.#fromUpstreamChunk(chunk));
    upstream.on("drain", () => this.#resumeClient());
    const gone = (why: string) => (): void => {
      if (this.#ended) return;
      const interrupted = this.machine.serverGone();
      this.end(interrupted ? `${why} in the middle of a result` : why);
    };
    upstream.on("end", gone("the target closed the connection"));
    upstream.on("close", gone("the target's connection closed"));
    upstream.on("error", (fault: Error) => gone(`the target's connection failed: ${fault.message}`)());
    client.resume();
  }

  #fromClient(chunk: Buffer): void {
    if (this.#ended) return;
    this.machine.fromClient(chunk);
    this.#balance();
  }

  /** Stops reading the client while it is ahead of the target, or of a decision. */
  #balance(): void {
    const { client, upstream } = this.#parts;
    const pause = !this.machine.wantsClient || upstream.writableLength > UPSTREAM_BYTES_MAX;
    if (pause === this.#clientPaused) return;
    this.#clientPaused = pause;
    if (pause) client.pause();
    else client.resume();
  }

  #resumeClient(): void {
    if (this.#clientPaused && !this.#ended) this.#balance();
  }

  #toUpstream(bytes: Buffer): void {
    if (!this.#ended || this.#parts.upstream.writable) this.#parts.upstream.write(bytes);
  }

  /** `count` bytes were read into the buffer. False: read no more until the client has taken what came of them. */
  fromUpstream(count: number): boolean {
    const { buffer, client } = this.#parts;
    buffer.filled(count);
    if (this.#ended) return false;
    const need = ServerSide.need(buffer.bytes, buffer.start, buffer.end);
    // A message that is large and not whole yet is looked at again only when it can be, or when its first part may pass.
    if (buffer.end - buffer.start < Math.min(need, 5)) return true;
    buffer.consumed(this.machine.fromServer(buffer.bytes, buffer.start, buffer.end));
    if (this.#clientPaused) this.#balance();
    if (client.writableLength === 0) return true;
    this.#waitForClient(() => this.#parts.upstream.resume());
    return false;
  }

  /** Where the next bytes of the target go. */
  room(): Buffer {
    const { buffer } = this.#parts;
    return buffer.room(ServerSide.need(buffer.bytes, buffer.start, buffer.end));
  }

  /** For sockets that hand their bytes out in memory of their own (TLS). */
  #fromUpstreamChunk(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && !this.#ended) {
      const room = this.room();
      const count = chunk.copy(room, 0, at);
      at += count;
      this.#parts.buffer.filled(count);
      const { buffer } = this.#parts;
      buffer.consumed(this.machine.fromServer(buffer.bytes, buffer.start, buffer.end));
      if (this.#parts.client.writableLength > 0) {
        // The client's socket still holds views of both buffers: the rest goes into new ones.
        buffer.renew();
        this.machine.releaseOutput();
      }
    }
    if (this.#clientPaused) this.#balance();
    if (this.#parts.client.writableLength > 0) {
      this.#parts.upstream.pause();
      this.#waitForClient(() => this.#parts.upstream.resume());
    }
  }

  /** Bytes of the target that were read before the session began. */
  begin(early: Buffer): void {
    if (early.length > 0) this.#fromUpstreamChunk(early);
  }

  #waitForClient(then: () => void): void {
    if (this.#writing) return;
    this.#writing = true;
    // An empty write is called back when everything before it is written.
    this.#parts.client.write(EMPTY, () => {
      this.#writing = false;
      if (!this.#ended) then();
    });
  }

  end(why: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#host.withdraw("disconnected");
    this.machine.serverGone();
    const { client, upstream } = this.#parts;
    client.end();
    upstream.end();
    this.#parts.after(LINGER_MS, () => {
      client.destroy();
      upstream.destroy();
    });
    this.#parts.ended(why);
  }
}

const EMPTY = Buffer.alloc(0);
