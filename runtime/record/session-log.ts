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

/** Writes entries that belong to no session. */
export function appendGatewayEntry(recorder: Recorder, clock: Clock, body: EntryBody): number {
  const value = { v: 1, t: clock.now(), ...(body as unknown as { [key: string]: CanonicalValue }) };
  return recorder.append(canonicalJson(value), body.type === "log.stop");
}

/**
 * Records every minute that the gateway is there: a silence is a finding.
 *
 * @returns how to stop it
 */
export function startHeartbeat(recorder: Recorder, clock: Clock): () => void {
  let cancel: () => void;
  const wait = (): void => {
    cancel = clock.after(HEARTBEAT_MS, () => {
      if (recorder.failed !== null) return;
      appendGatewayEntry(recorder, clock, { type: "log.heartbeat", sessions: recorder.sessions.size });
      wait();
    });
  };
  wait();
  return () => cancel();
}

/** The parts of a decision that stay the same while it is kept: encoded once, used for every execution. */
export interface DecisionFragments {
  readonly before: Buffer;
  readonly after: Buffer;
}

/** `kinds`: the kinds of the message's statements. */
export function decisionFragments(decision: Omit<DecisionRecord, "id">, kinds: readonly string[]): DecisionFragments {
  return {
    before: Buffer.from(
      `"decision":{"bundle":${canonicalJson(decision.bundle)},"deciding":${canonicalJson(decision.deciding)},"id":`,
    ),
    after: Buffer.from(
      `,"masks":${canonicalJson(decision.masks)},"rules":${canonicalJson(decision.rules)},"verdict":${canonicalJson(decision.verdict)}},"kinds":${canonicalJson(kinds)}`,
    ),
  };
}

const piece = (json: string): Buffer => Buffer.from(json);
const join = (...pieces: readonly Buffer[]): Buffer => Buffer.concat(pieces);
const COMMIT = piece(`"commit":`);
const COMMA = piece(",");
const BRACE = piece("{");
const MORE_PARTS = piece(`,"moreParts":`);
const PARAMETERS = piece(`,"parameters":`);
const phasePiece = (phase: string): Buffer => piece(`,"phase":${canonicalJson(phase)}`);
const REFUSED = piece(`,"refused":`);
const TIME = piece(`,"t":`);
const TEXT = piece(`,"text":`);
const BYTES = piece(`{"bytes":`);
const DECISION = piece(`,"decision":`);
const MASKED = piece(`,"masked":`);
const ROWS = piece(`,"rows":`);
const SAMPLE = piece(`,"sample":`);
const SEQUENCE = piece(`,"sseq":`);
const SQLSTATE = piece(`,"sqlstate":`);
const STATUS = piece(`,"status":`);
const STATUS_OK_TIME = piece(`,"status":"ok","t":`);
const TAG = piece(`,"tag":`);
const OUTCOME_TYPE_MICROSECONDS = piece(`,"type":"outcome","us":`);
/** What an entry's fixed members, numbers and short texts take at most; see `SessionLog.statement` and `outcome`. */
const SMALL_BYTES = 2_048;
/** Most bytes that a UTF-16 unit takes in JSON. */
const UNIT_BYTES = 6;

/**
 * The entries of one session. What every entry repeats (who, on what) is encoded once; the two entries of each statement are
 * put together from few pieces, in the order that the canonical form asks for.
 */
export class SessionLog implements OpenSession {
  readonly sid: string;
  readonly #recorder: Recorder;
  readonly #clock: Clock;
  readonly #full: { readonly [key: string]: CanonicalValue };
  readonly #short: { readonly [key: string]: CanonicalValue };
  readonly #on: Buffer;
  readonly #onParameters: Buffer;
  readonly #sid: Buffer;
  readonly #sidSequence: Buffer;
  /** Phase, session and what is before the sequence number, for each phase that came. */
  readonly #phases = new Map<string, Buffer>();
  /** Behind a statement, and behind an outcome. */
  readonly #statementTail: Buffer;
  readonly #who: Buffer;
  readonly #commonBytes: number;
  /** Names of columns that were written last: they are the same array while a statement is repeated. */
  #columns: readonly string[] = [];
  #columnsJson = listOfColumns([]);
  /** From the columns to the number of rows; null where they are too many for the entry itself. */
  #columnsPiece: Buffer | null = null;
  /** The tag that was written last, and from it to the microseconds. */
  #tag = "";
  #tagPiece: Buffer | null = null;
  #sequence = 0;
  #lastIndex = -1;
  /** Works that may still record something. */
  #unfinished = 0;
  /** Why the session ends; null while it goes on. */
  #ending: string | null = null;
  #over = false;
  readonly #ended = Promise.withResolvers<void>();
  statements = 0;

  constructor(recorder: Recorder, clock: Clock, sid: string, who: Who, on: On) {
    this.#recorder = recorder;
    this.#clock = clock;
    this.sid = sid;
    const { issuer } = who;
    const common = { sid, v: 1 };
    const shortWho = issuer === null ? { user: who.user } : { issuer, user: who.user };
    const fullWho = { ...shortWho, groups: [...who.groups], method: who.method };
    this.#full = { ...common, on: { ...on }, who: fullWho };
    this.#short = { ...common, on: { target: on.target }, who: shortWho };
    this.#commonBytes = Buffer.byteLength(canonicalJson(this.#full));
    const tail = `"v":1,"who":${canonicalJson(shortWho)}}`;
    this.#on = piece(`,"on":${canonicalJson({ target: on.target })}`);
    this.#onParameters = join(this.#on, PARAMETERS);
    this.#sid = piece(`,"sid":${canonicalJson(sid)}`);
    this.#sidSequence = join(this.#sid, SEQUENCE);
    this.#statementTail = piece(`,"type":"statement",${tail}`);
    this.#who = piece(`,${tail}`);
  }

  get lastIndex(): number {
    return this.#lastIndex;
  }

  get sequence(): number {
    return this.#sequence;
  }

  /** Whether the session ends, or has: what is not at work yet may not begin. */
  get ending(): boolean {
    return this.#ending !== null;
  }

  /** Whether nothing of it may be recorded any more. */
  get over(): boolean {
    return this.#over;
  }

  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Until `work` settles it may still record something: the session's end is recorded behind it. */
  during<T>(work: Promise<T>): Promise<T> {
    return work.finally(this.hold());
  }

  /** The same for what is no promise. What comes back is to be called, once, when nothing is recorded any more. */
  hold(): () => void {
    this.#unfinished++;
    return () => {
      this.#unfinished--;
      this.#end();
    };
  }

  /** The session ends: recorded once, behind everything that is still at work. */
  end(why: string): void {
    this.#ending ??= why;
    this.#end();
  }

  #end(): void {
    if (this.#over || this.#ending === null || this.#unfinished > 0) return;
    this.#over = true;
    try {
      this.append({ type: "session.end", why: this.#ending, statements: this.statements });
    } catch {
      // A record that can't be written has told everybody; the session is closed as aborted at the next start.
      this.#ended.resolve();
    }
  }

  /** Any entry of the session, the slow way. */
  append(body: EntryBody): number {
    const value = {
      ...(body.type === "session.start" ? this.#full : this.#short),
      ...(body as unknown as { [key: string]: CanonicalValue }),
      t: this.#clock.now(),
      sseq: this.#sequence,
    };
    const ends = body.type === "session.end";
    this.#first();
    const index = this.#recorder.append(canonicalJson(value), ends);
    if (ends) {
      this.#recorder.sessions.delete(this);
      this.#ended.resolve();
    }
    return this.#added(index);
  }

  #added(index: number): number {
    this.#sequence++;
    this.#lastIndex = index;
    return index;
  }

  #first(): void {
    if (this.#lastIndex >= 0) return;
    if (this.#commonBytes > COMMON_BYTES_MAX)
      throw new EntryTooLong(
        `who and on what take ${this.#commonBytes} bytes of a session's first entry; ${COMMON_BYTES_MAX} are allowed`,
      );
    this.#recorder.sessions.add(this);
  }

  /** Puts what is too long for one entry into entries before it; answers how many. */
  #parts(decision: number, of: "text" | "parameters" | "masked" | "sample", pieces: readonly Masked[]): number {
    for (const [i, text] of pieces.entries()) this.append({ type: "statement.text", decision, of, part: i + 1, text });
    return pieces.length;
  }

  /** A list's canonical JSON, or the number of the entries that hold it. */
  #list(decision: number, of: "parameters" | "masked" | "sample", json: Masked): string {
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
    readonly parameters: readonly (Masked | null)[] | null;
    readonly decision: DecisionFragments;
    readonly decisionId: number;
    readonly commit: string | null;
    readonly refused: string | null;
  }): number {
    this.statements++;
    const { decision, decisionId, commit, refused } = entry;
    let { text } = entry;
    let moreParts = 0;
    const pieces = splitMasked(text, TEXT_PART_BYTES_MAX);
    if (pieces.length > 1) {
      moreParts = this.#parts(decisionId, "text", pieces.slice(1));
      text = pieces[0]!;
    }
    const parameters =
      entry.parameters === null ? "" : this.#list(decisionId, "parameters", listOfMasked(entry.parameters));
    this.#first();
    const out = this.#recorder.begin(
      SMALL_BYTES +
        this.#commonBytes +
        decision.before.length +
        decision.after.length +
        (text.length + parameters.length + (refused?.length ?? 0)) * UNIT_BYTES,
      false,
    );
    out.raw(BRACE);
    if (commit !== null) {
      out.raw(COMMIT);
      out.string(commit);
      out.raw(COMMA);
    }
    out.raw(decision.before);
    out.number(decisionId);
    out.raw(decision.after);
    if (moreParts > 0) {
      out.raw(MORE_PARTS);
      out.number(moreParts);
    }
    if (parameters === "") out.raw(this.#on);
    else {
      out.raw(this.#onParameters);
      out.text(parameters);
    }
    if (refused === null) out.raw(this.#phaseSidSequence(entry.phase));
    else {
      out.raw(phasePiece(entry.phase));
      out.raw(REFUSED);
      out.string(refused);
      out.raw(this.#sidSequence);
    }
    out.number(this.#sequence);
    out.raw(TIME);
    out.number(this.#clock.now());
    out.raw(TEXT);
    out.string(text);
    out.raw(this.#statementTail);
    return this.#added(this.#recorder.commit());
  }

  #phaseSidSequence(phase: string): Buffer {
    const known = this.#phases.get(phase);
    if (known !== undefined) return known;
    const made = join(phasePiece(phase), this.#sidSequence);
    this.#phases.set(phase, made);
    return made;
  }

  outcome(entry: {
    readonly decisionId: number;
    readonly status: string;
    readonly tag: string;
    readonly rows: number;
    readonly bytes: number;
    readonly us: number;
    readonly masked: readonly string[];
    readonly sqlstate: string | null;
    readonly sample: readonly (readonly (Masked | null)[])[] | null;
  }): number {
    const { decisionId, sqlstate } = entry;
    if (entry.masked !== this.#columns) {
      this.#columns = entry.masked;
      this.#columnsJson = listOfColumns(entry.masked);
      this.#columnsPiece = null;
    }
    const masked = this.#list(decisionId, "masked", this.#columnsJson);
    if (masked === this.#columnsJson) this.#columnsPiece ??= join(MASKED, piece(masked), this.#on, ROWS);
    const sample = entry.sample === null ? "" : this.#list(decisionId, "sample", listOfMasked(entry.sample));
    if (this.#tagPiece === null || entry.tag !== this.#tag) {
      const tag = entry.tag.length > TAG_UNITS_MAX ? `${entry.tag.slice(0, TAG_UNITS_MAX)}…` : entry.tag;
      this.#tagPiece = join(TAG, piece(canonicalJson(tag)), OUTCOME_TYPE_MICROSECONDS);
      this.#tag = entry.tag;
    }
    this.#first();
    const out = this.#recorder.begin(
      SMALL_BYTES + this.#commonBytes + this.#tagPiece.length + (masked.length + sample.length) * UNIT_BYTES,
      true,
    );
    out.raw(BYTES);
    out.number(entry.bytes);
    out.raw(DECISION);
    out.number(decisionId);
    if (this.#columnsPiece !== null) out.raw(this.#columnsPiece);
    else {
      out.raw(MASKED);
      out.text(masked);
      out.raw(this.#on);
      out.raw(ROWS);
    }
    out.number(entry.rows);
    if (sample !== "") {
      out.raw(SAMPLE);
      out.text(sample);
    }
    if (sqlstate === null) out.raw(this.#sidSequence);
    else {
      out.raw(this.#sid);
      out.raw(SQLSTATE);
      out.string(sqlstate);
      out.raw(SEQUENCE);
    }
    out.number(this.#sequence);
    if (entry.status === "ok") out.raw(STATUS_OK_TIME);
    else {
      out.raw(STATUS);
      out.string(entry.status);
      out.raw(TIME);
    }
    out.number(this.#clock.now());
    out.raw(this.#tagPiece);
    out.number(entry.us);
    out.raw(this.#who);
    return this.#added(this.#recorder.commit());
  }
}
