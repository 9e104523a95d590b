import type { ServerChannel } from "ssh2";
import { TO_CLIENT_BYTES_MAX } from "./limits.ts";

type Output = "out" | "err";

/** What ssh2 remembers of a write that had to wait for the client's window. */
interface Remembered {
  _chunk?: unknown;
  _chunkcb?: unknown;
  _chunkErr?: unknown;
  _chunkcbErr?: unknown;
}

/**
 * Writes output and error output to a client's channel, one piece at a time. ssh2 keeps a piece that had to wait for the
 * client's window even after it was sent, and sends it again when the other of the two outputs has to wait; so only one
 * piece is ever under way, and what is remembered of it is taken away when it is done.
 */
export class ChannelWriter {
  readonly #channel: ServerChannel;
  readonly #queue: { readonly bytes: Buffer; readonly to: Output }[] = [];
  #waiting = 0;
  #writing = false;
  #gone = false;
  #idle: (() => void)[] = [];
  #ready: (() => void) | null = null;

  constructor(channel: ServerChannel) {
    this.#channel = channel;
  }

  /** Whether enough waits: nothing more should be read for this client. */
  get pressed(): boolean {
    return this.#waiting > TO_CLIENT_BYTES_MAX;
  }

  /** Called each time when there is room again after `pressed`. */
  onReady(call: () => void): void {
    this.#ready = call;
  }

  write(bytes: Buffer, to: Output): void {
    if (this.#gone || bytes.length === 0) return;
    this.#queue.push({ bytes, to });
    this.#waiting += bytes.length;
    if (!this.#writing) this.#next();
  }

  /** Whether nothing of what was given is needed any more. */
  get empty(): boolean {
    return !this.#writing;
  }

  #next(): void {
    for (;;) {
      const piece = this.#queue.shift();
      if (piece === undefined || this.#gone) {
        this.#writing = false;
        const idle = this.#idle;
        this.#idle = [];
        for (const call of idle) call();
        return;
      }
      this.#writing = true;
      const stream = piece.to === "out" ? this.#channel : this.#channel.stderr;
      let waits = false;
      stream.write(piece.bytes, () => {
        if (!waits) return;
        const remembered = this.#channel as unknown as Remembered;
        remembered._chunk = remembered._chunkcb = remembered._chunkErr = remembered._chunkcbErr = undefined;
        this.#written(piece.bytes.length);
        this.#next();
      });
      // A piece that fits into the client's window is sent by now, and what is called back says nothing new.
      waits = stream.writableLength > 0;
      if (waits) return;
      this.#written(piece.bytes.length);
    }
  }

  #written(bytes: number): void {
    const wasPressed = this.pressed;
    this.#waiting -= bytes;
    if (wasPressed && !this.pressed) this.#ready?.();
  }

  /** Resolves once everything is with the client, or the client is gone. */
  idle(): Promise<void> {
    if (!this.#writing || this.#gone) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** The client is gone: nothing is written any more, and nobody waits. */
  abandon(): void {
    this.#gone = true;
    this.#queue.length = 0;
    this.#waiting = 0;
    const idle = this.#idle;
    this.#idle = [];
    for (const call of idle) call();
  }
}
