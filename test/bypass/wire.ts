import type { Socket } from "node:net";
import pg from "pg";

/** What one exchange brought, to the last byte. */
export interface Heard {
  readonly bytes: Buffer;
  /** Fields of DataRow and lines of CopyData, in order. */
  readonly fields: readonly string[];
  readonly rows: number;
  /** SQLSTATE and message of the first error. */
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly tags: readonly string[];
  /** The server hung up. */
  readonly closed: boolean;
}

const body = (...parts: readonly (string | Buffer)[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(`${part}\0`, "utf8") : part)));

function message(type: string, content: Buffer): Buffer {
  const out = Buffer.alloc(5 + content.length);
  out.write(type, 0, "latin1");
  out.writeInt32BE(4 + content.length, 1);
  content.copy(out, 5);
  return out;
}
const int16 = (n: number): Buffer => {
  const out = Buffer.alloc(2);
  out.writeInt16BE(n);
  return out;
};
const int32 = (n: number): Buffer => {
  const out = Buffer.alloc(4);
  out.writeInt32BE(n);
  return out;
};

/** Messages of the protocol's front end. Source: PostgreSQL manual, "Message Formats". */
export const msg = {
  query: (sql: string): Buffer => message("Q", body(sql)),
  parse: (name: string, sql: string): Buffer => message("P", body(name, sql, int16(0))),
  bind: (portal: string, statement: string, format: 0 | 1, parameters: readonly (string | null)[] = []): Buffer =>
    message(
      "B",
      body(
        portal,
        statement,
        int16(0),
        int16(parameters.length),
        ...parameters.map((value) =>
          value === null ? int32(-1) : Buffer.concat([int32(Buffer.byteLength(value)), Buffer.from(value)]),
        ),
        int16(1),
        int16(format),
      ),
    ),
  describe: (what: "S" | "P", name: string): Buffer => message("D", body(Buffer.from(what), name)),
  execute: (portal: string, rows = 0): Buffer => message("E", body(portal, int32(rows))),
  close: (what: "S" | "P", name: string): Buffer => message("C", body(Buffer.from(what), name)),
  sync: (): Buffer => message("S", Buffer.alloc(0)),
  flush: (): Buffer => message("H", Buffer.alloc(0)),
  copyData: (text: string): Buffer => message("d", Buffer.from(text)),
  copyDone: (): Buffer => message("c", Buffer.alloc(0)),
  functionCall: (oid: number, argument: string): Buffer =>
    message(
      "F",
      body(int32(oid), int16(0), int16(1), int32(Buffer.byteLength(argument)), Buffer.from(argument), int16(0)),
    ),
};

/** A client that says exactly what it is told to, signed in by node-postgres. */
export class WireClient {
  readonly #client: pg.Client;
  readonly #stream: Socket;
  #received: Buffer[] = [];
  #closed = false;
  #wake: () => void = () => undefined;

  constructor(client: pg.Client) {
    this.#client = client;
    this.#stream = (client as unknown as { connection: { stream: Socket } }).connection.stream;
    this.#stream.removeAllListeners("data");
    this.#stream.removeAllListeners("end");
    this.#stream.on("data", (chunk: Buffer) => {
      this.#received.push(chunk);
      this.#wake();
    });
    for (const event of ["end", "close", "error"])
      this.#stream.on(event, () => {
        this.#closed = true;
        this.#wake();
      });
  }

  static async connect(config: pg.ClientConfig): Promise<WireClient> {
    const client = new pg.Client(config);
    client.on("error", () => undefined);
    await client.connect();
    return new WireClient(client);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Sends bytes and listens until so many ReadyForQuery came, or the server hung up. */
  async ask(bytes: Buffer, ready = 1): Promise<Heard> {
    this.#received = [];
    let answered = false;
    if (!this.#closed) this.#stream.write(bytes);
    for (;;) {
      const heard = read(Buffer.concat(this.#received), this.#closed);
      if (heard.ready >= ready || this.#closed) return heard;
      if (heard.wantsCopy && !answered) {
        // The Sync that was sent is swallowed by the copy, so another one is due.
        answered = true;
        this.#stream.write(heard.extended ? Buffer.concat([msg.copyDone(), msg.sync()]) : msg.copyDone());
      }
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  query(sql: string): Promise<Heard> {
    return this.ask(msg.query(sql));
  }

  end(): void {
    this.#stream.destroy();
    void this.#client;
  }
}

function read(bytes: Buffer, closed: boolean): Heard & { ready: number; wantsCopy: boolean; extended: boolean } {
  const fields: string[] = [];
  const tags: string[] = [];
  let error: Heard["error"] = null;
  let rows = 0;
  let ready = 0;
  let wantsCopy = false;
  let extended = false;
  for (let at = 0; at + 5 <= bytes.length;) {
    const length = bytes.readInt32BE(at + 1);
    const end = at + 1 + length;
    if (end > bytes.length) break;
    const content = bytes.subarray(at + 5, end);
    switch (String.fromCharCode(bytes[at]!)) {
      case "D": {
        rows++;
        let place = 2;
        for (let i = content.readInt16BE(0); i > 0; i--) {
          const size = content.readInt32BE(place);
          place += 4;
          if (size >= 0) fields.push(content.toString("latin1", place, place + size));
          place += Math.max(0, size);
        }
        break;
      }
      case "d":
        rows++;
        fields.push(content.toString("latin1"));
        break;
      case "1":
        extended = true;
        break;
      case "G":
        wantsCopy = true;
        break;
      case "C":
        tags.push(content.toString("latin1", 0, content.length - 1));
        wantsCopy = false;
        break;
      case "E": {
        const parts = new Map(
          content
            .toString("utf8")
            .split("\0")
            .filter((part) => part !== "")
            .map((part) => [part[0]!, part.slice(1)]),
        );
        error ??= { code: parts.get("C") ?? "", message: parts.get("M") ?? "" };
        wantsCopy = false;
        break;
      }
      case "Z":
        ready++;
        break;
    }
    at = end;
  }
  return { bytes, fields, rows, error, tags, closed, ready, wantsCopy, extended };
}

/** Messages up to a Sync. */
export const batch = (...messages: readonly Buffer[]): Buffer => Buffer.concat([...messages, msg.sync()]);
