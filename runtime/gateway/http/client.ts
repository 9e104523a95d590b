import type { Socket, TLSSocket } from "../../outside/index.ts";
import {
  BODY_END,
  ChunkedReader,
  REASONS,
  chunkOf,
  headEnd,
  normaliseRequest,
  problemBody,
  readRequestHead,
  writeResponseHead,
  type Field,
  type HttpFault,
  type NormalRequest,
  type ProblemAnswer,
  type WebAdapter,
} from "../../protocols/http/index.ts";
import { AHEAD_BYTES_MAX, LINGER_MS, WAITING_BYTES_MAX } from "./limits.ts";

/** Where a request's body goes while it comes. */
export interface BodySink {
  /** False: no more until `resumeBody` is called. */
  data(bytes: Buffer): boolean;
  end(): void;
  failed(why: string): void;
}

export interface ClientHost {
  readonly clock: { now(): number; after(ms: number, call: () => void): () => void };
  readonly idleMs: number;
  readonly headMs: number;
  /** A request came: it is answered through the connection, and no other is read before that. */
  request(client: ClientConnection, request: NormalRequest): void;
  /** What is no request came; it is answered already. */
  refused(client: ClientConnection, fault: HttpFault, bytes: number): void;
  /** The client is gone, or was sent away. Called once. */
  closed(client: ClientConnection): void;
}

const EMPTY = Buffer.alloc(0);
const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";

/** What the connection waits for. */
type State = "head" | "working" | "closing" | "raw";

/**
 * One client's connection: reads requests one after the other in their normal form, hands bodies on with back-pressure, and
 * writes answers. It knows HTTP and nothing of policies.
 */
export class ClientConnection {
  readonly socket: Socket | TLSSocket;
  readonly from: string;
  readonly encrypted: boolean;
  readonly #host: ClientHost;
  #state: State = "head";
  #rest: Buffer = EMPTY;
  #looked = 0;
  #paused = false;
  /** When it is closed unless something happens. */
  #deadline: number;
  #request: NormalRequest | null = null;
  #sink: BodySink | null = null;
  #bodyLeft = 0;
  #chunks: ChunkedReader | null = null;
  /** The request's body was read to its end. */
  #bodyDone = true;
  #bodyStopped = false;
  #continued = false;
  #headSent = false;
  #chunked = false;
  #gone = false;
  #answerBy = 0;
  #onLate: (() => void) | null = null;
  /** Called when the client goes away while it is answered. */
  onGone: (() => void) | null = null;
  onDrain: (() => void) | null = null;
  /** How what is said instead of an answer is put, when not as a problem of RFC 9457. */
  form: WebAdapter["problem"] | null = null;

  constructor(socket: Socket | TLSSocket, from: string, encrypted: boolean, host: ClientHost) {
    this.socket = socket;
    this.from = from;
    this.encrypted = encrypted;
    this.#host = host;
    this.#deadline = host.clock.now() + host.headMs;
    socket.on("data", (chunk: Buffer) => {
      try {
        this.#onData(chunk);
      } catch {
        // A bug of ours: this one connection ends, and the gateway goes on.
        this.cut();
      }
    });
    socket.on("end", () => this.#ended());
    socket.on("close", () => this.#ended());
    socket.on("error", () => this.#ended());
    socket.on("drain", () => this.onDrain?.());
    socket.resume();
  }

  get gone(): boolean {
    return this.#gone;
  }

  get headSent(): boolean {
    return this.#headSent;
  }

  /** Nobody between can read it: TLS, or a client on this machine. */
  get private(): boolean {
    return this.encrypted || this.from === "127.0.0.1" || this.from === "::1";
  }

  /** Nothing of an answer is under way. */
  get idle(): boolean {
    return this.#state === "head";
  }

  #onData(chunk: Buffer): void {
    if (this.#state === "closing" || this.#gone) return;
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#advance();
  }

  #advance(): void {
    if (this.#state === "head") this.#readHead();
    // Reading the head may have begun the body.
    if (this.#state === "working") {
      if (!this.#bodyDone && this.#sink !== null && !this.#bodyStopped) this.#readBody();
      const ahead =
        this.#rest.length > AHEAD_BYTES_MAX || (!this.#bodyDone && (this.#sink === null || this.#bodyStopped));
      if (ahead && this.#rest.length > 0) this.#pause();
    }
  }

  #pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.socket.pause();
  }

  #resume(): void {
    if (!this.#paused || this.#gone) return;
    this.#paused = false;
    this.socket.resume();
  }

  #readHead(): void {
    // An empty line before a request is to be read over (RFC 9112, section 2.2).
    if (this.#looked === 0 && this.#rest.length >= 2 && this.#rest[0] === 0x0d && this.#rest[1] === 0x0a)
      this.#rest = this.#rest.subarray(2);
    if (this.#rest.length === 0) return;
    const end = headEnd(this.#rest, 0, this.#rest.length, this.#looked);
    if (!end.ok) return this.#refuse(end.error);
    if (end.value === 0) {
      if (this.#looked === 0) this.#deadline = this.#host.clock.now() + this.#host.headMs;
      this.#looked = this.#rest.length;
      return;
    }
    this.#looked = 0;
    const head = readRequestHead(this.#rest, 0, end.value);
    if (!head.ok) return this.#refuse(head.error);
    const request = normaliseRequest(head.value);
    if (!request.ok) return this.#refuse(request.error);
    this.#rest = this.#rest.subarray(end.value);
    this.#state = "working";
    this.#deadline = Number.POSITIVE_INFINITY;
    this.#request = request.value;
    this.#headSent = false;
    this.#continued = false;
    const { framing } = request.value;
    this.#bodyLeft = framing.kind === "length" ? framing.bytes : 0;
    this.#chunks = framing.kind === "chunked" ? new ChunkedReader() : null;
    this.#bodyDone = framing.kind === "none" || (framing.kind === "length" && framing.bytes === 0);
    this.#bodyStopped = false;
    this.#sink = null;
    this.#host.request(this, request.value);
  }

  /** What can't be read is answered once, and nothing that follows is looked at. */
  #refuse(fault: HttpFault): void {
    const bytes = this.#rest.length;
    this.#headSent = false;
    this.#request = null;
    this.#bodyDone = false;
    this.problem({
      status: fault.status,
      kind: "bad-request",
      title: REASONS[fault.status] ?? "Bad Request",
      detail: `Sallyport does not take this request: ${fault.why}.`,
      close: true,
    });
    this.#host.refused(this, fault, bytes);
  }

  // ---- the request's body --------------------------------------------------------------------------------------------

  /** Lets the body come. */
  readBodyInto(sink: BodySink): void {
    this.#sink = sink;
    if (this.#bodyDone) return sink.end();
    if (this.#request?.expectsContinue === true && !this.#continued) {
      this.#continued = true;
      this.socket.write(CONTINUE);
    }
    this.resumeBody();
  }

  resumeBody(): void {
    this.#bodyStopped = false;
    if (this.#sink === null) return;
    if (!this.#bodyDone) this.#readBody();
    if (this.#rest.length <= AHEAD_BYTES_MAX && !this.#bodyStopped) this.#resume();
  }

  #readBody(): void {
    const sink = this.#sink!;
    const bytes = this.#rest;
    if (bytes.length === 0) return;
    if (this.#chunks === null) {
      const take = Math.min(this.#bodyLeft, bytes.length);
      this.#bodyLeft -= take;
      this.#rest = take === bytes.length ? EMPTY : bytes.subarray(take);
      this.#bodyDone = this.#bodyLeft === 0;
      if (take > 0 && !sink.data(take === bytes.length ? bytes : bytes.subarray(0, take))) this.#bodyStopped = true;
    } else {
      const read = this.#chunks.read(bytes, 0, bytes.length, (from, to) => {
        if (!sink.data(bytes.subarray(from, to))) this.#bodyStopped = true;
      });
      this.#rest = bytes.subarray(read);
      if (this.#chunks.fault !== null) {
        this.#sink = null;
        return sink.failed(this.#chunks.fault);
      }
      this.#bodyDone = this.#chunks.done;
    }
    if (this.#bodyDone) {
      this.#sink = null;
      sink.end();
    } else if (this.#bodyStopped) this.#pause();
  }

  // ---- the answer ----------------------------------------------------------------------------------------------------

  /**
   * Sends the head of an answer, and what of its body is there already.
   *
   * @param length bytes of the body; null when that is not known: it is sent in chunks, or until the connection ends
   */
  head(
    status: number,
    reason: string,
    fields: readonly Field[],
    length: number | null,
    hasBody: boolean,
    first: Buffer,
  ): void {
    const old = this.#request?.minor === 0;
    const out: Field[] = [...fields];
    this.#chunked = false;
    if (hasBody) {
      if (length !== null) out.push(["content-length", String(length)]);
      else if (!old) {
        out.push(["transfer-encoding", "chunked"]);
        this.#chunked = true;
      }
    } else if (length !== null) out.push(["content-length", String(length)]);
    if (this.#closes(length === null && old && hasBody)) out.push(["connection", "close"]);
    this.#headSent = true;
    const text = writeResponseHead(status, reason, out);
    if (first.length === 0) {
      this.socket.write(text, "latin1");
      return;
    }
    if (!this.#chunked && first.length <= 16_384) {
      const whole = Buffer.allocUnsafe(text.length + first.length);
      whole.write(text, 0, "latin1");
      first.copy(whole, text.length);
      this.socket.write(whole);
      return;
    }
    this.socket.cork();
    this.socket.write(text, "latin1");
    this.data(first);
    this.socket.uncork();
  }

  #closing = false;
  #closes(must: boolean): boolean {
    this.#closing = must || this.#request === null || this.#request.close || (!this.#bodyDone && this.#sink === null);
    return this.#closing;
  }

  /** More of the answer's body. False: wait for `onDrain`. */
  data(bytes: Buffer): boolean {
    if (this.#gone) return true;
    if (bytes.length > 0) this.socket.write(this.#chunked ? chunkOf(bytes) : bytes);
    return this.socket.writableLength < WAITING_BYTES_MAX;
  }

  /** The answer is whole: the next request may come. */
  done(): void {
    if (this.#gone) return;
    if (this.#chunked) this.socket.write(BODY_END);
    this.onGone = null;
    this.onDrain = null;
    if (this.#closing || !this.#bodyDone) return this.#close();
    this.#request = null;
    this.#sink = null;
    this.#state = "head";
    this.#deadline = this.#host.clock.now() + this.#host.idleMs;
    this.#resume();
    if (this.#rest.length > 0) this.#advance();
  }

  /** Answers with a problem. To be called before any head was sent. */
  problem(problem: ProblemAnswer): void {
    if (this.#gone) return;
    const formed = this.form?.(problem);
    if (formed !== undefined) {
      const own: Field[] = [["content-type", formed.type], ["cache-control", "no-store"], ...(formed.fields ?? [])];
      return this.answer(formed.status, own, formed.body, problem.close === true);
    }
    const body = problemBody(problem);
    const fields: Field[] = [
      ["content-type", "application/problem+json"],
      ["cache-control", "no-store"],
      ...(problem.fields ?? []),
    ];
    this.answer(problem.status, fields, body, problem.close === true);
  }

  /** A whole answer of the gateway's own. */
  answer(status: number, fields: readonly Field[], body: Buffer, close = false): void {
    if (this.#gone) return;
    const bare = this.#request?.method === "HEAD" || status === 204;
    if (close && this.#request !== null) this.#request = { ...this.#request, close: true };
    this.head(status, REASONS[status] ?? "", fields, bare ? null : body.length, !bare, bare ? EMPTY : body);
    this.#chunked = false;
    this.done();
  }

  /** The socket is somebody else's from now on; answers what was read of it already. */
  takeOver(): Buffer {
    this.#state = "raw";
    this.#deadline = Number.POSITIVE_INFINITY;
    this.socket.removeAllListeners("data");
    this.socket.removeAllListeners("drain");
    const rest = this.#rest;
    this.#rest = EMPTY;
    return rest;
  }

  /** Ends after what was written, reading over what still comes for a moment so that the answer is not lost. */
  #close(): void {
    this.#state = "closing";
    this.#rest = EMPTY;
    this.#resume();
    this.socket.end();
    this.#host.clock.after(LINGER_MS, () => this.socket.destroy());
  }

  /** Cuts the connection: what was sent so far is not whole, and the client must notice. */
  cut(): void {
    this.socket.destroy();
    this.#ended();
  }

  #ended(): void {
    if (this.#gone) return;
    // A client may close its side and still wait for the answer; nothing tells that from one that left.
    this.#gone = true;
    this.#sink?.failed("the client left");
    this.#sink = null;
    this.onGone?.();
    this.socket.end();
    this.#host.clock.after(LINGER_MS, () => this.socket.destroy());
    this.#host.closed(this);
  }

  /** Calls back unless the answer begins within so many ms; looked at every second or so. */
  answerWithin(ms: number, late: () => void): void {
    this.#answerBy = this.#host.clock.now() + ms;
    this.#onLate = late;
  }

  answerCame(): void {
    this.#onLate = null;
  }

  /** Closes it when its time is over. */
  sweep(now: number): void {
    if (this.#onLate !== null && now >= this.#answerBy) {
      const late = this.#onLate;
      this.#onLate = null;
      late();
    }
    if (now < this.#deadline || this.#gone) return;
    this.#deadline = Number.POSITIVE_INFINITY;
    if (this.#state === "head" && this.#rest.length > 0) {
      this.#bodyDone = false;
      return this.problem({
        status: 408,
        kind: "too-slow",
        title: "Request Timeout",
        detail: "The request did not come in time.",
        close: true,
      });
    }
    this.socket.end();
  }

  end(): void {
    if (this.#state === "head") this.#close();
    else this.cut();
  }
}
