import type { Readable, Writable } from "node:stream";

/** Largest message that is taken from a server. */
const MESSAGE_BYTES_MAX = 64 * 1024 * 1024;
/** Longest block of fields before a message. */
const HEADER_BYTES_MAX = 8 * 1024;

export interface Handlers {
  readonly notification: (method: string, params: unknown) => void;
  /** Answers what the server asks; undefined becomes null. */
  readonly request: (method: string, params: unknown) => unknown;
  /** What came is no message; nothing more is read. */
  readonly broken: (why: string) => void;
}

interface Message {
  readonly id?: number | string | null;
  readonly method?: string;
  readonly params?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string };
}

/** JSON-RPC 2.0 in the frames of the Language Server Protocol ("Base Protocol"): fields, an empty line, a body. */
export class Rpc {
  readonly #out: Writable;
  readonly #handlers: Handlers;
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (fault: Error) => void }>();
  #buffer: Buffer = Buffer.alloc(0);
  #next = 1;
  #closed = false;

  constructor(input: Readable, out: Writable, handlers: Handlers) {
    this.#out = out;
    this.#handlers = handlers;
    input.on("data", (chunk: Buffer) => this.#take(chunk));
    // A pipe that breaks ends the process too, which is told there.
    out.on("error", () => this.close("the server does not read any more"));
  }

  request(method: string, params: unknown): { readonly answer: Promise<unknown>; readonly cancel: () => void } {
    const id = this.#next++;
    const answer = new Promise<unknown>((resolve, reject) => {
      if (this.#closed) reject(new Error("the language server is not running"));
      else this.#waiting.set(id, { resolve, reject });
    });
    this.#send({ id, method, params });
    return { answer, cancel: () => this.notify("$/cancelRequest", { id }) };
  }

  notify(method: string, params: unknown): void {
    this.#send({ method, params });
  }

  /** Everything that waits for an answer gets none. */
  close(why: string): void {
    this.#closed = true;
    for (const { reject } of this.#waiting.values()) reject(new Error(why));
    this.#waiting.clear();
  }

  #send(message: Message): void {
    if (this.#closed) return;
    const body = Buffer.from(JSON.stringify({ jsonrpc: "2.0", ...message }), "utf8");
    this.#out.write(`Content-Length: ${body.length}\r\n\r\n`);
    this.#out.write(body);
  }

  #take(chunk: Buffer): void {
    if (this.#closed) return;
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk]);
    for (;;) {
      const end = this.#buffer.indexOf("\r\n\r\n");
      if (end < 0) {
        if (this.#buffer.length > HEADER_BYTES_MAX) this.#break("the server writes something that is no message");
        return;
      }
      const length = Number(/^Content-Length: *(\d+) *$/im.exec(this.#buffer.toString("latin1", 0, end))?.[1] ?? "x");
      if (!Number.isSafeInteger(length) || length > MESSAGE_BYTES_MAX) {
        this.#break("the server states no length, or one that is too large");
        return;
      }
      const start = end + 4;
      if (this.#buffer.length < start + length) return;
      const text = this.#buffer.toString("utf8", start, start + length);
      this.#buffer = this.#buffer.subarray(start + length);
      let message: Message;
      try {
        message = JSON.parse(text) as Message;
      } catch {
        this.#break("the server writes a message that can't be read");
        return;
      }
      this.#handle(message);
    }
  }

  #break(why: string): void {
    this.close(why);
    this.#handlers.broken(why);
  }

  #handle(message: Message): void {
    if (message.method !== undefined) {
      if (message.id === undefined || message.id === null) this.#handlers.notification(message.method, message.params);
      else this.#send({ id: message.id, result: this.#handlers.request(message.method, message.params) ?? null });
      return;
    }
    const waiting = typeof message.id === "number" ? this.#waiting.get(message.id) : undefined;
    if (waiting === undefined) return;
    this.#waiting.delete(message.id as number);
    if (message.error !== undefined) waiting.reject(new Error(message.error.message));
    else waiting.resolve(message.result);
  }
}
