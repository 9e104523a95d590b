import {
  TEXT_PART_MAX,
  canonicalJson,
  type CanonicalValue,
  type DecisionRecord,
  type EntryBody,
  partOfMasked,
  type Masked,
  type On,
  type Who,
} from "../../spec/contract/record/index.ts";
import type { Clock } from "../outside/index.ts";
import type { Recorder } from "./recorder.ts";

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
  ).index;
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
export class SessionLog {
  readonly sid: string;
  readonly #recorder: Recorder;
  readonly #clock: Clock;
  readonly #common: { readonly [key: string]: CanonicalValue };
  readonly #boot: string;
  readonly #gw: string;
  readonly #onSid: string;
  readonly #who: string;
  #sequence = 0;
  #previous = "";
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
    return this.#add(canonicalJson(value));
  }

  #add(json: string): number {
    const { index, hash } = this.#recorder.append(json);
    this.#previous = hash.toString("hex");
    this.#sequence++;
    return index;
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
    if (text.length > TEXT_PART_MAX) {
      for (let at = TEXT_PART_MAX; at < text.length; at += TEXT_PART_MAX) {
        moreParts++;
        this.append({
          type: "statement.text",
          decision: entry.decisionId,
          part: moreParts,
          text: partOfMasked(text, at, at + TEXT_PART_MAX),
        });
      }
      text = partOfMasked(text, 0, TEXT_PART_MAX);
    }
    const { decision } = entry;
    return this.#add(
      `${this.#boot}"commit":${entry.commit === null ? "null" : `"${entry.commit}"`},"decision":${decision.before}${entry.decisionId}${decision.after},${this.#gw}"kinds":${entry.kinds},"moreParts":${moreParts},${this.#onSid}"parameters":${entry.parameters === null ? "null" : canonicalJson(entry.parameters)},"phase":"${entry.phase}","refused":${entry.refused === null ? "null" : canonicalJson(entry.refused)},"sid":"${this.sid}","sprev":"${this.#previous}","sseq":${this.#sequence},"t":${this.#clock.now()},"text":${canonicalJson(text)},"type":"statement",${this.#who}`,
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
    return this.#add(
      `${this.#boot}"bytes":${entry.bytes},"decision":"${entry.decisionId}",${this.#gw}"masked":${entry.masked.length === 0 ? "[]" : canonicalJson(entry.masked)},${this.#onSid}"rows":${entry.rows},"sample":${entry.sample === null ? "null" : canonicalJson(entry.sample)},"sid":"${this.sid}","sprev":"${this.#previous}","sqlstate":${entry.sqlstate === null ? "null" : canonicalJson(entry.sqlstate)},"sseq":${this.#sequence},"status":"${entry.status}","t":${this.#clock.now()},"tag":${canonicalJson(entry.tag)},"type":"outcome","us":${entry.us},${this.#who}`,
    );
  }
}
