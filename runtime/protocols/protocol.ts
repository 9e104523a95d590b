import type { AnalysedStatement, Analysis } from "../facts/index.ts";
import type { DetectPlan, MaskPlan } from "../enforce/mask/index.ts";

/**
 * What a protocol adapter needs from the rest of the gateway and what it gives. An adapter is sans-IO: bytes and answers
 * are handed in, bytes and questions come out. Sockets, clocks, decisions and the record belong to `runtime/session`.
 */

/** Why an action may not go ahead, in words for the person at the client. The adapter puts it into its protocol's form. */
export interface Refusal {
  /**
   * `policy`: a rule, or no rule, says no · `unreadable`: the statement can't be analysed · `unavailable`: something that
   * the gateway needs is broken · `withdrawn`: the waiting client cancelled · `syntax` and `unknown-name`: the
   * server would refuse it too.
   */
  readonly kind: "policy" | "unreadable" | "unavailable" | "withdrawn" | "syntax" | "unsupported" | "unknown-name";
  readonly message: string;
  readonly detail?: string | undefined;
  readonly hint?: string | undefined;
  /** 1-based character position in the statement's text, for `syntax`. */
  readonly position?: number | undefined;
}

/** One statement's permission with everything its results need. Shared between executions; immutable. */
export interface StatementPlan {
  readonly statement: AnalysedStatement;
  readonly mask: MaskPlan;
  /** What is looked for in everything that comes back, masked columns or not; null when nothing is. */
  readonly detect: DetectPlan | null;
  /** Rows that the client may get of this statement, or -1. */
  readonly rowLimit: number;
  /** The rule that sets the limit, for the message. */
  readonly rowLimitRule: string;
  /** Bytes of rows, as the target sends them, that the client may get of this statement, or -1. */
  readonly byteLimit: number;
  readonly byteLimitRule: string;
  /** Relations with columns that are masked for this user: a result that names one, unplanned, is cut off. */
  readonly guarded: ReadonlySet<number> | null;
}

/** A running action, as the host knows it. Opaque to the adapter. */
export interface Ticket {
  readonly decisionId: number;
}

export type Ruling =
  | {
      readonly go: true;
      /** One for each statement of the message, in order. */
      readonly plans: readonly StatementPlan[];
      readonly ticket: Ticket;
      /** The record that must be durable before a byte of the action goes upstream. */
      readonly recordIndex: number;
      /** What is sent instead of the message's text, when masked relations in it are replaced. */
      readonly rewritten?: Buffer | undefined;
    }
  | { readonly go: false; readonly refusal: Refusal };

/** What became of an action. */
export interface Outcome {
  /** `cut`: stopped by the gateway · `skipped`: sent, but the server never came to it · `lost`: the server went away. */
  readonly status: "ok" | "error" | "cut" | "skipped" | "lost";
  readonly tag: string;
  readonly rows: number;
  readonly bytes: number;
  /** Values that were replaced, and the columns they stood in. */
  readonly maskedColumns: readonly string[];
  readonly sqlstate: string | null;
  /** The first rows, as the client got them; null when there are none, or none are wanted. */
  readonly sample: readonly (readonly (string | null)[])[] | null;
}

/**
 * What the host knows of one text. An adapter that keeps a text, as of a prepared statement, keeps this with it and hands both
 * in each time it runs, so that nothing is looked up for it. Filled by the host.
 */
export interface TextMemo {
  /** Under this context the text means `analysis`. */
  context: object | null;
  analysis: Analysis | null;
}

export interface SqlAction {
  /** `parse` asks whether the statement may be prepared; it is asked again, as `execute`, each time it runs. */
  readonly phase: "simple" | "parse" | "execute";
  /** The exact bytes of the statement's text, without its terminator. */
  readonly text: Buffer;
  /** Null for a text that is not kept. */
  readonly memo: TextMemo | null;
  readonly parameters: readonly (Buffer | null)[];
  readonly parameterFormats: readonly number[];
  readonly inTransaction: boolean;
  readonly failedTransaction: boolean;
  /** Asks the session's own server connection; null when that can't be done now (mid-pipeline, failed transaction). */
  readonly probe: ((sql: string) => Promise<readonly (readonly (string | null)[])[] | null>) | null;
  /**
   * What is behind a name that SQL's EXECUTE or FETCH uses: the text of a prepared statement, which the server plans anew
   * under the catalog of the moment, or the cursor's statement as it was declared. Null when that is not known.
   */
  readonly resolve: (what: "statement" | "portal", name: string) => Buffer | AnalysedStatement | null;
}

/** The side of the gateway that decides, records and waits. */
export interface ActionHost {
  /** Outcomes should come with the first rows of results. */
  readonly wantsSamples: boolean;
  /** Answers at once when it can: the answer of a cached statement needs no promise. */
  judge(action: SqlAction): Ruling | Promise<Ruling>;
  finished(ticket: Ticket, outcome: Outcome): void;
  /** The client gave up the action that `judge` still holds. */
  withdraw(why: "cancelled" | "disconnected"): void;
  /** The server reported a setting (ParameterStatus). Answers why the session can't go on, or null. */
  setting(name: string, value: string): string | null;
  /** What the client is told of a setting: the value, or its own where the gateway gave the server another. */
  shownSetting(name: string, value: string): string;
}

/** Where the adapter's bytes go. */
export interface Wire {
  /** `bytes` may be a view of a buffer that is used again once they are written: write them at once or copy. */
  toClient(bytes: Buffer): void;
  /** Not before the record `recordIndex` is durable, and in order. */
  toServer(bytes: Buffer, recordIndex: number): void;
  /** Stop the statement that runs upstream. */
  cancelUpstream(): void;
  /** Ends the connection, after what was written. `why` is recorded. */
  close(why: string): void;
}
