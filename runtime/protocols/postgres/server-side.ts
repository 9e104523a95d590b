import type { ActionHost, Outcome, StatementPlan, Wire } from "../protocol.ts";
import {
  hideMatches,
  type ColumnMask,
  type DetectPlan,
  type MaskPlan,
  type MaskSecrets,
} from "../../enforce/mask/index.ts";
import { checkResult } from "./check-result.ts";
import { CopyMasker, copyObstacle } from "./copy-rows.ts";
import type { Expect, ExpectQueue } from "./expect.ts";
import { BodyReader, readReport, readRowDescription, type FieldDescription } from "./fields.ts";
import { ROW_BYTES_MAX, SAMPLED_ROW_BYTES_MAX, SERVER_CONTROL_BYTES_MAX } from "./limits.ts";
import { HEADER_BYTES, IDLE, SERVER, cstring, errorResponse, message, parameterStatus } from "./messages.ts";
import type { Names } from "./names.ts";
import { MALFORMED, copyRun, maskDataRow, rowBound } from "./rows.ts";
import { ResultSample, SAMPLE_ROWS, type SampleRows } from "./sample.ts";
import { detectInReport, scrubReport } from "./scrub.ts";
import { fitMasks, type ResultMask } from "./typed-masks.ts";

/** What the server side asks of the machine that it is half of. */
export interface ServerSideOwner {
  readonly expected: ExpectQueue;
  readonly names: Names;
  status: number;
  readonly betweenBatches: boolean;
  batchFailed(): void;
  fail(bytes: Buffer, why: string): void;
}

/** What becomes of a message of the server. */
const FORWARD = 0;
const DROP = 1;
/** It was answered for, or rewritten: `#replacement` goes out instead. */
const REPLACE = 2;
const STOP = 3;
type Fate = typeof FORWARD | typeof DROP | typeof REPLACE | typeof STOP;

const OUT_BYTES = 128 * 1024;

/**
 * The server's half of a session: reads its messages in place, forwards runs of untouched ones as views of the read
 * buffer, and copies into one output buffer only the chunks in which a row is masked. Nothing is allocated per row.
 */
export class ServerSide {
  readonly #owner: ServerSideOwner;
  readonly #host: ActionHost;
  readonly #wire: Wire;
  readonly #secrets: MaskSecrets;
  /** Rest of a large untouched message: passed on as it comes. */
  #passing = 0;
  /** Notices of our own that wait for the end of such a message. */
  readonly #unsaid: Buffer[] = [];
  #replacement: Buffer = EMPTY;
  /** Rows of the running statement, if they are masked. */
  #rowMask: ResultMask | null = null;
  #copyMasker: CopyMasker | null = null;
  #maskedColumns: readonly string[] = [];
  /** The rest of the running answer is dropped: it was cut off and the client told so. */
  #cut = false;
  #out: Buffer | null = null;
  #outAt = 0;
  readonly #count = { replaced: 0 };
  readonly #sample: ResultSample | null;
  /** Of the running statement, when the server described it in the same answer. */
  #columns: readonly FieldDescription[] | null = null;

  constructor(owner: ServerSideOwner, host: ActionHost, wire: Wire, secrets: MaskSecrets) {
    this.#owner = owner;
    this.#host = host;
    this.#wire = wire;
    this.#secrets = secrets;
    this.#sample = host.wantsSamples ? new ResultSample() : null;
  }

  /** Sends bytes of our own, between two messages of the server. */
  say(bytes: Buffer): void {
    if (this.#passing > 0) this.#unsaid.push(bytes);
    else this.#wire.toClient(bytes);
  }

  /**
   * Reads `bytes[start, end)`. Answers where the first message that is not whole begins: the caller hands that rest in
   * again, with more behind it. Views given to the wire are of `bytes`.
   */
  push(bytes: Buffer, start: number, end: number): number {
    let at = start;
    let from = start;
    if (this.#passing > 0) {
      const taken = Math.min(this.#passing, end - at);
      this.#passing -= taken;
      at += taken;
      if (this.#passing === 0 && this.#unsaid.length > 0) {
        this.#wire.toClient(bytes.subarray(from, at));
        from = at;
        for (const unsaid of this.#unsaid.splice(0)) this.#wire.toClient(unsaid);
      }
    }
    while (end - at >= HEADER_BYTES) {
      const type = bytes[at]!;
      const length = bytes.readInt32BE(at + 1);
      if (length < 4) return this.#broken(`a message of type ${type} claims ${length} bytes`, end);
      const messageEnd = at + 1 + length;
      if (type === SERVER.dataRow || type === SERVER.copyData) {
        const head = this.#owner.expected.head;
        if (head === undefined) return this.#broken("a row that belongs to no statement", end);
        if (!head.begun && head.collected === null && !this.#cut) this.#beginRows(head, type);
        const whole = messageEnd <= end;
        const free = !this.#cut && head.collected === null;
        const untouched = free && this.#rowMask === null && this.#copyMasker === null;
        if (untouched || (free && whole && this.#passesAsItIs(type, bytes, at, messageEnd))) {
          // A row of the sample is waited for, so that the record does not depend on how the network cut it.
          const sampled = this.#sample !== null && head.rows < SAMPLE_ROWS;
          if (sampled && !whole && length <= SAMPLED_ROW_BYTES_MAX) break;
          if (!this.#mayPass(head, type)) return this.#broken("a row that no statement announced", end);
          if (!this.#counted(head, messageEnd - at)) {
            this.#flush(bytes, from, at);
            this.#cutOff(head, this.#limitReached(head));
            from = at;
            continue;
          }
          if (sampled) this.#keep(bytes, at, Math.min(messageEnd, end), type);
          if (!whole) {
            this.#passing = messageEnd - end;
            at = end;
            break;
          }
          at = messageEnd;
          continue;
        }
        if (length > ROW_BYTES_MAX)
          return this.#broken(`a row of ${length} bytes; the limit for a masked one is ${ROW_BYTES_MAX}`, end);
        if (!whole) break;
        this.#flush(bytes, from, at);
        if (!this.#row(head, type, bytes, at, messageEnd)) return end;
        at = messageEnd;
        from = at;
        continue;
      }
      if (length > SERVER_CONTROL_BYTES_MAX)
        return this.#broken(`a message of ${length} bytes; the limit is ${SERVER_CONTROL_BYTES_MAX}`, end);
      if (messageEnd > end) break;
      const fate = this.#message(type, bytes, at, messageEnd);
      if (fate === STOP) return end;
      if (fate !== FORWARD) {
        this.#flush(bytes, from, at);
        if (fate === REPLACE) this.#put(this.#replacement);
        from = messageEnd;
      }
      at = messageEnd;
    }
    this.#flush(bytes, from, at);
    this.#flushOut();
    return at;
  }

  /** The last output is still being written: the next goes into other memory. */
  releaseOutput(): void {
    this.#out = null;
  }

  /** How many bytes the message that begins `rest` needs in all, as far as can be told. */
  static need(bytes: Buffer, start: number, end: number): number {
    return end - start < HEADER_BYTES ? HEADER_BYTES : 1 + bytes.readInt32BE(start + 1);
  }

  /** The server closed the connection. */
  gone(): boolean {
    let interrupted = false;
    for (const expect of this.#owner.expected) {
      // What was cut off has been told.
      if (expect.ticket !== null && expect.tag !== CUT_TAG) this.#finish(expect, "lost", null);
      expect.settle?.(null);
      interrupted = true;
    }
    return interrupted || this.#passing > 0;
  }

  // ---- output ------------------------------------------------------------------------------------------------------

  #flush(bytes: Buffer, from: number, to: number): void {
    if (to <= from) return;
    if (this.#outAt > 0) {
      this.#room(to - from);
      this.#outAt = copyRun(bytes, from, to, this.#out!, this.#outAt);
    } else {
      this.#wire.toClient(bytes.subarray(from, to));
    }
  }

  #put(bytes: Buffer): void {
    if (this.#outAt === 0) {
      this.#wire.toClient(bytes);
      return;
    }
    this.#room(bytes.length);
    this.#outAt = copyRun(bytes, 0, bytes.length, this.#out!, this.#outAt);
  }

  #room(bytes: number): void {
    this.#out ??= Buffer.allocUnsafeSlow(OUT_BYTES);
    if (this.#out.length - this.#outAt >= bytes) return;
    const bigger = Buffer.allocUnsafeSlow(Math.max(this.#out.length * 2, this.#outAt + bytes));
    this.#out.copy(bigger, 0, 0, this.#outAt);
    this.#out = bigger;
  }

  #flushOut(): void {
    if (this.#outAt === 0) return;
    const out = this.#out!;
    this.#wire.toClient(out.subarray(0, this.#outAt));
    this.#outAt = 0;
    // The wire may still hold it; a big one is not kept for the next row.
    if (out.length > 4 * OUT_BYTES) this.#out = null;
  }

  #broken(what: string, end: number): number {
    this.#outAt = 0;
    this.#owner.fail(
      errorResponse({
        severity: "FATAL",
        sqlstate: "08P01",
        message: `sallyport: the server sent ${what}; the session is closed`,
      }),
      `the server broke the protocol: ${what}`,
    );
    return end;
  }

  // ---- rows --------------------------------------------------------------------------------------------------------

  /** Rows come only for a statement that is running; copy data only after the server announced it. */
  #mayPass(head: Expect, type: number): boolean {
    if (head.ticket === null || head.poison !== null) return false;
    return type === SERVER.copyData ? this.#copyOut : true;
  }

  #copyOut = false;

  /** Whether a row that is only looked through holds nothing that is looked for. */
  #passesAsItIs(type: number, bytes: Buffer, at: number, end: number): boolean {
    const copies = type === SERVER.copyData;
    if (this.#copyMasker !== null) return copies && this.#copyMasker.passes(bytes, at, end);
    const mask = this.#rowMask;
    if (copies || mask === null || mask.always || mask.scanner === null) return false;
    return !mask.scanner.mayMatch(bytes, at + HEADER_BYTES, end);
  }

  /** Counts a row; false when it is one more than the policy lets out. */
  #counted(head: Expect, bytes: number): boolean {
    const plan = head.plans[head.statement];
    if (plan !== undefined && plan.rowLimit >= 0 && head.rows >= plan.rowLimit) return false;
    if (plan !== undefined && plan.byteLimit >= 0 && head.bytes + bytes > plan.byteLimit) return false;
    head.rows++;
    head.bytes += bytes;
    return true;
  }

  #limitReached(head: Expect): Buffer {
    const plan = head.plans[head.statement]!;
    const byRows = plan.rowLimit >= 0 && head.rows >= plan.rowLimit;
    return errorResponse({
      severity: "ERROR",
      sqlstate: "54000",
      message: byRows
        ? `sallyport: stopped after ${plan.rowLimit} rows, the limit of rule ${plan.rowLimitRule}`
        : `sallyport: stopped before ${plan.byteLimit} bytes of rows were passed, the limit of rule ${plan.byteLimitRule}`,
      hint: "Narrow the statement, or ask for an export by the way that your policy provides.",
    });
  }

  /** One row that can't simply pass. False when the session is over. */
  #row(head: Expect, type: number, bytes: Buffer, at: number, end: number): boolean {
    if (head.collected !== null) {
      collect(head.collected, bytes, at, end);
      return true;
    }
    if (this.#cut) return true;
    if (!this.#counted(head, end - at)) {
      this.#cutOff(head, this.#limitReached(head));
      return true;
    }
    const masker = this.#copyMasker;
    const bound = masker !== null ? masker.bound(end - at) : rowBound(end - at, this.#rowMask!.masks);
    this.#room(bound);
    const out = this.#out!;
    const copies = type === SERVER.copyData;
    const after =
      masker !== null && copies
        ? masker.mask(bytes, at, end, out, this.#outAt, this.#count)
        : masker === null && !copies
          ? maskDataRow(bytes, at, end, this.#rowMask!.masks, out, this.#outAt, this.#count)
          : MALFORMED;
    if (after === MALFORMED) {
      this.#cutOff(head, planBroken("a row does not have the shape that was analysed"));
      return true;
    }
    if (head.rows <= SAMPLE_ROWS) this.#keep(out, this.#outAt, after, type);
    this.#outAt = after;
    return true;
  }

  /** A row that goes to the client as it is here. */
  #keep(bytes: Buffer, start: number, end: number, type: number): void {
    if (this.#sample?.wants === true) this.#sample.keep(bytes, start, end, type === SERVER.copyData);
  }

  #takeSample(head: Expect): SampleRows | null {
    const sample = this.#sample;
    if (sample === null) return null;
    const formats = head.kind === "execute" ? (head.subject?.resultFormats ?? []) : [];
    const columns = this.#columns;
    this.#columns = null;
    return sample.take((column) =>
      head.kind === "execute"
        ? (formats.length === 1 ? formats[0] : formats[column]) === 1
        : columns?.[column]?.format === 1,
    );
  }

  /** Ends the running answer with an error; whatever else of it comes is dropped. */
  #cutOff(head: Expect, error: Buffer): void {
    this.#cut = true;
    this.#put(error);
    this.#wire.cancelUpstream();
    if (head.ticket !== null) this.#finish(head, "cut", "54000");
  }

  // ---- messages ----------------------------------------------------------------------------------------------------

  #message(type: number, bytes: Buffer, at: number, end: number): Fate {
    const head = this.#owner.expected.head;
    switch (type) {
      case SERVER.parameterStatus:
        return this.#parameterStatus(bytes, at, end);
      case SERVER.notice:
        return this.#notice(head, bytes, at, end);
      case SERVER.notification:
        return this.#notification(head, bytes, at, end);
      case SERVER.error:
        return this.#error(head, bytes, at, end);
      case SERVER.readyForQuery:
        return this.#ready(bytes, at, end);
    }
    if (head === undefined) {
      this.#broken(`a message of type ${type} that answers nothing`, end);
      return STOP;
    }
    switch (type) {
      case SERVER.parseComplete:
        return this.#answered(head.kind === "parse");
      case SERVER.bindComplete:
        return this.#answered(head.kind === "bind");
      case SERVER.closeComplete:
        return this.#answered(head.kind === "close");
      case SERVER.parameterDescription:
        return head.kind === "describe" ? FORWARD : this.#unexpected(type);
      case SERVER.noData:
        if (head.kind === "self-describe") return this.#selfDescribed(head, []);
        return this.#answered(head.kind === "describe");
      case SERVER.rowDescription:
        return this.#rowDescription(head, bytes, at, end);
      case SERVER.commandComplete:
        return this.#complete(head, bytes, at, end);
      case SERVER.emptyQuery:
      case SERVER.portalSuspended:
        return this.#complete(head, bytes, at, at + HEADER_BYTES);
      case SERVER.copyOut:
        return this.#copyOutBegins(head, bytes, at, end);
      case SERVER.copyIn:
        if (head.ticket === null || head.copiesBegun === head.copies) return this.#unexpected(type);
        head.copiesBegun++;
        return this.#cut ? DROP : FORWARD;
      case SERVER.copyDone:
        if (!this.#copyOut) return this.#unexpected(type);
        return this.#cut ? DROP : FORWARD;
      default:
        return this.#unexpected(type);
    }
  }

  #unexpected(type: number): Fate {
    this.#broken(`a message of type ${type} where none may come`, 0);
    return STOP;
  }

  #answered(fits: boolean): Fate {
    if (!fits) return this.#unexpected(0);
    this.#shift();
    return this.#cut ? DROP : FORWARD;
  }

  #shift(): void {
    this.#owner.expected.shift();
  }

  #rowDescription(head: Expect, bytes: Buffer, at: number, end: number): Fate {
    const columns = this.#describedBy(bytes, at, end);
    if (columns === null) {
      this.#broken("a RowDescription that can't be read", end);
      return STOP;
    }
    if (head.collected !== null) return DROP;
    if (head.kind === "self-describe") return this.#selfDescribed(head, columns);
    if (head.kind === "describe") {
      if (head.subject !== null) head.subject.columns = columns;
      return this.#answered(true);
    }
    if (head.kind !== "query" || head.ticket === null) return this.#unexpected(SERVER.rowDescription);
    if (this.#cut) return DROP;
    return this.#begin(head, columns) ? FORWARD : DROP;
  }

  /** The last RowDescription and what it says: a statement that is repeated is described in the same bytes each time. */
  #description: { readonly bytes: Buffer; readonly columns: readonly FieldDescription[] } | null = null;

  #describedBy(bytes: Buffer, at: number, end: number): readonly FieldDescription[] | null {
    const last = this.#description;
    if (last !== null && last.bytes.length === end - at && last.bytes.compare(bytes, at, end) === 0)
      return last.columns;
    const read = readRowDescription(bytes, at + HEADER_BYTES, end);
    if (!read.ok) return null;
    if (end - at <= DESCRIPTION_BYTES_MAX)
      this.#description = { bytes: Buffer.from(bytes.subarray(at, end)), columns: read.value };
    return read.value;
  }

  #selfDescribed(head: Expect, columns: readonly FieldDescription[]): Fate {
    if (head.subject !== null) head.subject.columns = columns;
    this.#shift();
    return DROP;
  }

  /** Checks the result's shape against the plan and sets up its masks. False when it was cut off. */
  #begin(head: Expect, columns: readonly FieldDescription[]): boolean {
    head.begun = true;
    this.#columns = columns;
    const plan = head.plans[head.statement];
    if (plan === undefined) {
      this.#cutOff(head, planBroken("the server answers with more results than the statement has"));
      return false;
    }
    const fitted = this.#fitted;
    const looks = plan.detect !== null || maskOf(plan) !== null;
    // A portal may ask for other formats than the one before it.
    const formats = looks ? this.#formats(head, columns) : NO_FORMATS;
    if (
      fitted === null ||
      fitted.plan !== plan ||
      fitted.columns !== columns ||
      !formats.every((format, i) => fitted.formats[i] === format)
    ) {
      const mismatch = checkResult(plan, columns);
      if (mismatch !== null) {
        this.#cutOff(head, planBroken(mismatch));
        return false;
      }
      const mask = maskOf(plan);
      const types = columns.map((column) => column.type);
      this.#fitted = {
        plan,
        columns,
        formats,
        rowMask: looks ? fitMasks(mask, types, formats, plan.detect, this.#secrets) : null,
        names: looks ? namesOf(mask, plan.detect) : NO_NAMES,
      };
    }
    const { rowMask, names } = this.#fitted!;
    if (rowMask === null) return true;
    this.#rowMask = rowMask;
    this.#maskedColumns = names;
    return true;
  }

  /** In which format each column comes: as the client bound it, or as the server says. */
  #formats(head: Expect, columns: readonly FieldDescription[]): readonly number[] {
    if (head.kind !== "execute") return columns.map((column) => column.format);
    const bound = head.subject?.resultFormats ?? [];
    return columns.map((_, i) => (bound.length === 1 ? bound[0]! : (bound[i] ?? 0)));
  }

  /** The masks of the last result that fitted its plan: the same objects when a statement is repeated. */
  #fitted: {
    readonly plan: StatementPlan;
    readonly columns: readonly FieldDescription[];
    readonly formats: readonly number[];
    readonly rowMask: ResultMask | null;
    readonly names: readonly string[];
  } | null = null;

  /** The first row of an answer. Those of a Query were announced just before; those of an Execute by a Describe. */
  #beginRows(head: Expect, type: number): void {
    head.begun = true;
    const plan = head.plans[head.statement];
    if (head.ticket === null || head.poison !== null) return; // refused as a row that no statement announced
    if (plan === undefined) {
      this.#cutOff(head, planBroken("the server answers with more results than the statement has"));
      return;
    }
    if (type === SERVER.copyData || (plan.mask.kind === "clear" && plan.guarded === null && plan.detect === null))
      return;
    const columns = head.kind === "execute" ? (head.subject?.columns ?? head.subject?.from?.columns ?? null) : null;
    if (columns !== null) this.#begin(head, columns);
    else if (maskOf(plan) !== null || plan.detect !== null)
      this.#cutOff(head, planBroken("its rows came without a description"));
  }

  #copyOutBegins(head: Expect, bytes: Buffer, at: number, end: number): Fate {
    const plan = head.plans[head.statement];
    if (plan === undefined || head.ticket === null) return this.#unexpected(SERVER.copyOut);
    this.#copyOut = true;
    if (this.#cut) return DROP;
    const mask = maskOf(plan);
    if (mask === null && plan.detect === null) return FORWARD;
    const body = new BodyReader(bytes, at + HEADER_BYTES, end);
    const binary = body.byte() === 1;
    const columns = body.uint16();
    const copy = plan.statement.copy;
    const obstacle = copy === null ? "a copy that was not analysed" : copyObstacle(copy);
    const fits = mask === null || columns === mask.length;
    if (copy === null || obstacle !== null || !fits || binary !== (copy.format === "binary")) {
      this.#cutOff(head, planBroken(obstacle ?? "the copy does not have the shape that was analysed"));
      return DROP;
    }
    const outputs = plan.statement.outputs;
    const known = outputs?.length === columns ? outputs : null;
    const types = Array.from({ length: columns }, (_, i) => known?.[i]?.type ?? (binary ? 0 : TEXT_TYPE));
    const formats = types.map(() => (binary ? 1 : 0));
    const fitted = fitMasks(mask, types, formats, plan.detect, this.#secrets);
    if (fitted === null) return FORWARD;
    this.#copyMasker = new CopyMasker(copy, fitted);
    this.#maskedColumns = namesOf(mask, plan.detect);
    return FORWARD;
  }

  #complete(head: Expect, bytes: Buffer, at: number, end: number): Fate {
    if (head.collected !== null) return DROP;
    if (head.kind !== "query" && head.kind !== "execute") return this.#unexpected(SERVER.commandComplete);
    if (head.ticket === null) return this.#unexpected(SERVER.commandComplete);
    this.#copyOut = false;
    if (this.#cut) {
      if (head.tag !== CUT_TAG) this.#finish(head, "cut", null);
      if (head.kind === "execute") this.#shift();
      return DROP;
    }
    if (end - at > HEADER_BYTES) {
      const tag = bytes.toString("latin1", at + HEADER_BYTES, end - 1);
      head.tag = head.tag === "" ? tag : `${head.tag}; ${tag}`;
    }
    head.statement++;
    head.begun = false;
    this.#endRows();
    if (head.kind === "execute") {
      this.#finish(head, "ok", null);
      head.done?.();
      this.#shift();
    }
    return FORWARD;
  }

  #endRows(): void {
    this.#rowMask = null;
    this.#copyMasker = null;
  }

  #error(head: Expect | undefined, bytes: Buffer, at: number, end: number): Fate {
    const read = readReport(bytes, at + HEADER_BYTES, end);
    if (!read.ok) {
      this.#broken("an ErrorResponse that can't be read", end);
      return STOP;
    }
    const sqlstate = read.value.get("C") ?? "XX000";
    if (head === undefined) return FORWARD; // a FATAL before the connection ends
    this.#copyOut = false;
    this.#endRows();
    const wasCut = this.#cut;
    const poison = head.poison;
    const hidden = head.kind === "probe";
    const scrub = this.#scrubbing || head.moved || reachesMasked(head);
    const detect = this.#detectOf(head);
    if (head.kind === "query" || head.kind === "probe") {
      if (head.ticket !== null && !wasCut) this.#finish(head, "error", sqlstate);
      head.undo?.();
      head.undo = null;
      head.done = null;
      head.ticket = null;
    } else {
      this.#failBatch(sqlstate, wasCut);
    }
    if (wasCut || hidden) return DROP;
    if (poison !== null) {
      this.#replacement = poison;
      return REPLACE;
    }
    if (scrub) {
      this.#replacement = scrubReport(SERVER.error, read.value, head.moved);
      return REPLACE;
    }
    return this.#looked(SERVER.error, read.value, detect);
  }

  /** After an error the server skips to the Sync: what was sent before it will not be answered. */
  #failBatch(sqlstate: string | null, alreadyTold: boolean): void {
    const { expected } = this.#owner;
    const undone: Expect[] = [];
    let first = true;
    for (let head = expected.head; head !== undefined && head.kind !== "sync"; head = expected.head) {
      if (head.ticket !== null && !(first && alreadyTold))
        this.#finish(head, first ? "error" : "skipped", first ? sqlstate : null);
      undone.push(head);
      first = false;
      expected.shift();
    }
    for (const expect of undone.reverse()) expect.undo?.();
    if (expected.head === undefined) this.#owner.batchFailed();
  }

  #ready(bytes: Buffer, at: number, end: number): Fate {
    const { expected } = this.#owner;
    const head = expected.head;
    if (head === undefined || end - at !== HEADER_BYTES + 1) return this.#unexpected(SERVER.readyForQuery);
    if (head.kind !== "sync" && head.kind !== "query" && head.kind !== "probe")
      return this.#unexpected(SERVER.readyForQuery);
    this.#owner.status = bytes[at + HEADER_BYTES]!;
    if (this.#owner.status === IDLE) this.#scrubbing = false;
    this.#cut = false;
    this.#endRows();
    if (head.ticket !== null && head.kind === "query" && head.tag !== CUT_TAG) this.#finish(head, "ok", null);
    head.done?.();
    this.#shift();
    if (this.#owner.status === IDLE && expected.size === 0 && this.#owner.betweenBatches)
      this.#owner.names.transactionEnded();
    if (head.kind !== "probe") return FORWARD;
    head.settle?.(head.collected);
    return DROP;
  }

  #notice(head: Expect | undefined, bytes: Buffer, at: number, end: number): Fate {
    if (head?.kind === "probe") return DROP;
    const scrub = this.#scrubbing || (head !== undefined && reachesMasked(head));
    const detect = this.#detectOf(head);
    if (!scrub && detect === null) return FORWARD;
    const read = readReport(bytes, at + HEADER_BYTES, end);
    if (!read.ok) {
      this.#broken("a NoticeResponse that can't be read", end);
      return STOP;
    }
    if (!scrub) return this.#looked(SERVER.notice, read.value, detect);
    this.#replacement = scrubReport(SERVER.notice, read.value);
    return REPLACE;
  }

  /** A report in which matches are hidden. */
  #looked(type: number, fields: ReadonlyMap<string, string>, detect: DetectPlan | null): Fate {
    const found = detect === null ? null : detectInReport(type, fields, detect);
    if (found === null) return FORWARD;
    this.#replacement = found;
    return REPLACE;
  }

  /** What is looked for in this answer; between answers, what was in the last one. */
  #detectOf(head: Expect | undefined): DetectPlan | null {
    const [plan] = head?.plans ?? [];
    if (plan !== undefined) this.#lastDetect = plan.detect;
    return this.#lastDetect;
  }
  #lastDetect: DetectPlan | null = null;

  /** What others told by NOTIFY. */
  #notification(head: Expect | undefined, bytes: Buffer, at: number, end: number): Fate {
    const detect = this.#detectOf(head);
    if (detect === null) return FORWARD;
    const body = new BodyReader(bytes, at + HEADER_BYTES, end);
    const process = body.bytes(4);
    const [channel, payload] = [body.cstring(), body.cstring()];
    if (!body.finished) {
      this.#broken("a NotificationResponse that can't be read", end);
      return STOP;
    }
    const hide = (text: string): string =>
      hideMatches(text, detect.scanner, (one) => detect.specs[one] !== null, "***");
    const shown = [hide(channel), hide(payload)] as const;
    if (shown[0] === channel && shown[1] === payload) return FORWARD;
    this.#replacement = message(SERVER.notification, process, cstring(shown[0]), cstring(shown[1]));
    return REPLACE;
  }

  #parameterStatus(bytes: Buffer, at: number, end: number): Fate {
    const body = new BodyReader(bytes, at + HEADER_BYTES, end);
    const name = body.cstring();
    const value = body.cstring();
    if (!body.finished) {
      this.#broken("a ParameterStatus that can't be read", end);
      return STOP;
    }
    const obstacle = this.#host.setting(name, value);
    if (obstacle === null) {
      const shown = this.#host.shownSetting(name, value);
      if (shown === value) return FORWARD;
      this.#replacement = parameterStatus(name, shown);
      return REPLACE;
    }
    this.#owner.fail(
      errorResponse({ severity: "FATAL", sqlstate: "42501", message: `sallyport: ${obstacle}` }),
      `setting ${name}: ${obstacle}`,
    );
    return STOP;
  }

  /** The answer's masks reach as far as its transaction: a deferred constraint may still quote a value at its end. */
  #scrubbing = false;

  #finish(head: Expect, status: Outcome["status"], sqlstate: string | null): void {
    const ticket = head.ticket;
    if (ticket === null) return;
    this.#detectOf(head);
    if (reachesMasked(head)) this.#scrubbing = this.#owner.status !== IDLE || head.kind === "execute";
    head.ticket = status === "cut" ? ticket : null;
    this.#host.finished(ticket, {
      status,
      tag: head.tag,
      rows: head.rows,
      bytes: head.bytes,
      maskedColumns: this.#count.replaced > 0 ? this.#maskedColumns : NO_NAMES,
      sqlstate,
      sample: this.#takeSample(head),
    });
    this.#count.replaced = 0;
    if (status === "cut") head.tag = CUT_TAG;
  }
}

const EMPTY = Buffer.alloc(0);
const NO_NAMES: readonly string[] = [];
const NO_FORMATS: readonly number[] = [];
const TEXT_TYPE = 25;
/** A longer RowDescription is read each time. */
const DESCRIPTION_BYTES_MAX = 4_096;
/** Marks an answer whose outcome was already told. */
const CUT_TAG = "\0cut";

/** Texts of the server may quote what is masked: of what the statement reads, or of what is written along. */
const reachesMasked = (expect: Expect): boolean =>
  expect.plans.some(
    ({ mask, guarded, statement }) => mask.kind === "mask" || (guarded !== null && statement.effects.quotesOthers),
  );

function maskOf(plan: StatementPlan): readonly (ColumnMask | null)[] | null {
  const mask: MaskPlan = plan.mask;
  return mask.kind === "mask" && mask.any ? mask.columns : null;
}

function namesOf(columns: readonly (ColumnMask | null)[] | null, detect: DetectPlan | null): readonly string[] {
  const names = (columns ?? []).flatMap((column) => (column === null ? [] : [column.source]));
  return [...new Set(detect === null ? names : [...names, `what ${detect.rule} detects`])];
}

function planBroken(what: string): Buffer {
  return errorResponse({
    severity: "ERROR",
    sqlstate: "42501",
    message: `sallyport: the result was cut off: ${what}`,
    detail: "The server's result is not the one that the statement was analysed to give, so it can't be masked safely.",
    hint: "Run the statement again; if a table was changed meanwhile, the gateway has read it by then.",
  });
}

/** Most rows and bytes of a probe's answer. */
const PROBE_ROWS_MAX = 1000;

function collect(rows: (string | null)[][], bytes: Buffer, at: number, end: number): void {
  if (rows.length >= PROBE_ROWS_MAX) return;
  const body = new BodyReader(bytes, at + HEADER_BYTES, end);
  const row: (string | null)[] = [];
  const columns = body.uint16();
  for (let i = 0; i < columns && !body.broken; i++) {
    const length = body.int32();
    row.push(length < 0 ? null : body.bytes(length).toString("utf8"));
  }
  rows.push(row);
}
