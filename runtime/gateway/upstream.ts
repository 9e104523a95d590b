import { endpointBinding } from "../credentials/index.ts";
import { dial, secureClient, type ReadInto, type Socket, type TLSSocket } from "../outside/index.ts";
import { ByteStream } from "../protocols/index.ts";
import {
  BodyReader,
  SERVER,
  cancelRequest,
  login,
  singly,
  sslRequest,
  type ServerSession,
} from "../protocols/postgres/index.ts";
import type { Random } from "../outside/index.ts";
import type { TargetConfig } from "./config.ts";

/** A target with its secrets at hand. */
export interface Target extends TargetConfig {
  readonly password: string;
  readonly caBytes: Buffer | null;
}

export interface Upstream {
  readonly socket: Socket | TLSSocket;
  readonly session: ServerSession;
  readonly stream: ByteStream;
}

/** How texts are read here, whatever the database or the account is set to; a startup setting is also what RESET goes back to. */
const READING: readonly (readonly [string, string])[] = [
  ["client_encoding", "UTF8"],
  ["standard_conforming_strings", "on"],
];

const CONNECT_MS = 10_000;
const LOGIN_MS = 15_000;

/** Why a target could not be reached; `sqlstate` is what a client is told. */
export class UpstreamFailed extends Error {
  readonly sqlstate: string;
  constructor(message: string, sqlstate = "08006") {
    super(message);
    this.sqlstate = sqlstate;
  }
}

/**
 * Connects and signs in at a target. Bytes are pushed into `stream` until the caller takes the socket over; a plain socket
 * is read into the caller's memory through `read`.
 */
export async function connectTarget(
  target: Target,
  settings: readonly (readonly [string, string])[],
  random: Random,
  read: { readonly into: ReadInto; readonly stream: ByteStream } | null,
  after: (ms: number, call: () => void) => () => void,
): Promise<Upstream> {
  const stream = read?.stream ?? new ByteStream();
  const secured = target.tls.mode !== "off";
  let socket: Socket | TLSSocket;
  try {
    socket = await dial(target.host, target.port, CONNECT_MS, secured ? null : (read?.into ?? null));
  } catch (fault) {
    throw new UpstreamFailed(
      `target ${target.name} can't be reached: ${fault instanceof Error ? fault.message : String(fault)}`,
    );
  }
  const late = after(LOGIN_MS, () => socket.destroy(new Error("sign-in took too long")));
  try {
    let channelBinding: Buffer | null = null;
    if (secured) {
      socket = await startTls(socket, target);
      channelBinding = endpointBinding((socket as TLSSocket).getPeerCertificate(true).raw);
    }
    const onData = (chunk: Buffer): void => stream.push(chunk);
    const onEnd = (): void => stream.end();
    socket.on("data", onData);
    socket.on("close", onEnd);
    socket.on("error", onEnd);
    const result = await login(stream, (bytes) => void socket.write(bytes), {
      user: target.credential.user,
      password: target.password,
      database: target.database,
      minor: 0,
      settings: [...READING, ...settings],
      nonce: random.bytes(18).toString("base64"),
      channelBinding,
    });
    if (!result.ok) {
      socket.destroy();
      throw new UpstreamFailed(`target ${target.name}: ${result.error.why}`, result.error.sqlstate);
    }
    const other = READING.find(([name, value]) => result.value.parameters.get(name) !== value);
    if (other !== undefined) {
      socket.destroy();
      throw new UpstreamFailed(`target ${target.name} does not keep ${other[0]} at ${other[1]}`);
    }
    socket.off("data", onData);
    socket.off("close", onEnd);
    socket.off("error", onEnd);
    return { socket, session: result.value, stream };
  } finally {
    late();
  }
}

async function startTls(socket: Socket, target: Target): Promise<TLSSocket> {
  const answer = await new Promise<Buffer>((resolve, reject) => {
    socket.once("data", (chunk: Buffer) => {
      socket.pause();
      resolve(chunk);
    });
    socket.once("error", reject);
    socket.once("close", () => reject(new UpstreamFailed(`target ${target.name} closed the connection`)));
    socket.write(sslRequest());
  });
  // More than one byte would be plain text from someone in between.
  if (answer.length !== 1 || answer[0] !== 0x53)
    throw new UpstreamFailed(`target ${target.name} does not offer TLS; set tls.mode to off if that is meant`);
  socket.removeAllListeners("close");
  return secureClient(socket, {
    ca: target.caBytes,
    verify: target.tls.mode === "verify-full",
    serverName: target.host,
  });
}

/**
 * Asks a target to stop what a session of ours runs there. Resolves once the target has passed that on, which it says by
 * closing the connection: a statement that is sent later is not hit by it. Never rejects.
 */
export async function cancelAtTarget(target: Target, session: ServerSession): Promise<void> {
  try {
    const socket = await dial(target.host, target.port, CONNECT_MS, null);
    socket.on("error", () => undefined);
    const plainOrTls = target.tls.mode === "off" ? socket : await startTls(socket, target);
    plainOrTls.on("error", () => undefined);
    const closed = new Promise<void>((resolve) => plainOrTls.once("close", () => resolve()));
    plainOrTls.setTimeout(CONNECT_MS, () => plainOrTls.destroy());
    plainOrTls.resume();
    plainOrTls.end(cancelRequest(session.processId, session.cancelKey));
    await closed;
  } catch {
    // A statement that can't be cancelled goes on; its client is told by the result.
  }
}

type Rows = readonly (readonly (string | null)[])[];

/** A connection of the gateway's own, for catalog look-ups: one question at a time, reconnected when it broke. */
export class ServiceConnection {
  readonly #target: Target;
  readonly #random: Random;
  readonly #after: (ms: number, call: () => void) => () => void;
  #upstream: Upstream | null = null;
  readonly #queueMs: number | null;
  #queue: Promise<unknown> = Promise.resolve();

  /** @param queueMs how long a question may wait for those before it; null: as long as it takes */
  constructor(
    target: Target,
    random: Random,
    after: (ms: number, call: () => void) => () => void,
    queueMs: number | null = null,
  ) {
    this.#queueMs = queueMs;
    this.#target = target;
    this.#random = random;
    this.#after = after;
  }

  /** The rows of all these statements, each of which is one. When one fails, the connection is given up with all they began. */
  ask(...statements: readonly string[]): Promise<Rows> {
    let late = false;
    const callOff = this.#queueMs === null ? null : this.#after(this.#queueMs, () => (late = true));
    const answer = this.#queue.then(() => {
      callOff?.();
      if (late) throw new UpstreamFailed(`target ${this.#target.name} has too much to answer`);
      return this.#ask(statements);
    });
    this.#queue = answer.catch(() => undefined);
    return answer;
  }

  async #ask(statements: readonly string[]): Promise<Rows> {
    const upstream = (this.#upstream ??= await this.#connect());
    const late = this.#after(LOGIN_MS, () => upstream.socket.destroy());
    try {
      upstream.socket.write(singly(statements));
      return await this.#answer(upstream.stream);
    } catch (fault) {
      upstream.socket.destroy();
      this.#upstream = null;
      throw fault;
    } finally {
      late();
    }
  }

  async #connect(): Promise<Upstream> {
    const settings = [
      ["application_name", "sallyport catalog"],
      ["search_path", "pg_catalog"],
    ] as const;
    const upstream = await connectTarget(this.#target, settings, this.#random, null, this.#after);
    upstream.socket.on("data", (chunk: Buffer) => upstream.stream.push(chunk));
    upstream.socket.on("close", () => upstream.stream.end());
    upstream.socket.on("error", () => upstream.stream.end());
    upstream.socket.unref();
    return upstream;
  }

  async #answer(stream: ByteStream): Promise<Rows> {
    const rows: (string | null)[][] = [];
    let failure: string | null = null;
    for (;;) {
      const head = await stream.take(5);
      if (head === null) throw new UpstreamFailed(`target ${this.#target.name} closed the catalog connection`);
      const length = head.readInt32BE(1);
      if (length < 4 || length > ANSWER_BYTES_MAX)
        throw new UpstreamFailed(`target ${this.#target.name} sent a message of ${length} bytes`);
      const body = length === 4 ? Buffer.alloc(0) : await stream.take(length - 4);
      if (body === null) throw new UpstreamFailed(`target ${this.#target.name} closed the catalog connection`);
      if (head[0] === SERVER.dataRow) rows.push(readRow(body));
      else if (head[0] === SERVER.error)
        failure =
          body
            .toString("utf8")
            .split("\0")
            .find((field) => field.startsWith("M"))
            ?.slice(1) ?? "the query failed";
      else if (head[0] === SERVER.readyForQuery) {
        if (failure !== null) throw new UpstreamFailed(`target ${this.#target.name}: ${failure}`);
        return rows;
      }
    }
  }

  close(): void {
    this.#upstream?.socket.destroy();
    this.#upstream = null;
  }
}

const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

function readRow(body: Buffer): (string | null)[] {
  const reader = new BodyReader(body, 0, body.length);
  return Array.from({ length: reader.uint16() }, () => {
    const length = reader.int32();
    return length < 0 ? null : reader.bytes(length).toString("utf8");
  });
}
