import type { Socket } from "../../outside/index.ts";
import { OPCODE, webSocketFrame } from "../../protocols/http/index.ts";
import type { Recorder } from "../../record/index.ts";
import { Gate } from "../../session/index.ts";
import { WAITING_BYTES_MAX } from "./limits.ts";

export interface MessageWayParts {
  readonly recorder: Recorder;
  readonly from: Socket;
  readonly to: Socket;
  /** Makes the key that a frame is masked with; null: it is a server's. */
  readonly key: (() => Buffer) | null;
  /** The record of a message can't be kept: neither it nor what is behind it goes on. */
  readonly failed: () => void;
  /** Nothing waits any more. */
  readonly idle: () => void;
}

/**
 * The messages of a WebSocket on their way to one side: in order, each once its record is durable. While too much waits for
 * that, or for the socket, nothing more is read of the other side.
 */
export class MessageWay {
  readonly #parts: MessageWayParts;
  readonly #gate: Gate;
  /** Bytes that wait for the record. */
  #held = 0;
  /** The last entry of the record that something waited for: what needs none keeps its place behind it. */
  #index = -1;
  #closed = false;
  #shut = false;

  constructor(parts: MessageWayParts) {
    this.#parts = parts;
    this.#gate = new Gate(parts.recorder, (bytes) => this.#out(bytes), parts.failed);
  }

  get idle(): boolean {
    return this.#held === 0;
  }

  /** The end of the conversation was sent, or will be: nothing may be said behind it. */
  get closed(): boolean {
    return this.#closed;
  }

  /** @param index the entry of the record that must be durable before; null: none of its own */
  send(opcode: number, data: Buffer, index: number | null): void {
    if (this.#closed || this.#shut) return;
    this.#closed = opcode === OPCODE.close;
    this.#index = index ?? this.#index;
    const frame = webSocketFrame(opcode, data, this.#parts.key?.() ?? null);
    this.#held += frame.length;
    this.#gate.write(frame, this.#index);
    if (this.#pressed) this.#parts.from.pause();
  }

  /** What waits is dropped. */
  shut(): void {
    this.#shut = true;
    this.#held = 0;
  }

  get #pressed(): boolean {
    return this.#held + this.#parts.to.writableLength > WAITING_BYTES_MAX;
  }

  #out(bytes: Buffer): void {
    if (this.#shut) return;
    this.#held -= bytes.length;
    this.#parts.to.write(bytes);
    if (this.#closed && this.#held === 0) this.#parts.to.end();
    this.drained();
    if (this.#held === 0) this.#parts.idle();
  }

  /** The socket took what it was given. */
  drained(): void {
    if (!this.#shut && !this.#pressed) this.#parts.from.resume();
  }
}
