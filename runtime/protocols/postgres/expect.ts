import type { Ticket, StatementPlan } from "../protocol.ts";

/**
 * What the server still owes an answer to, in the order it was asked. The gateway knows by it to which statement an
 * answer belongs, whatever the client pipelines.
 */
export type ExpectKind =
  | "query"
  | "parse"
  | "bind"
  | "describe"
  | "execute"
  | "close"
  | "sync"
  /** Asked by the gateway for itself; nothing of the answer reaches the client. */
  | "probe"
  | "self-describe";

export class Expect {
  readonly kind: ExpectKind;
  /** Number of the batch (up to a Sync, or a Query) that the message belongs to. */
  readonly batch: number;
  /** The server has answered, or never will. */
  settled = false;
  ticket: Ticket | null = null;
  plans: readonly StatementPlan[] = NO_PLANS;
  /** Which statement of the message is being answered. */
  statement = 0;
  /** The running statement's result was checked against its plan. */
  begun = false;
  /** The server was sent another text than the client's: places in it are none of the client's. */
  moved = false;
  rows = 0;
  bytes = 0;
  tag = "";
  /** Stands in for the server's error: the statement was refused and a failing one was sent in its place. */
  poison: Buffer | null = null;
  /** Takes back what was noted when the message was sent, if the server never got to it. */
  undo: (() => void) | null = null;
  /** Runs when the server has confirmed it. */
  done: (() => void) | null = null;
  /** Portal or statement, for describe and execute. */
  subject: Described | null = null;
  /** Rows of a probe. */
  collected: (string | null)[][] | null = null;
  settle: ((rows: readonly (readonly (string | null)[])[] | null) => void) | null = null;
  /** Times that it copies from the client, how many of them the server has begun, and how many the client has ended. */
  copies = 0;
  copiesBegun = 0;
  copiesEnded = 0;

  constructor(kind: ExpectKind, batch: number) {
    this.kind = kind;
    this.batch = batch;
  }

  /** The server reads what it copies, and nothing else. */
  get copying(): boolean {
    return this.copiesBegun > this.copiesEnded;
  }
}

/** What the server said of a statement's or portal's result. */
export interface Described {
  columns:
    | readonly {
        readonly name: string;
        readonly relation: number;
        readonly attribute: number;
        readonly type: number;
        readonly format: number;
      }[]
    | null;
  /** Format codes that Bind asked for: none (all text), one for all, or one for each. Empty for a statement. */
  readonly resultFormats: readonly number[];
  /** The statement the portal was bound from: a description of it serves the portal. */
  readonly from: Described | null;
}

const NO_PLANS: readonly StatementPlan[] = [];

/** Memory for so many is kept while nothing is owed. */
const KEPT_ITEMS = 1024;

/** First in, first out. Its memory is used again, so that nothing is moved or allocated for each message. */
export class ExpectQueue {
  #items: (Expect | undefined)[] = [];
  #head = 0;
  #end = 0;

  get size(): number {
    return this.#end - this.#head;
  }

  get head(): Expect | undefined {
    return this.#items[this.#head];
  }

  push(expect: Expect): Expect {
    this.#items[this.#end++] = expect;
    return expect;
  }

  shift(): void {
    if (this.#head === this.#end) return;
    this.#items[this.#head]!.settled = true;
    this.#items[this.#head] = undefined;
    this.#head++;
    if (this.#head === this.#end) {
      this.#head = 0;
      this.#end = 0;
      if (this.#items.length > KEPT_ITEMS) this.#items = [];
    } else if (this.#head > KEPT_ITEMS && this.#head * 2 > this.#end) {
      this.#items = this.#items.slice(this.#head, this.#end);
      this.#end -= this.#head;
      this.#head = 0;
    }
  }

  *[Symbol.iterator](): Iterator<Expect> {
    for (let i = this.#head; i < this.#end; i++) yield this.#items[i]!;
  }
}
