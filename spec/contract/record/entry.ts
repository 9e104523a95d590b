import type { CanonicalValue } from "./canonical.ts";
import type { Masked } from "./masked.ts";

/** A tlog-tiles entry is preceded by sixteen bits of length. */
export const ENTRY_BYTES_MAX = 65_535;
/** A text goes on in entries of its own past so many bytes of canonical JSON: with all else it must fit into one entry. */
export const TEXT_PART_BYTES_MAX = 32_768;
/** Lists (bound values, masked columns, a sample of rows) longer than this go into entries of their own. */
export const LIST_BYTES_MAX = 8_192;
/** Who and on what, which every entry of a session repeats. */
export const COMMON_BYTES_MAX = 12_288;

/** Who a session's entries are of. Every one has `user`, and `issuer` when a token was shown; its first entry has all. */
export interface Who {
  readonly user: string;
  readonly groups: readonly string[];
  readonly method: string;
  /** Issuer of the token, when it was one. */
  readonly issuer: string | null;
}

/** What a session's entries are on. Every one has `target`; its first entry has all. */
export interface On {
  readonly target: string;
  readonly protocol: string;
  readonly database: string;
  /** The account used at the target. */
  readonly account: string;
}

export interface DecisionRecord {
  /** Number within its session. People are shown it behind the session's name and a dot. */
  readonly id: number;
  readonly verdict: string;
  /** Names of all rules that matched. */
  readonly rules: readonly string[];
  readonly deciding: readonly string[];
  readonly masks: readonly string[];
  readonly bundle: string;
}

/** What an entry says beside what all entries of a session say. */
export type EntryBody =
  | {
      /** A run of the gateway begins: all entries up to the next such are of it. */
      readonly type: "log.start";
      readonly version: string;
      readonly gw: string;
      readonly boot: string;
      readonly bundle: string | null;
    }
  | { readonly type: "log.recovered"; readonly cutBytes: number }
  | { readonly type: "log.heartbeat"; readonly sessions: number }
  | {
      /** First in each write-ahead segment but the first: the open sessions with the number of their last entry. */
      readonly type: "log.continued";
      readonly sessions: readonly (readonly [sid: string, lastIndex: number])[];
    }
  | { readonly type: "log.stop" }
  | { readonly type: "bundle.loaded"; readonly bundle: string; readonly sequence: number; readonly keyId: string }
  | { readonly type: "bundle.refused"; readonly why: string }
  | { readonly type: "gateway.fault"; readonly why: string }
  | { readonly type: "session.refused"; readonly user: string; readonly from: string; readonly why: string }
  | { readonly type: "session.start"; readonly from: string; readonly tls: boolean; readonly application: string }
  | { readonly type: "session.end"; readonly why: string; readonly statements: number }
  | { readonly type: "session.aborted"; readonly lastSequence: number }
  | {
      /** A piece of what is too long for the entry that it belongs to, and comes before it. */
      readonly type: "statement.text";
      readonly decision: number;
      /** `text` goes on where the entry's own text ends; of the others the pieces joined are the list's canonical JSON. */
      readonly of: "text" | "parameters" | "masked" | "sample";
      readonly part: number;
      readonly text: Masked;
    }
  | {
      readonly type: "statement";
      readonly phase: string;
      readonly text: Masked;
      /** Entries of type `statement.text` that hold the rest of the text; left out when there are none. */
      readonly moreParts?: number;
      readonly kinds: readonly string[];
      /** A number: they are in so many entries of type `statement.text`. */
      readonly parameters?: readonly (Masked | null)[] | number;
      readonly decision: DecisionRecord;
      /** Salted SHA-256 of the exact bytes; the salt is kept apart, so that what was sent can be shown but not guessed. */
      readonly commit?: string;
      /** What the client was told, when the statement was refused. */
      readonly refused?: string;
    }
  | {
      /** The statement that follows has conditions over masked columns, by leave of their rules. */
      readonly type: "mask.predicates";
      readonly decision: number;
      /** It was sent with masked relations replaced by masked forms of them. */
      readonly substituted: boolean;
      /** Columns that it observes as they are. */
      readonly observed: readonly string[];
    }
  | {
      /** An `alert` rule matched; it goes to these channels. */
      readonly type: "alert";
      readonly decision: number;
      readonly rule: string;
      readonly channels: readonly string[];
    }
  | {
      /** A channel could not be told of an alert. It comes when it is known, and is none of the session's own entries. */
      readonly type: "alert.undelivered";
      readonly session: string;
      readonly decision: number;
      readonly rule: string;
      readonly channel: string;
      readonly why: string;
    }
  | {
      /** Somebody asked for the value behind a token. */
      readonly type: "token.reversed";
      readonly user: string;
      readonly token: string;
      readonly outcome: "shown" | "unknown" | "refused";
    }
  | {
      readonly type: "approval";
      readonly approval: string;
      readonly step: string;
      readonly by: string | null;
      readonly reason: string | null;
      readonly digest: string;
      readonly rules: readonly string[];
      readonly requester: string;
      readonly target: string;
    }
  | {
      readonly type: "outcome";
      readonly decision: number;
      readonly status: string;
      readonly tag: string;
      readonly rows: number;
      readonly bytes: number;
      readonly us: number;
      /** Names of columns; a number as for `parameters`. */
      readonly masked: readonly string[] | number;
      readonly sqlstate?: string;
      readonly sample?: readonly (readonly (Masked | null)[])[] | number;
    }
  | {
      /** A recording of what a terminal or command showed, after masking, in a file of its own. */
      readonly type: "recording";
      readonly decision: number;
      readonly name: string;
      readonly format: string;
      readonly bytes: number;
      /** SHA-256 of the file. */
      readonly digest: string;
      /** Bytes of output that it does not hold, for a command may show more than is kept. */
      readonly left: number;
    };

export type EntryType = EntryBody["type"];

/** An entry as it is read back. */
export interface ReadEntry {
  readonly index: number;
  readonly type: string;
  readonly value: { readonly [key: string]: CanonicalValue | undefined };
}
