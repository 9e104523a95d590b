import { SPDY_STREAMS_MAX } from "../limits.ts";
import type { SpdyFields } from "./fields.ts";
import type { SpdyFrame } from "./frames.ts";

/** What a stream of an exec or attach carries, or of a port-forward (`streamtype`). */
export type SpdyRole = "stdin" | "stdout" | "stderr" | "error" | "resize" | "data";
const EXEC_ROLES: ReadonlySet<string> = new Set(["stdin", "stdout", "stderr", "error", "resize"]);
const FORWARD_ROLES: ReadonlySet<string> = new Set(["data", "error"]);
/** Fields of a stream, beside its type. */
const EXEC_FIELDS: readonly string[] = [];
const FORWARD_FIELDS: readonly string[] = ["port", "requestid"];
const FROM_CLIENT: ReadonlySet<SpdyRole> = new Set(["stdin", "resize", "data"]);
const FROM_TARGET: ReadonlySet<SpdyRole> = new Set(["stdout", "stderr", "error", "data"]);

export interface SpdyStream {
  readonly id: number;
  readonly role: SpdyRole;
  replied: boolean;
  clientDone: boolean;
  targetDone: boolean;
}

/** What to do with a frame: it goes on, it came too late for its stream, or it may not be. */
export type SpdyStep =
  | { readonly kind: "on"; readonly stream: SpdyStream | null }
  | { readonly kind: "late" }
  | { readonly kind: "fault"; readonly why: string };

const LATE: SpdyStep = { kind: "late" };
const fault = (why: string): SpdyStep => ({ kind: "fault", why });
const on = (stream: SpdyStream | null): SpdyStep => ({ kind: "on", stream });

/** Which frame may follow which: the client opens streams of known types, and data goes the way that its stream has. */
export class SpdyConversation {
  readonly #forwards: boolean;
  readonly #streams = new Map<number, SpdyStream>();
  /** Of an exec: the types that were opened, each once. */
  readonly #roles = new Set<SpdyRole>();
  #last = 0;
  #leaving = false;

  constructor(kind: "exec" | "portforward") {
    this.#forwards = kind === "portforward";
  }

  get streams(): Iterable<SpdyStream> {
    return this.#streams.values();
  }

  /** The highest stream that was opened. */
  get last(): number {
    return this.#last;
  }

  step(frame: SpdyFrame, from: "client" | "target"): SpdyStep {
    switch (frame.kind) {
      case "ping":
      case "settings":
        return on(null);
      case "goaway":
        if (from === "client") this.#leaving = true;
        return on(null);
      case "syn_stream":
        return from === "client" ? this.#opens(frame) : fault("the target opens a stream, which only the client does");
      case "window_update":
        return frame.stream === 0 ? on(null) : this.#known(frame.stream, from, on);
      case "rst_stream":
        return this.#known(frame.stream, from, (stream) => {
          this.#streams.delete(stream.id);
          return on(stream);
        });
      case "syn_reply":
        if (from === "client") return fault("the client answers a stream, which only the target does");
        return this.#known(frame.stream, from, (stream) => {
          if (stream.replied) return fault("a stream is answered twice");
          stream.replied = true;
          if (frame.fin) this.#done(stream, from);
          return on(stream);
        });
      case "data":
        return this.#known(frame.stream, from, (stream) => this.#data(stream, frame.data.length, frame.fin, from));
    }
  }

  #known(id: number, from: string, then: (stream: SpdyStream) => SpdyStep): SpdyStep {
    const stream = this.#streams.get(id);
    if (stream !== undefined) return then(stream);
    return id <= this.#last && id % 2 === 1 ? LATE : fault(`the ${from} speaks of a stream that was not opened`);
  }

  #opens({ stream: id, fin, fields }: SpdyFrame & { kind: "syn_stream" }): SpdyStep {
    if (this.#leaving) return fault("the client opens a stream after it said that it leaves");
    if (id % 2 === 0 || id <= this.#last) return fault(`the client opens the stream ${id} out of order`);
    if (this.#streams.size >= SPDY_STREAMS_MAX)
      return fault(`the client has more than ${SPDY_STREAMS_MAX} streams open`);
    const role = this.#role(fields);
    if (!role.ok) return fault(role.why);
    const stream: SpdyStream = { id, role: role.role, replied: false, clientDone: fin, targetDone: false };
    this.#last = id;
    this.#streams.set(id, stream);
    return on(stream);
  }

  #role(fields: SpdyFields): { ok: true; role: SpdyRole } | { ok: false; why: string } {
    const role = fields.get("streamtype") ?? "";
    if (!(this.#forwards ? FORWARD_ROLES : EXEC_ROLES).has(role))
      return { ok: false, why: `a stream has the unknown type ${JSON.stringify(role.slice(0, 64))}` };
    const taken = this.#forwards ? FORWARD_FIELDS : EXEC_FIELDS;
    for (const [name, value] of fields) {
      if (name === "streamtype") continue;
      if (!taken.includes(name)) return { ok: false, why: `a stream has the unknown field ${name.slice(0, 64)}` };
      if (!/^[0-9]{1,10}$/.test(value)) return { ok: false, why: `a stream's ${name} is no number` };
    }
    if (this.#forwards && !fields.has("port")) return { ok: false, why: "a stream names no port" };
    if (!this.#forwards && this.#roles.has(role as SpdyRole))
      return { ok: false, why: `a second stream ${role} is opened` };
    this.#roles.add(role as SpdyRole);
    return { ok: true, role: role as SpdyRole };
  }

  #data(stream: SpdyStream, bytes: number, fin: boolean, from: "client" | "target"): SpdyStep {
    const done = from === "client" ? stream.clientDone : stream.targetDone;
    if (done) return fault(`the ${from} sends data after a stream's end`);
    if (from === "target" && !stream.replied) return fault("the target sends data on a stream that it did not answer");
    if (bytes > 0 && !(from === "client" ? FROM_CLIENT : FROM_TARGET).has(stream.role))
      return fault(`the ${from} sends data on the stream ${stream.role}`);
    if (fin) this.#done(stream, from);
    return on(stream);
  }

  #done(stream: SpdyStream, from: "client" | "target"): void {
    if (from === "client") stream.clientDone = true;
    else stream.targetDone = true;
    if (stream.clientDone && stream.targetDone) this.#streams.delete(stream.id);
  }
}
