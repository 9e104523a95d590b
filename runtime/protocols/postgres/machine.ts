import type { ActionHost, Refusal, Ruling, SqlAction, TextMemo, Wire } from "../protocol.ts";
import { secretsOf, type MaskSecrets } from "../../enforce/mask/index.ts";
import type { AnalysedStatement } from "../../facts/index.ts";
import { InvariantError } from "../../../base/assert.ts";
import { Expect, ExpectQueue, type Described } from "./expect.ts";
import { readBind, readExecute, readNamed, readParse } from "./fields.ts";
import { Intake } from "./intake.ts";
import { LENGTH_MAX } from "./lengths.ts";
import { HELD_BYTES_MAX, IN_FLIGHT_MAX } from "./limits.ts";
import {
  CLIENT,
  HEADER_BYTES,
  IDLE,
  FAILED_TRANSACTION,
  describePortal,
  parseOf,
  query,
  queryOf,
  readyForQuery,
} from "./messages.ts";
import { noteEffects } from "./name-effects.ts";
import { Names, type Portal } from "./names.ts";
import { POISON, protocolViolation, refusalError, waitingNotice } from "./refuse.ts";
import { ServerSide, type ServerSideOwner } from "./server-side.ts";

/** What to do with the message at hand. */
type Next = "forward" | "drop" | "hold" | "closed";

const FUNCTION_CALL: Refusal = {
  kind: "unsupported",
  message: "sallyport: function calls by number are refused, for they name no statement that a policy could judge",
  hint: "Call the function with SELECT.",
};

/** A domain checks its values when they are bound, by code that no text names. */
const USER_TYPE: Refusal = {
  kind: "unsupported",
  message: "sallyport: under a mask no parameter is declared of a type that users made, for it may run code of theirs",
  hint: "Leave the parameter's type open, or cast it in the statement.",
};

/** What may come inside of a copy, and what ends the session. */
const AMID_COPY: ReadonlySet<number> = new Set([
  CLIENT.copyData,
  CLIENT.copyDone,
  CLIENT.copyFail,
  CLIENT.flush,
  CLIENT.terminate,
]);

const NO_PARAMETERS: readonly (Buffer | null)[] = [];
const NO_FORMATS: readonly number[] = [];

/**
 * One authenticated PostgreSQL session, between client and server. No byte of a statement goes upstream before its
 * ruling. A refused statement fails the way the server's own would: when a transaction or a pipeline is open, a message
 * that must fail goes upstream in its place, so that what came before is rolled back exactly as it would be without us.
 */
export class PostgresMachine implements ServerSideOwner {
  readonly #host: ActionHost;
  readonly #wire: Wire;
  readonly #intake = new Intake();
  readonly #server: ServerSide;
  readonly expected = new ExpectQueue();
  readonly names = new Names();
  /** Transaction status of the last ReadyForQuery. */
  status: number = IDLE;
  /** Something went upstream since the last Sync or Query, so a failure must fail there. */
  #sinceSync = false;
  /** Counts batches: what ends with a Sync, and each Query. */
  #batch = 0;
  /** A message waits until the server has answered this one. */
  #waitingFor: Expect | null = null;
  /** After an error that was told the client: what it pipelined is dropped up to its Sync. */
  #skipping: "no" | "local" | "upstream" = "no";
  #held: Buffer[] | null = null;
  #heldBytes = 0;
  #recordIndex = -1;
  #closed = false;
  /** What copies from the client, until the client has ended that: all behind it the server would read as part of the copy. */
  #copier: Expect | null = null;
  /** The chunk that is read: from where on it is still to be sent, and where the message at hand begins. */
  #chunk: Buffer = EMPTY;
  #from = 0;
  #at = 0;
  /** Rest of a CopyData message of the client that is passed on as it comes. */
  #passing = 0;

  constructor(host: ActionHost, wire: Wire, secrets: Uint8Array | MaskSecrets) {
    this.#host = host;
    this.#wire = wire;
    this.#server = new ServerSide(this, host, wire, secretsOf(secrets));
  }

  /** Whether more of the client should be read: not while much is held or much is in flight. */
  get wantsClient(): boolean {
    return this.#heldBytes < HELD_BYTES_MAX && this.expected.size < IN_FLIGHT_MAX;
  }

  /** No batch of the client is under way. */
  get betweenBatches(): boolean {
    return !this.#sinceSync;
  }

  get holding(): boolean {
    return this.#held !== null;
  }

  /** Bytes of the server: see `ServerSide.push`. */
  fromServer(bytes: Buffer, start: number, end: number): number {
    if (this.#closed) return end;
    const at = this.#server.push(bytes, start, end);
    const waiting = this.#waitingFor;
    if (waiting !== null && (waiting.settled || waiting.copying)) this.#readHeld();
    return at;
  }

  /** What was given to the client's wire is not written yet; its memory is left alone. */
  releaseOutput(): void {
    this.#server.releaseOutput();
  }

  /** The server's connection ended. Answers whether that was in the middle of something. */
  serverGone(): boolean {
    return this.#server.gone();
  }

  /** Tells a waiting client something. */
  notice(text: string, hint?: string): void {
    if (!this.#closed) this.#server.say(waitingNotice(text, hint));
  }

  /** Ends the session with an error the client can print. */
  fail(bytes: Buffer, why: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#server.say(bytes);
    this.#wire.close(why);
  }

  fromClient(chunk: Buffer): void {
    if (this.#closed) return;
    if (this.#held !== null) {
      this.#held.push(chunk);
      this.#heldBytes += chunk.length;
      return;
    }
    const data = this.#intake.push(chunk);
    if (data !== null) this.#read(data, 0);
  }

  /** Reads messages of `data` from `at` on; what may pass goes out in as few writes as there are gaps. */
  #read(data: Buffer, at: number): void {
    // What is before `#at` and was not dropped is still to be sent: see `#insert`.
    this.#chunk = data;
    this.#from = at;
    if (this.#passing > 0) {
      const taken = Math.min(this.#passing, data.length - at);
      this.#passing -= taken;
      at += taken;
    }
    while (data.length - at >= HEADER_BYTES) {
      const type = data[at]!;
      const length = data.readInt32BE(at + 1);
      const lengthMax = LENGTH_MAX[type];
      if (lengthMax === undefined || length < 4 || length > lengthMax) {
        this.#flush(at);
        return this.#violation(
          lengthMax === undefined
            ? `message type ${printable(type)} is not one that a client may send`
            : `a message of type ${printable(type)} claims ${length} bytes; the limit is ${lengthMax}`,
        );
      }
      const end = at + 1 + length;
      if (end > data.length) {
        if (type !== CLIENT.copyData) break;
        // Bulk data needs no decision of its own, so it need not be collected.
        if (this.#copies === null) break;
        this.#passing = end - data.length;
        this.#flush(data.length);
        this.#intake.keep(EMPTY, 1);
        return;
      }
      this.#at = at;
      const next = this.#message(type, data, at, end);
      if (next === "closed") return;
      if (next === "hold") {
        this.#flush(at);
        this.#held!.unshift(data.subarray(at));
        this.#heldBytes = this.#held!.reduce((sum, piece) => sum + piece.length, 0);
        return;
      }
      if (next === "drop") {
        this.#flush(at);
        this.#from = end;
      }
      at = end;
    }
    this.#flush(at);
    if (at === data.length) return this.#intake.keep(EMPTY, HEADER_BYTES);
    const rest = data.subarray(at);
    const need = rest.length >= HEADER_BYTES ? 1 + rest.readInt32BE(1) : HEADER_BYTES;
    this.#intake.keep(rest, need);
  }

  /** Sends what of the chunk at hand waits to be sent, up to `to`. */
  #flush(to: number): void {
    if (to > this.#from && !this.#closed) {
      // Most chunks pass whole.
      const whole = this.#from === 0 && to === this.#chunk.length;
      this.#wire.toServer(whole ? this.#chunk : this.#chunk.subarray(this.#from, to), this.#recordIndex);
    }
    this.#from = to;
  }

  /** Sends a message of our own in the place of the one at hand: behind all before it. */
  #insert(bytes: Buffer): void {
    this.#flush(this.#at);
    this.#wire.toServer(bytes, this.#recordIndex);
  }

  #violation(what: string): void {
    this.fail(protocolViolation(what), `protocol violation by the client: ${what}`);
  }

  #message(type: number, data: Buffer, at: number, end: number): Next {
    // As the server itself: after an error in a batch everything but Sync is skipped.
    if (this.#skipping !== "no" && type !== CLIENT.sync && type !== CLIENT.terminate) return "drop";
    const copier = this.#copies;
    if (copier !== null && !AMID_COPY.has(type)) return this.#amidCopy(copier, type);
    switch (type) {
      case CLIENT.query:
        return this.#query(data, at, end);
      case CLIENT.parse:
        return this.#parse(data, at, end);
      case CLIENT.bind:
        return this.#bind(data, at, end);
      case CLIENT.execute:
        return this.#execute(data, at, end);
      case CLIENT.describe:
        return this.#describe(data, at, end);
      case CLIENT.close:
        return this.#close(data, at, end);
      case CLIENT.sync:
        return this.#sync();
      case CLIENT.flush:
        return "forward";
      // The server ignores these outside COPY, and so nothing is lost when they are not sent.
      case CLIENT.copyData:
        return copier === null ? "drop" : "forward";
      case CLIENT.copyDone:
      case CLIENT.copyFail:
        if (copier === null) return "drop";
        copier.copiesEnded++;
        return "forward";
      case CLIENT.functionCall:
        return this.#refuseWhole(FUNCTION_CALL);
      case CLIENT.terminate:
        this.#flush(end);
        this.#closed = true;
        this.#wire.close("the client left");
        return "closed";
      default:
        throw new InvariantError(`message type ${type} has a length limit and no meaning`);
    }
  }

  /** What still copies from the client. */
  get #copies(): Expect | null {
    const copier = this.#copier;
    if (copier !== null && (copier.settled || copier.copiesEnded === copier.copies)) this.#copier = null;
    return this.#copier;
  }

  /**
   * A message that is no part of a copy before the copy's end. Whether the server answers it hangs on whether it reads the
   * copy by then, so it waits for that. Inside of a copy the server skips a Sync, and no other message has a place there.
   */
  #amidCopy(copier: Expect, type: number): Next {
    if (!copier.copying) return this.#wait(copier);
    if (type === CLIENT.sync) return "drop";
    this.#violation(`message type ${printable(type)} has no place inside of a copy`);
    return "closed";
  }

  #copiesOf(expect: Expect): void {
    for (const { statement } of expect.plans) if (statement.returns === "copy-in") expect.copies++;
    if (expect.copies > 0) this.#copier = expect;
  }

  #malformed(what: string): Next {
    this.#violation(`the inside of a ${what} message does not fit its length`);
    return "closed";
  }

  // ---- simple protocol -----------------------------------------------------------------------------------------

  #query(data: Buffer, at: number, end: number): Next {
    const start = at + HEADER_BYTES;
    if (data[end - 1] !== 0 || data.indexOf(0, start) !== end - 1) return this.#malformed("Query");
    const text = data.subarray(start, end - 1);
    const answer = this.#host.judge(this.#action("simple", text, null, NO_PARAMETERS, NO_FORMATS));
    if (answer instanceof Promise) return this.#hold(answer, (ruling) => this.#queryRuled(ruling));
    return this.#queryRuled(answer);
  }

  #queryRuled(ruling: Ruling): Next {
    if (!ruling.go) return this.#refuseWhole(ruling.refusal);
    const expect = this.expected.push(new Expect("query", this.#batch));
    expect.ticket = ruling.ticket;
    expect.plans = ruling.plans;
    this.#copiesOf(expect);
    this.#recordIndex = ruling.recordIndex;
    for (const plan of ruling.plans) noteEffects(this.names, plan.statement, expect, ruling.plans.length > 1);
    this.#sinceSync = false;
    this.#batch++;
    if (ruling.rewritten === undefined) return "forward";
    expect.moved = true;
    this.#insert(queryOf(ruling.rewritten));
    return "drop";
  }

  /** Refuses what ends with a ReadyForQuery of its own. */
  #refuseWhole(refusal: Refusal): Next {
    const error = refusalError(refusal);
    if (this.#idle) {
      this.#server.say(Buffer.concat([error, readyForQuery(IDLE)]));
      return "drop";
    }
    const expect = this.expected.push(new Expect("query", this.#batch));
    expect.poison = error;
    this.#sinceSync = false;
    this.#batch++;
    this.#insert(query("refused by sallyport"));
    return "drop";
  }

  /** Nothing is open at the server that a refusal would have to fail. */
  get #idle(): boolean {
    return this.expected.size === 0 && this.status === IDLE && !this.#sinceSync;
  }

  // ---- extended protocol ---------------------------------------------------------------------------------------

  #parse(data: Buffer, at: number, end: number): Next {
    const parsed = readParse(data, at + HEADER_BYTES, end);
    if (!parsed.ok) return this.#malformed("Parse");
    const { name, text, types } = parsed.value;
    const unsettled = this.#unsettled(this.names.statement(name)?.madeBy);
    if (unsettled !== null) return this.#wait(unsettled);
    if (name !== "" && this.names.statement(name) === undefined && this.names.statementsFull)
      return this.#refusePart({
        kind: "unavailable",
        message: "sallyport: too many prepared statements in this session",
      });
    const memo: TextMemo = { context: null, analysis: null };
    const answer = this.#host.judge(this.#action("parse", text, memo, NO_PARAMETERS, NO_FORMATS));
    if (answer instanceof Promise)
      return this.#hold(answer, (ruling) => this.#parseRuled(ruling, name, text, types, memo));
    return this.#parseRuled(answer, name, text, types, memo);
  }

  #parseRuled(ruling: Ruling, name: string, text: Buffer, types: Buffer, memo: TextMemo): Next {
    if (!ruling.go) return this.#refusePart(ruling.refusal);
    if (ruling.plans.some((plan) => plan.guarded !== null) && namesUserType(types)) return this.#refusePart(USER_TYPE);
    this.#recordIndex = ruling.recordIndex;
    const expect = this.#sent("parse");
    if (name !== "" && this.names.statement(name) !== undefined && this.#dropPending()) {
      return this.#replacePart(expect, {
        kind: "unsupported",
        message: `sallyport: prepared statement ${JSON.stringify(name)} is being dropped in the same batch`,
        hint: "Send Sync between DEALLOCATE and the new Parse.",
      });
    }
    // If the name is taken, the server fails this one, skips the rest of the batch and keeps the old: so does `undo`.
    expect.undo = this.names.setStatement(name, {
      text: Buffer.from(text),
      sent: ruling.rewritten ?? null,
      memo,
      statement: null,
      innerText: null,
      madeBy: expect,
      columns: null,
      resultFormats: NO_FORMATS,
      from: null,
    });
    if (ruling.rewritten === undefined) return "forward";
    expect.moved = true;
    this.#insert(parseOf(name, ruling.rewritten, types));
    return "drop";
  }

  /** A statement that drops prepared statements is under way, so what a name stands for is not known. */
  #dropPending(): boolean {
    for (const expect of this.expected) if (expect.done !== null) return true;
    return false;
  }

  #bind(data: Buffer, at: number, end: number): Next {
    const parsed = readBind(data, at + HEADER_BYTES, end);
    if (!parsed.ok) return this.#malformed("Bind");
    const { portal, statement, parameters, parameterFormats, resultFormats } = parsed.value;
    const prepared = this.names.statement(statement);
    const unsettled = this.#unsettled(prepared?.madeBy) ?? this.#unsettled(this.names.portal(portal)?.madeBy);
    if (unsettled !== null) return this.#wait(unsettled);
    if (portal !== "" && this.names.portal(portal) === undefined && this.names.portalsFull)
      return this.#refusePart({ kind: "unavailable", message: "sallyport: too many open portals in this session" });
    const expect = this.#sent("bind");
    // A statement that is not known here may still be one there, so that what the portal stands for is not known either.
    if (prepared === undefined) expect.undo = this.names.dropPortal(portal);
    else {
      const bound: Portal = {
        prepared,
        parameters,
        parameterFormats,
        resultFormats,
        declared: null,
        madeBy: expect,
        columns: null,
        from: prepared,
      };
      expect.undo = this.names.setPortal(portal, bound);
    }
    return "forward";
  }

  #execute(data: Buffer, at: number, end: number): Next {
    const parsed = readExecute(data, at + HEADER_BYTES, end);
    if (!parsed.ok) return this.#malformed("Execute");
    const name = parsed.value.portal;
    const portal = this.names.portal(name);
    // What is not known here can't be judged, so it is not left to the server to find out.
    if (portal === undefined) {
      return this.#refusePart({ kind: "unknown-name", message: `portal ${JSON.stringify(name)} does not exist` });
    }
    const unsettled = this.#unsettled(portal.madeBy);
    if (unsettled !== null) return this.#wait(unsettled);
    const text = portal.prepared?.text ?? null;
    if (text === null) {
      return this.#refusePart({
        kind: "unsupported",
        message: `sallyport: ${JSON.stringify(name)} was declared or prepared in SQL and can't be executed as a portal`,
        hint: "Use FETCH or EXECUTE.",
      });
    }
    const memo = portal.prepared?.memo ?? null;
    const answer = this.#host.judge(this.#action("execute", text, memo, portal.parameters, portal.parameterFormats));
    if (answer instanceof Promise) return this.#hold(answer, (ruling) => this.#executeRuled(ruling, name, portal));
    return this.#executeRuled(answer, name, portal);
  }

  #executeRuled(ruling: Ruling, name: string, portal: Portal): Next {
    if (!ruling.go) return this.#refusePart(ruling.refusal);
    this.#recordIndex = ruling.recordIndex;
    const sent = portal.prepared?.sent ?? null;
    if (sent === null ? ruling.rewritten !== undefined : ruling.rewritten?.equals(sent) !== true) {
      return this.#refusePart({
        kind: "policy",
        message: "sallyport: the policy or the catalog changed since this statement was prepared",
        hint: "Prepare it again.",
      });
    }
    // Rows of a masked user can't be checked against the plan without their description, so it is asked for.
    const checked = ruling.plans.some(
      (plan) => (plan.guarded !== null || plan.detect !== null) && plan.statement.returns === "rows",
    );
    if (checked && portal.columns === null && (portal.from?.columns ?? null) === null && !this.#describing(portal)) {
      const own = this.expected.push(new Expect("self-describe", this.#batch));
      own.subject = portal;
      this.#insert(describePortal(Buffer.from(name, "utf8")));
    }
    const expect = this.#sent("execute");
    expect.ticket = ruling.ticket;
    expect.plans = ruling.plans;
    this.#copiesOf(expect);
    expect.subject = portal;
    expect.moved = sent !== null;
    for (const plan of ruling.plans) noteEffects(this.names, plan.statement, expect, false);
    return "forward";
  }

  #describing(portal: Portal): boolean {
    for (const expect of this.expected) {
      if (expect.kind === "describe" && (expect.subject === portal || expect.subject === portal.from)) return true;
    }
    return false;
  }

  #describe(data: Buffer, at: number, end: number): Next {
    const parsed = readNamed(data, at + HEADER_BYTES, end);
    if (!parsed.ok) return this.#malformed("Describe");
    const { what, name } = parsed.value;
    const expect = this.#sent("describe");
    const subject: Described | undefined = what === "statement" ? this.names.statement(name) : this.names.portal(name);
    expect.subject = subject ?? null;
    return "forward";
  }

  #close(data: Buffer, at: number, end: number): Next {
    const parsed = readNamed(data, at + HEADER_BYTES, end);
    if (!parsed.ok) return this.#malformed("Close");
    const { what, name } = parsed.value;
    const named = what === "statement" ? this.names.statement(name) : this.names.portal(name);
    const unsettled = this.#unsettled(named?.madeBy);
    if (unsettled !== null) return this.#wait(unsettled);
    const expect = this.#sent("close");
    expect.undo = what === "statement" ? this.names.dropStatement(name) : this.names.dropPortal(name);
    return "forward";
  }

  #sync(): Next {
    if (this.#skipping === "local") {
      this.#skipping = "no";
      this.#server.say(readyForQuery(IDLE));
      return "drop";
    }
    this.#skipping = "no";
    this.#sinceSync = false;
    this.expected.push(new Expect("sync", this.#batch++));
    return "forward";
  }

  /** The server failed a batch whose Sync the client has still to send. */
  batchFailed(): void {
    this.#skipping = "upstream";
  }

  #sent(kind: Expect["kind"]): Expect {
    this.#sinceSync = true;
    return this.expected.push(new Expect(kind, this.#batch));
  }

  /** Refuses a message of the extended protocol: the client's further messages are skipped up to its Sync. */
  #refusePart(refusal: Refusal): Next {
    if (this.#idle) {
      this.#skipping = "local";
      this.#server.say(refusalError(refusal));
      return "drop";
    }
    const expect = this.expected.push(new Expect("execute", this.#batch));
    return this.#replacePart(expect, refusal);
  }

  #replacePart(expect: Expect, refusal: Refusal): Next {
    this.#sinceSync = true;
    this.#skipping = "upstream";
    expect.poison = refusalError(refusal);
    this.#insert(POISON);
    return "drop";
  }

  // ---- shared ------------------------------------------------------------------------------------------------------

  #action(
    phase: SqlAction["phase"],
    text: Buffer,
    memo: TextMemo | null,
    parameters: readonly (Buffer | null)[],
    parameterFormats: readonly number[],
  ): SqlAction {
    return {
      phase,
      text,
      memo,
      parameters,
      parameterFormats,
      inTransaction: this.status !== IDLE,
      failedTransaction: this.status === FAILED_TRANSACTION,
      probe: this.expected.size === 0 && !this.#sinceSync && this.status !== FAILED_TRANSACTION ? this.#probe : null,
      resolve: this.#resolve,
    };
  }

  readonly #resolve = (what: "statement" | "portal", name: string): Buffer | AnalysedStatement | null => {
    const found = what === "statement" ? this.names.statement(name) : this.names.portal(name);
    if (found === undefined || this.#unsettled(found.madeBy) !== null) return null;
    if ("declared" in found) return found.declared;
    return found.innerText ?? found.text;
  };

  /**
   * The message that made a name, while it is of an earlier batch and not answered yet: whether the name stands for it
   * depends on whether that batch fails. Within one batch it does not, for what follows a failure is skipped.
   */
  #unsettled(madeBy: Expect | undefined): Expect | null {
    return madeBy === undefined || madeBy.settled || madeBy.batch === this.#batch ? null : madeBy;
  }

  /** Keeps this message and all behind it until the server has answered another. */
  #wait(expect: Expect): Next {
    this.#held = [];
    this.#waitingFor = expect;
    return "hold";
  }

  #readHeld(): void {
    this.#waitingFor = null;
    if (this.#closed || this.#held === null) return;
    const held = this.#held;
    this.#held = null;
    this.#heldBytes = 0;
    this.#read(held.length === 1 ? held[0]! : Buffer.concat(held), 0);
  }

  readonly #probe = (sql: string): Promise<readonly (readonly (string | null)[])[] | null> => {
    return new Promise((settle) => {
      const expect = this.expected.push(new Expect("probe", this.#batch));
      expect.collected = [];
      expect.settle = settle;
      this.#insert(query(sql));
    });
  };

  /** Keeps everything the client sends until the ruling is there. */
  #hold(answer: Promise<Ruling>, ruled: (ruling: Ruling) => Next): Next {
    this.#held = [];
    void answer.then(
      (ruling) => this.#resume(ruling, ruled),
      (fault: unknown) => {
        const message = fault instanceof Error ? fault.message : String(fault);
        this.#resume(
          { go: false, refusal: { kind: "unavailable", message: `sallyport: the decision failed: ${message}` } },
          ruled,
        );
      },
    );
    return "hold";
  }

  #resume(ruling: Ruling, ruled: (ruling: Ruling) => Next): void {
    if (this.#closed || this.#held === null) return;
    const held = this.#held;
    const data = held.length === 1 ? held[0]! : Buffer.concat(held);
    this.#held = null;
    this.#heldBytes = 0;
    this.#chunk = data;
    this.#from = 0;
    this.#at = 0;
    const end = 1 + data.readInt32BE(1);
    const next = ruled(ruling);
    if (next === "forward") this.#wire.toServer(data.subarray(0, end), this.#recordIndex);
    if (next === "hold" || next === "closed") throw new InvariantError("a ruled message is forwarded or dropped");
    this.#read(data, end);
  }
}

const EMPTY = Buffer.alloc(0);

/** The first number that PostgreSQL gives to what users make. Source: FirstNormalObjectId in access/transam.h. */
const USER_OID_MIN = 16_384;

/** Whether a Parse declares a parameter of a type that is not PostgreSQL's own. `types`: their count and numbers. */
function namesUserType(types: Buffer): boolean {
  for (let at = 2; at + 4 <= types.length; at += 4) if (types.readUInt32BE(at) >= USER_OID_MIN) return true;
  return false;
}

function printable(type: number): string {
  return type > 32 && type < 127 ? `'${String.fromCharCode(type)}'` : `0x${type.toString(16).padStart(2, "0")}`;
}
