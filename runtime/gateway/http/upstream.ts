import { dial, secureClient, type Clock, type Socket, type TLSSocket } from "../../outside/index.ts";
import {
  ChunkedReader,
  INTERIM_MAX,
  fieldOf,
  headEnd,
  readResponseHead,
  responseFraming,
  type Framing,
  type ResponseHead,
} from "../../protocols/http/index.ts";
import { CONNECT_MS, IDLE_MAX, IDLE_MS, QUEUE_MAX } from "./limits.ts";

/** Where requests of a target go. */
export interface UpstreamTarget {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly tls: "off" | "verify-full";
  readonly ca: Buffer | null;
  /** Shown to a target that asks for a certificate. */
  readonly client: { readonly certificate: Buffer; readonly key: Buffer } | null;
  readonly connections: number;
}

/** Gets the answer to one request, in this order: `head`, `data` any number of times, `end`; or `failed` at any time. */
export interface AnswerHandler {
  /** Answers false when what follows the head is no HTTP any more: the socket is then the handler's. */
  head(head: ResponseHead, framing: Framing): boolean;
  /** A view of memory that stays as it is. */
  data(bytes: Buffer): void;
  end(): void;
  /** @param untouched not a byte of an answer came */
  failed(why: string, untouched: boolean): void;
  /** The target takes bytes again. */
  drain(): void;
}

const EMPTY = Buffer.alloc(0);

/** One connection to a target: one request after the other, each answered before the next. */
export class UpstreamConnection {
  readonly socket: Socket | TLSSocket;
  /** It serves no other request: after a question for an upgrade nobody knows what the target takes it for. */
  once = false;
  /** Requests that it served. */
  used = 0;
  idleSince = 0;
  readonly #released: (connection: UpstreamConnection, reusable: boolean) => void;
  #handler: AnswerHandler | null = null;
  #method = "";
  #rest: Buffer = EMPTY;
  #looked = 0;
  #framing: Framing | null = null;
  #left = 0;
  #chunks: ChunkedReader | null = null;
  #keep = false;
  #interim = 0;
  #sent = false;
  #touched = false;
  #raw = false;
  dead = false;

  constructor(socket: Socket | TLSSocket, released: (connection: UpstreamConnection, reusable: boolean) => void) {
    this.socket = socket;
    this.#released = released;
    socket.on("data", (chunk: Buffer) => {
      try {
        this.#onData(chunk);
      } catch (fault) {
        // A bug of ours: this one request fails, and the gateway goes on.
        this.#fail(`the gateway could not take the answer: ${fault instanceof Error ? fault.message : String(fault)}`);
      }
    });
    socket.on("drain", () => this.#handler?.drain());
    socket.on("end", () => this.#closed("the target closed the connection"));
    socket.on("close", () => this.#closed("the target's connection closed"));
    socket.on("error", (fault: Error) => this.#closed(`the target's connection failed: ${fault.message}`));
  }

  /** Begins a request. `whole`: its body was sent with it, or it has none. */
  send(method: string, bytes: Buffer | string, whole: boolean, handler: AnswerHandler): void {
    this.#handler = handler;
    this.#method = method;
    this.#sent = whole;
    this.#touched = false;
    this.#interim = 0;
    this.used++;
    if (typeof bytes === "string") this.socket.write(bytes, "latin1");
    else this.socket.write(bytes);
  }

  /** More of the body. False: wait for `drain`. */
  write(bytes: Buffer): boolean {
    return this.socket.write(bytes);
  }

  /** The request's body is sent whole. */
  sent(): void {
    this.#sent = true;
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  #onData(chunk: Buffer): void {
    if (this.dead || this.#raw) return;
    if (this.#handler === null) return this.destroy();
    this.#touched = true;
    if (this.#framing !== null) return this.#body(chunk);
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const found = headEnd(this.#rest, 0, this.#rest.length, this.#looked);
      if (!found.ok) return this.#fail(found.error.why);
      if (found.value === 0) {
        this.#looked = this.#rest.length;
        return;
      }
      this.#looked = 0;
      const head = readResponseHead(this.#rest, 0, found.value);
      if (!head.ok) return this.#fail(head.error.why);
      const rest = this.#rest.subarray(found.value);
      const { status } = head.value;
      if (status >= 200 || status === 101) {
        this.#rest = EMPTY;
        return this.#begin(head.value, rest);
      }
      if (++this.#interim > INTERIM_MAX) return this.#fail("too many interim answers");
      this.#rest = rest;
      if (rest.length === 0) return;
    }
  }

  #begin(head: ResponseHead, rest: Buffer): void {
    const framing = responseFraming(this.#method, head.status, head.minor, head.fields);
    if (!framing.ok) return this.#fail(framing.error.why);
    this.#framing = framing.value;
    const connection = fieldOf(head.fields, "connection")?.toLowerCase() ?? "";
    this.#keep = head.minor === 1 ? !/(^|,)\s*close\s*(,|$)/.test(connection) : /keep-alive/.test(connection);
    this.#left = framing.value.kind === "length" ? framing.value.bytes : 0;
    this.#chunks = framing.value.kind === "chunked" ? new ChunkedReader() : null;
    if (!this.#handler!.head(head, framing.value)) {
      this.#raw = true;
      if (rest.length > 0) this.socket.unshift(rest);
      return;
    }
    if (this.dead) return;
    this.#body(rest);
  }

  #body(chunk: Buffer): void {
    const handler = this.#handler!;
    switch (this.#framing!.kind) {
      case "none":
        return this.#end(chunk.length === 0);
      case "length": {
        const take = Math.min(this.#left, chunk.length);
        this.#left -= take;
        if (take > 0) handler.data(take === chunk.length ? chunk : chunk.subarray(0, take));
        if (this.#left === 0 && !this.dead) this.#end(take === chunk.length);
        return;
      }
      case "chunked": {
        const chunks = this.#chunks!;
        const read = chunks.read(chunk, 0, chunk.length, (from, to) => handler.data(chunk.subarray(from, to)));
        if (chunks.fault !== null) this.#fail(chunks.fault);
        else if (chunks.done && !this.dead) this.#end(read === chunk.length);
        return;
      }
      case "close":
        if (chunk.length > 0) handler.data(chunk);
    }
  }

  /** `clean`: nothing came behind the answer. What did would be taken for the next one's. */
  #end(clean: boolean): void {
    const handler = this.#handler!;
    this.#handler = null;
    this.#framing = null;
    this.#chunks = null;
    const reusable = clean && this.#keep && this.#sent && !this.once;
    // A client that was slow for this answer must not hold up the next one's.
    this.socket.resume();
    if (!reusable) this.destroy();
    this.#released(this, reusable);
    try {
      handler.end();
    } catch (fault) {
      handler.failed(
        `the gateway could not take the answer: ${fault instanceof Error ? fault.message : String(fault)}`,
        false,
      );
    }
  }

  #fail(why: string): void {
    const handler = this.#handler;
    this.#handler = null;
    this.destroy();
    this.#released(this, false);
    handler?.failed(why, !this.#touched);
  }

  #closed(why: string): void {
    if (this.dead) return;
    if (this.#raw) return;
    if (this.#handler !== null && this.#framing?.kind === "close" && why !== "" && !why.includes("failed")) {
      const handler = this.#handler;
      this.#handler = null;
      this.destroy();
      this.#released(this, false);
      return handler.end();
    }
    this.#fail(why);
  }

  /** Ends it; nothing is called for it any more. */
  destroy(): void {
    this.dead = true;
    this.socket.destroy();
  }

  /** The request is given up: its answer is not wanted. */
  abandon(): void {
    if (this.dead) return;
    this.#handler = null;
    this.destroy();
    this.#released(this, false);
  }

  /** For a connection that was upgraded: the place in the pool is free once its socket is closed. */
  freeWhenClosed(): void {
    this.socket.on("close", () => this.#released(this, false));
  }
}

interface Waiter {
  readonly got: (connection: UpstreamConnection | string) => void;
  readonly until: number;
}

/** The connections to one target: kept open between requests, opened when none is free, at most so many. */
export class UpstreamPool {
  readonly target: UpstreamTarget;
  readonly #clock: Clock;
  readonly #waitMs: number;
  readonly #idle: UpstreamConnection[] = [];
  readonly #all = new Set<UpstreamConnection>();
  readonly #waiters: Waiter[] = [];
  /** Who waits for a connection that is on its way. */
  readonly #opening = new Set<Waiter["got"]>();
  #closed = false;

  constructor(target: UpstreamTarget, clock: Clock, waitMs: number) {
    this.target = target;
    this.#clock = clock;
    this.#waitMs = waitMs;
  }

  /** A connection that is free now, or null. */
  idle(): UpstreamConnection | null {
    for (;;) {
      const connection = this.#idle.pop();
      if (connection === undefined) return null;
      if (!connection.dead) return connection;
    }
  }

  /** A connection that nobody used yet, or one that becomes free. Answers in words why there is none. */
  open(): Promise<UpstreamConnection | string> {
    if (this.#closed) return Promise.resolve("the gateway stops");
    if (this.#hasRoom) return new Promise((got) => void this.#open(got));
    if (this.#waiters.length >= QUEUE_MAX)
      return Promise.resolve(`too many requests wait for target ${this.target.name}`);
    return new Promise((got) => this.#waiters.push({ got, until: this.#clock.now() + this.#waitMs }));
  }

  get #hasRoom(): boolean {
    return this.#all.size + this.#opening.size < this.target.connections;
  }

  async #open(got: Waiter["got"]): Promise<void> {
    this.#opening.add(got);
    const socket = await this.#connect();
    if (!this.#opening.delete(got)) {
      // It closed meanwhile, and said so.
      if (typeof socket !== "string") socket.destroy();
      return;
    }
    if (typeof socket === "string") return got(socket);
    const connection = new UpstreamConnection(socket, (one, reusable) => this.#released(one, reusable));
    this.#all.add(connection);
    got(connection);
  }

  async #connect(): Promise<Socket | TLSSocket | string> {
    const { name, host, port, tls, ca, client } = this.target;
    try {
      const plain = await dial(host, port, CONNECT_MS, null);
      plain.on("error", () => undefined);
      if (tls === "off") return plain;
      const callOff = this.#clock.after(CONNECT_MS, () => plain.destroy());
      return await secureClient(plain, { ca, verify: true, serverName: host, client }).finally(callOff);
    } catch (fault) {
      return `target ${name} can't be reached: ${fault instanceof Error ? fault.message : String(fault)}`;
    }
  }

  #released(connection: UpstreamConnection, reusable: boolean): void {
    if (!reusable || this.#closed) {
      this.#all.delete(connection);
      connection.destroy();
      const next = this.#waiters.shift();
      if (next !== undefined && this.#hasRoom) void this.#open(next.got);
      else if (next !== undefined) this.#waiters.unshift(next);
      return;
    }
    const next = this.#waiters.shift();
    if (next !== undefined) return next.got(connection);
    connection.idleSince = this.#clock.now();
    if (this.#idle.length < IDLE_MAX) this.#idle.push(connection);
    else {
      this.#all.delete(connection);
      connection.destroy();
    }
  }

  /** Gives back a connection that was not used. */
  giveBack(connection: UpstreamConnection): void {
    this.#released(connection, !connection.dead);
  }

  /** Closes what was unused for long, and tells who waited too long. */
  sweep(now: number): void {
    let keep = 0;
    for (const connection of this.#idle) {
      if (connection.dead || now - connection.idleSince > IDLE_MS) {
        this.#all.delete(connection);
        connection.destroy();
      } else this.#idle[keep++] = connection;
    }
    this.#idle.length = keep;
    while (this.#waiters[0] !== undefined && this.#waiters[0].until <= now)
      this.#waiters.shift()!.got(`target ${this.target.name} has no connection free`);
  }

  close(): void {
    this.#closed = true;
    for (const connection of this.#all) connection.destroy();
    const waiting = [...this.#opening, ...this.#waiters.splice(0).map(({ got }) => got)];
    this.#opening.clear();
    for (const got of waiting) got("the gateway stops");
  }
}
