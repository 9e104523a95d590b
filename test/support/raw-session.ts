import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { ByteStream } from "../../runtime/protocols/index.ts";
import { login } from "../../runtime/protocols/postgres/index.ts";
import { writeLine } from "./transcript.ts";

/** Where and as whom to sign in. */
export interface RawOptions {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** Minor version of protocol 3: 0 or 2. */
  readonly minor: number;
  readonly settings?: readonly (readonly [name: string, value: string])[];
}

/**
 * A signed-in PostgreSQL connection that sends the bytes it is given and hands every message back, in the lines of
 * `transcript.ts`.
 */
export class RawSession {
  readonly #socket: Socket;
  readonly #stream: ByteStream;
  readonly processId: number;
  readonly cancelKeyBytes: number;
  readonly parameters: ReadonlyMap<string, string>;

  private constructor(
    socket: Socket,
    stream: ByteStream,
    about: { readonly processId: number; readonly cancelKey: Buffer; readonly parameters: ReadonlyMap<string, string> },
  ) {
    this.#socket = socket;
    this.#stream = stream;
    this.processId = about.processId;
    this.cancelKeyBytes = about.cancelKey.length;
    this.parameters = about.parameters;
  }

  static async connect(options: RawOptions): Promise<RawSession> {
    const socket = connect({ host: "127.0.0.1", port: options.port, noDelay: true });
    const stream = new ByteStream();
    socket.on("data", (chunk: Buffer) => stream.push(chunk));
    socket.on("error", () => stream.end());
    socket.on("close", () => stream.end());
    const signedIn = await login(stream, (bytes) => void socket.write(bytes), {
      ...options,
      settings: options.settings ?? [],
      nonce: randomBytes(18).toString("base64"),
      channelBinding: null,
    });
    if (!signedIn.ok) throw new Error(signedIn.error.why);
    return new RawSession(socket, stream, signedIn.value);
  }

  /** Sends and reads up to the n-th message of type `until`, or to the end of the connection. */
  async ask(bytes: Uint8Array, until = "Z", count = 1): Promise<readonly string[]> {
    this.#socket.write(bytes);
    const lines: string[] = [];
    for (let seen = 0; seen < count;) {
      const head = await this.#stream.take(5);
      if (head === null) return [...lines, "closed"];
      const length = head.readInt32BE(1) - 4;
      const body = length === 0 ? Buffer.alloc(0) : await this.#stream.take(length);
      if (body === null) return [...lines, "closed"];
      const type = String.fromCharCode(head[0]!);
      // A notification of our own names our process, which is another one in each session.
      if (type === "A" && body.readInt32BE(0) === this.processId) body.writeInt32BE(0, 0);
      lines.push(writeLine({ from: "S", type, body }));
      if (type === until) seen++;
    }
    return lines;
  }

  end(): void {
    this.#socket.destroy();
  }
}
