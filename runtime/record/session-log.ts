import {
  COMMON_BYTES_MAX,
  LIST_BYTES_MAX,
  TEXT_PART_BYTES_MAX,
  canonicalJson,
  listOfColumns,
  listOfMasked,
  splitMasked,
  type CanonicalValue,
  type DecisionRecord,
  type EntryBody,
  type Masked,
  type On,
  type Who,
} from "../../spec/contract/record/index.ts";
import type { Clock } from "../outside/index.ts";
import { HEARTBEAT_MS, TAG_UNITS_MAX } from "./limits.ts";
import { EntryTooLong, type OpenSession, type Recorder } from "./recorder.ts";

/** Who is the writer of all entries of one run of the gateway. */
export interface LogIdentity {
  /** The log's origin. */
  readonly gateway: string;
  /** A name for this run of the process. */
  readonly boot: string;
}

/** Writes entries that belong to no session. */
export function appendGatewayEntry(recorder: Recorder, clock: Clock, identity: LogIdentity, body: EntryBody): number {
  return recorder.append(
    canonicalJson({
      v: 1,
      t: clock.now(),
      gw: identity.gateway,
      boot: identity.boot,
      ...(body as unknown as { [key: string]: CanonicalValue }),
    }),
    body.type === "log.stop",
  ).index;
}

/**
 * Records every minute that the gateway is there: a silence is a finding.
 *
 * @returns how to stop it
 */
export function startHeartbeat(recorder: Recorder, clock: Clock, identity: LogIdentity): () => void {
  let cancel: () => void;
  const wait = (): void => {
    cancel = clock.after(HEARTBEAT_MS, () => {
      if (recorder.failed !== null) return;
      appendGatewayEntry(recorder, clock, identity, { type: "log.heartbeat", sessions: recorder.sessions.size });
      wait();
    });
  };
  wait();
  return () => cancel();
}

/** The parts of a decision that stay the same while it is kept: made once, used for every execution. */
export interface DecisionFragments {
  readonly before: string;
  readonly after: string;
}

export function decisionFragments(decision: Omit<DecisionRecord, "id">): DecisionFragments {
  return {
    before: `{"bundle":${canonicalJson(decision.bundle)},"deciding":${canonicalJson(decision.deciding)},"id":"`,
    after: `","masks":${canonicalJson(decision.masks)},"rules":${canonicalJson(decision.rules)},"verdict":${canonicalJson(decision.verdict)}}`,
  };
}

/**
 * The entries of one session. What every entry repeats (who, on what, from which gateway) is encoded once; the two entries of
 * each statement are put together from few pieces, in the order that the canonical form asks for.
 */
export class SessionLog implements OpenSession {
  readonly sid: string;
  readonly #recorder: Recorder;
  readonly #clock: Clock;
  readonly #common: { readonly [key: string]: CanonicalValue };
  readonly #boot: string;
  readonly #gw: string;
  readonly #onSid: string;
  readonly #who: string;
  readonly #commonBytes: number;
  #sequence = 0;
  #previous = "";
  #lastIndex = -1;
  statements = 0;

  constructor(recorder: Recorder, clock: Clock, identity: LogIdentity, sid: string, who: Who, on: On) {
    this.#recorder = recorder;
    this.#clock = clock;
    this.sid = sid;
    this.#common = {
      boot: identity.boot,
      gw: identity.gateway,
      on: { ...on },
      sid,
      v: 1,
      who: { ...who, groups: [...who.groups] },
    };
    this.#boot = `{"boot":${canonicalJson(identity.boot)},`;
    this.#gw = `"gw":${canonicalJson(identity.gateway)},`;
    this.#onSid = `"on":${canonicalJson({ ...on })},`;
    this.#who = `"v":1,"who":${canonicalJson({ ...who, groups: [...who.groups] })}}`;
    this.#commonBytes = Buffer.byteLength(this.#onSid) + Buffer.byteLength(this.#who);
  }

  get lastIndex(): number {
    return this.#lastIndex;
  }

  get sequence(): number {
    return this.#sequence;
  }

  /** Any entry of the session, the slow way. */
  append(body: EntryBody): number {
    const value = {
      ...this.#common,
      ...(body as unknown as { [key: string]: CanonicalValue }),
      t: this.#clock.now(),
      sseq: this.#sequence,
      sprev: this.#previous,
    };
    const ends = body.type === "session.end";
    const index = this.#add(canonicalJson(value), ends);
    if (ends) this.#recorder.sessions.delete(this);
    return index;
  }

  #add(json: string, ending: boolean): number {
    if (this.#lastIndex < 0) this.#begin();
    const { index, hash } = this.#recorder.append(json, ending);
    this.#previous = hash;
    this.#sequence++;
    this.#lastIndex = index;
    return index;
  }

  #begin(): void {
    if (this.#commonBytes > COMMON_BYTES_MAX)
      throw new EntryTooLong(
        `who and on what take ${this.#commonBytes} bytes of each entry; ${COMMON_BYTES_MAX} are allowed`,
      );
    this.#recorder.sessions.add(this);
  }

  /** Puts what is too long for one entry into entries before it; answers how many. */
  #parts(decision: string, of: "text" | "parameters" | "masked" | "sample", pieces: readonly Masked[]): number {
    for (const [i, text] of pieces.entries()) this.append({ type: "statement.text", decision, of, part: i + 1, text });
    return pieces.length;
  }

  /** A list's canonical JSON, or the number of the entries that hold it. */
  #list(decision: string, of: "parameters" | "masked" | "sample", json: Masked): string {
    if (json.length * 3 <= LIST_BYTES_MAX || Buffer.byteLength(json) <= LIST_BYTES_MAX) return json;
    return String(this.#parts(decision, of, splitMasked(json, TEXT_PART_BYTES_MAX)));
  }

  /**
   * A statement with its decision. A text too long for one entry goes on in entries of its own, which come first.
   *
   * @returns the entry's number
   */
  statement(entry: {
    readonly phase: string;
    readonly text: Masked;
    readonly kinds: string;
    readonly parameters: readonly (Masked | null)[] | null;
    readonly decision: DecisionFragments;
    readonly decisionId: string;
    readonly commit: string | null;
    readonly refused: string | null;
  }): number {
    this.statements++;
    let { text } = entry;
    let moreParts = 0;
    const pieces = splitMasked(text, TEXT_PART_BYTES_MAX);
    if (pieces.length > 1) {
      moreParts = this.#parts(entry.decisionId, "text", pieces.slice(1));
      text = pieces[0]!;
    }
    const parameters =
      entry.parameters === null ? "null" : this.#list(entry.decisionId, "parameters", listOfMasked(entry.parameters));
    const { decision } = entry;
    return this.#add(
      `${this.#boot}"commit":${entry.commit === null ? "null" : `"${entry.commit}"`},"decision":${decision.before}${entry.decisionId}${decision.after},${this.#gw}"kinds":${entry.kinds},"moreParts":${moreParts},${this.#onSid}"parameters":${parameters},"phase":"${entry.phase}","refused":${entry.refused === null ? "null" : canonicalJson(entry.refused)},"sid":"${this.sid}","sprev":"${this.#previous}","sseq":${this.#sequence},"t":${this.#clock.now()},"text":${canonicalJson(text)},"type":"statement",${this.#who}`,
      false,
    );
  }

  outcome(entry: {
    readonly decisionId: string;
    readonly status: string;
    readonly tag: string;
    readonly rows: number;
    readonly bytes: number;
    readonly us: number;
    readonly masked: readonly string[];
    readonly sqlstate: string | null;
    readonly sample: readonly (readonly (Masked | null)[])[] | null;
  }): number {
    const masked =
      entry.masked.length === 0 ? "[]" : this.#list(entry.decisionId, "masked", listOfColumns(entry.masked));
    const sample = entry.sample === null ? "null" : this.#list(entry.decisionId, "sample", listOfMasked(entry.sample));
    const tag = entry.tag.length > TAG_UNITS_MAX ? `${entry.tag.slice(0, TAG_UNITS_MAX)}…` : entry.tag;
    return this.#add(
      `${this.#boot}"bytes":${entry.bytes},"decision":"${entry.decisionId}",${this.#gw}"masked":${masked},${this.#onSid}"rows":${entry.rows},"sample":${sample},"sid":"${this.sid}","sprev":"${this.#previous}","sqlstate":${entry.sqlstate === null ? "null" : canonicalJson(entry.sqlstate)},"sseq":${this.#sequence},"status":"${entry.status}","t":${this.#clock.now()},"tag":${canonicalJson(tag)},"type":"outcome","us":${entry.us},${this.#who}`,
      true,
    );
  }
}
