import type { FactValue } from "../../../spec/contract/facts/index.ts";
import type { Masked } from "../../../spec/contract/record/index.ts";
import { KEPT_ANSWER_BYTES_MAX, recordAnswer, type BodyMasks } from "../../enforce/mask/index.ts";
import {
  bodyKind,
  fieldOf,
  forwardedAnswer,
  readMediaType,
  type AnswerPlan,
  type Field,
  type Framing,
  type Inspection,
  type NormalRequest,
  type ReadBody,
  type ResponseHead,
  type StreamAsk,
} from "../../protocols/http/index.ts";
import type { Judgement } from "../../session/index.ts";
import { AnswerBody } from "./answer-body.ts";
import type { ClientConnection } from "./client.ts";
import { codingOf } from "./coding.ts";
import type { WebSession } from "./session.ts";
import type { AnswerHandler, UpstreamConnection } from "./upstream.ts";
import { Standing } from "./standing.ts";
import { relayWebSocket } from "./websocket.ts";
import { relayStreams } from "../kubernetes/index.ts";
import { warning } from "../../protocols/kubernetes/index.ts";
import { textMaskOf } from "../ssh/text-mask.ts";

const EMPTY = Buffer.alloc(0);

/** Fields of an answer that tell something of the body as it was. */
const OF_THE_BODY: ReadonlySet<string> = new Set([
  "etag",
  "last-modified",
  "accept-ranges",
  "content-range",
  "content-md5",
  "digest",
  "repr-digest",
  "content-digest",
  "content-length",
  "content-encoding",
  "want-repr-digest",
  "cache-control",
  "expires",
  "pragma",
  "age",
  "trailer",
]);

/** The part of an exchange that is on the wire: the request out, the answer back. */
export class Forwarding implements AnswerHandler {
  readonly #client: ClientConnection;
  readonly #session: WebSession;
  readonly #request: NormalRequest;
  readonly #judged: Judgement;
  readonly #inspection: Inspection;
  readonly #masks: BodyMasks | null;
  readonly #startedAt: number;
  #connection: UpstreamConnection | null = null;
  #settle: (result: "done" | "stale") => void = () => undefined;
  #whole = true;
  #answered = false;
  #body: AnswerBody | null = null;
  #status = "";
  #bytes = 0;
  #passes = false;
  /** Of an answer that passes: the head waits for the first bytes, to go with them. */
  #pending: {
    readonly status: number;
    readonly reason: string;
    readonly fields: readonly Field[];
    readonly length: number | null;
    readonly hasBody: boolean;
  } | null = null;
  /** An answer that can't be read, as long as nothing of its body came. */
  #unread: { readonly head: ResponseHead; readonly why: string; readonly fields: readonly Field[] } | null = null;
  readonly #sample: Buffer[] = [];
  #sampleBytes = 0;
  #samples: "none" | "text" | "json" = "none";
  #finished = false;

  constructor(
    client: ClientConnection,
    session: WebSession,
    request: NormalRequest,
    judged: Judgement,
    inspection: Inspection,
    masks: BodyMasks | null,
    startedAt: number,
  ) {
    this.#client = client;
    this.#session = session;
    this.#request = request;
    this.#judged = judged;
    this.#inspection = inspection;
    this.#masks = masks;
    this.#startedAt = startedAt;
  }

  send(
    connection: UpstreamConnection,
    head: string,
    body: ReadBody,
    overflow: { readonly chunks: readonly Buffer[] } | null,
  ): Promise<"done" | "stale"> {
    return new Promise((settle) => {
      this.#settle = settle;
      this.#connection = connection;
      connection.once = this.#request.websocket || this.#request.spdy;
      const { service } = this.#session;
      this.#client.onGone = () => this.#clientLeft();
      this.#client.onDrain = () => this.#drained();
      this.#client.answerWithin(service.settings.upstreamMs, () => {
        if (this.#answered) return;
        this.#connection?.abandon();
        this.failed("the target did not answer in time", false);
      });
      if (body.kind === "read") {
        this.#whole = true;
        connection.send(
          this.#request.method,
          body.bytes.length === 0 ? head : Buffer.concat([Buffer.from(head, "latin1"), body.bytes]),
          true,
          this,
        );
        return;
      }
      if (body.kind === "none" || (this.#request.framing.kind === "length" && this.#request.framing.bytes === 0)) {
        connection.send(this.#request.method, head, true, this);
        return;
      }
      this.#whole = false;
      connection.send(this.#request.method, head, false, this);
      this.#stream(connection, overflow);
    });
  }

  /** Sends the body on as it comes. */
  #stream(connection: UpstreamConnection, overflow: { readonly chunks: readonly Buffer[] } | null): void {
    const chunked = this.#request.framing.kind === "chunked";
    const put = (bytes: Buffer): boolean => {
      if (connection.dead) return true;
      return connection.write(
        chunked ? Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, CRLF]) : bytes,
      );
    };
    if (overflow !== null) for (const chunk of overflow.chunks) put(chunk);
    this.#client.readBodyInto({
      data: put,
      end: () => {
        if (connection.dead) return;
        if (chunked) connection.write(LAST_CHUNK);
        connection.sent();
        this.#whole = true;
      },
      failed: (why) => {
        if (this.#finished || this.#client.gone) return;
        this.#connection?.abandon();
        this.failed(why, false);
      },
    });
  }

  drain(): void {
    this.#client.resumeBody();
  }

  #drained(): void {
    if (this.#body !== null) this.#body.resume();
    else this.#connection?.resume();
  }

  #clientLeft(): void {
    if (this.#finished) return;
    this.#connection?.abandon();
    this.#body?.destroy();
    this.#end("cut", "the client left");
  }

  // ---- the answer ----------------------------------------------------------------------------------------------------

  head(head: ResponseHead, framing: Framing): boolean {
    this.#answered = true;
    this.#client.answerCame();
    this.#status = `${head.status}${head.reason === "" ? "" : ` ${head.reason.slice(0, 64)}`}`;
    if (head.status === 101) return this.#upgraded(head);
    const hasBody = framing.kind !== "none";
    const fields = [...forwardedAnswer(head.fields), ...this.#notes()];
    if (this.#inspection.stream != null && head.status >= 300 && head.status < 400) {
      this.#connection?.abandon();
      this.failed("it sends the client elsewhere, and streams are not redirected", false);
      return true;
    }
    const masks = this.#masks;
    const empty = !hasBody || (framing.kind === "length" && framing.bytes === 0);
    const plan: AnswerPlan =
      empty || (masks === null && !this.#inspection.alwaysAnswers)
        ? { kind: "pass" }
        : (this.#printed(head) ??
          this.#inspection.answer(head, masks, (own, open) =>
            this.#session.permits(own as (path: string) => FactValue | undefined, open),
          ));
    const limit = this.#judged.decision.byteLimit;
    const stated = framing.kind === "length" ? framing.bytes : null;
    if (limit !== null && stated !== null && stated > limit && hasBody) return this.#overLimit(limit);
    const changed = masks !== null || plan.kind === "mask";
    switch (plan.kind) {
      case "pass": {
        this.#passes = true;
        const kept = changed
          ? fields.filter(([name]) => !OF_THE_BODY.has(name) || name === "content-encoding")
          : fields;
        // The length that a HEAD tells is that of a body which a mask would change.
        const length = hasBody ? stated : changed || this.#request.method !== "HEAD" ? null : lengthOf(head);
        this.#pending = { status: head.status, reason: head.reason, fields: kept, length, hasBody };
        this.#wantSample(head, hasBody);
        return true;
      }
      case "unreadable":
        if (framing.kind === "length") return this.#unreadable(head, plan.why);
        // A body of unknown length may be none at all.
        this.#unread = { head, why: plan.why, fields: fields.filter(([name]) => !OF_THE_BODY.has(name)) };
        return true;
      case "mask":
        return this.#masked(head, fields, plan);
    }
  }

  /** What the client is told beside the answer: that it waited for somebody. */
  #notes(): readonly Field[] {
    const { approveRules, bundle } = this.#judged;
    if (this.#session.target.protocol !== "kubernetes" || approveRules.length === 0) return [];
    const names = approveRules.map((rule) => bundle.manifest.rules[rule]!.name);
    return [["warning", warning(`approved, as ${names.join(", ")} asks`)]];
  }

  /** What a program printed, under masks on output; null when there are none. */
  #printed(head: ResponseHead): AnswerPlan | null {
    if (this.#inspection.isText !== true || head.status >= 300) return null;
    const mask = textMaskOf(this.#judged.bundle.manifest, this.#judged.decision.masks, this.#session.service.secret);
    if (mask === null) return null;
    return {
      kind: "mask",
      transform: {
        fault: null,
        push: (chunk) => mask.push(chunk),
        end: () => mask.flush(),
        masked: () => mask.masked,
      },
    };
  }

  #wantSample(head: ResponseHead, hasBody: boolean): void {
    if (this.#inspection.secret === true || this.#inspection.isText === true) return;
    if (!hasBody || !this.#session.service.recordsSamples) return;
    const coding = codingOf(fieldOf(head.fields, "content-encoding"));
    const kind = bodyKind(readMediaType(fieldOf(head.fields, "content-type"))?.type ?? "");
    if (coding !== "identity") return;
    this.#samples =
      kind === "json" || kind === "json-lines" ? "json" : kind === "text" || kind === "events" ? "text" : "none";
  }

  #keepSample(bytes: Buffer): void {
    const room = KEPT_ANSWER_BYTES_MAX - this.#sampleBytes;
    if (room <= 0) return;
    const part = bytes.length <= room ? bytes : bytes.subarray(0, room);
    this.#sample.push(part);
    this.#sampleBytes += part.length;
  }

  #overLimit(limit: number): boolean {
    const rule = this.#judged.decision.byteLimitRule;
    const name = rule === null ? "" : this.#judged.bundle.manifest.rules[rule]!.name;
    this.#connection?.abandon();
    this.#client.problem({
      status: 403,
      kind: "limit",
      title: "Too much",
      detail: `The answer is longer than the ${limit} bytes that rule ${name} allows.`,
    });
    this.#end("cut", `${this.#status}, over the limit of ${limit} bytes`);
    return true;
  }

  /** What no mask can read is not shown. Of errors and redirections the status stays, for it says what happened. */
  #unreadable(head: ResponseHead, why: string): boolean {
    this.#connection?.abandon();
    const keeps = head.status >= 300;
    const location = fieldOf(head.fields, "location");
    this.#client.problem({
      status: keeps ? head.status : 403,
      kind: "unreadable-answer",
      title: "The answer can't be masked",
      detail: `${why[0]!.toUpperCase()}${why.slice(1)}, so the target's answer (${this.#status}) is not shown.`,
      fields: keeps && location !== undefined ? [["location", location]] : [],
    });
    this.#end("cut", `${this.#status}, not shown: ${why}`);
    return true;
  }

  #masked(head: ResponseHead, fields: readonly Field[], plan: AnswerPlan & { readonly kind: "mask" }): boolean {
    const encoded = fieldOf(head.fields, "content-encoding");
    const coding = codingOf(encoded);
    if (coding === null) return this.#unreadable(head, `a body coded as ${encoded} can't be read, and a mask applies`);
    if (head.status === 206 || fieldOf(head.fields, "content-range") !== undefined)
      return this.#unreadable(head, "a part of a body can't be read, and a mask applies");
    this.#wantSample({ ...head, fields: head.fields.filter(([name]) => name !== "content-encoding") }, true);
    const kept: Field[] = fields.filter(([name]) => !OF_THE_BODY.has(name));
    if (coding !== "identity") kept.push(["content-encoding", coding]);
    kept.push(["cache-control", "no-store"]);
    let begun = false;
    const limit = this.#judged.decision.byteLimit;
    this.#body = new AnswerBody(plan.transform, coding, {
      out: (bytes) => {
        this.#bytes += bytes.length;
        if (limit !== null && this.#bytes > limit) return this.#cut(`over the limit of ${limit} bytes`);
        if (!begun) {
          begun = true;
          this.#client.head(head.status, head.reason, kept, null, true, bytes);
        } else if (!this.#client.data(bytes)) this.#body?.pause();
      },
      clear: (bytes) => {
        if (this.#samples !== "none") this.#keepSample(bytes);
      },
      ended: () => {
        if (!begun) this.#client.head(head.status, head.reason, kept, null, true, EMPTY);
        this.#end("ok", this.#status, () => this.#client.done());
      },
      failed: (why) => {
        this.#connection?.abandon();
        if (begun) return this.#cut(why);
        this.#client.problem({
          status: 502,
          kind: "unreadable-answer",
          title: "The answer can't be masked",
          detail: `The target's answer (${this.#status}) is not shown: ${why}.`,
        });
        this.#end("cut", `${this.#status}, not shown: ${why}`);
      },
      pauseSource: () => this.#connection?.pause(),
      resumeSource: () => this.#connection?.resume(),
    });
    return true;
  }

  data(bytes: Buffer): void {
    if (this.#finished || bytes.length === 0) return;
    if (this.#unread !== null) return void this.#unreadable(this.#unread.head, this.#unread.why);
    if (this.#body !== null) return this.#body.write(bytes);
    if (!this.#passes) return;
    this.#bytes += bytes.length;
    const limit = this.#judged.decision.byteLimit;
    if (limit !== null && this.#bytes > limit) return this.#cut(`over the limit of ${limit} bytes`);
    if (this.#samples !== "none") this.#keepSample(bytes);
    const pending = this.#pending;
    if (pending !== null) {
      this.#pending = null;
      this.#client.head(pending.status, pending.reason, pending.fields, pending.length, pending.hasBody, bytes);
      if (this.#client.socket.writableNeedDrain) this.#connection?.pause();
    } else if (!this.#client.data(bytes)) this.#connection?.pause();
  }

  end(): void {
    if (this.#finished) return;
    if (this.#unread !== null) {
      const { head, fields } = this.#unread;
      this.#client.head(head.status, head.reason, fields, 0, true, EMPTY);
      return this.#end("ok", this.#status, () => this.#client.done());
    }
    if (this.#body !== null) return this.#body.end();
    const pending = this.#pending;
    this.#pending = null;
    if (pending !== null)
      this.#client.head(pending.status, pending.reason, pending.fields, pending.length, pending.hasBody, EMPTY);
    this.#end("ok", this.#status, () => this.#client.done());
  }

  failed(why: string, untouched: boolean): void {
    if (this.#finished) return;
    this.#client.answerCame();
    const { method, framing } = this.#request;
    if (
      untouched &&
      !this.#answered &&
      this.#connection !== null &&
      this.#connection.used > 1 &&
      framing.kind === "none" &&
      (method === "GET" || method === "HEAD" || method === "OPTIONS")
    )
      return this.#settle("stale");
    this.#body?.destroy();
    if (this.#client.headSent) return this.#cut(why);
    this.#session.service.say(`target ${this.#session.target.name}: ${why}`);
    const late = why.includes("in time");
    this.#client.problem({
      status: late ? 504 : 502,
      kind: "target-failed",
      title: "The target failed",
      detail: `The target gave no good answer: ${why}.`,
      close: !this.#whole,
    });
    this.#end("lost", why);
  }

  /** Ends in the middle: the client must notice that this is not all. */
  #cut(why: string): void {
    this.#connection?.abandon();
    this.#body?.destroy();
    this.#client.onGone = null;
    this.#client.cut();
    this.#end("cut", `${this.#status}, cut off: ${why}`);
  }

  /** Records what became of it; then `then` sends the last of it. */
  #end(status: "ok" | "cut" | "lost", tag: string, then: () => void = () => undefined): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#client.answerCame();
    this.#client.onGone = null;
    this.#client.onDrain = null;
    const { enforcer } = this.#session;
    const recorded = enforcer.outcome({
      decisionId: this.#judged.decisionId,
      status,
      tag,
      bytes: this.#bytes,
      startedAt: this.#startedAt,
      masked: this.#body?.masked() ?? [],
      sample: this.#sampled(),
    });
    if (recorded === null && status === "ok") this.#client.cut();
    else then();
    this.#settle("done");
  }

  #sampled(): Masked | null {
    if (this.#sampleBytes === 0) return null;
    const { service, target } = this.#session;
    const start = this.#sample.length === 1 ? this.#sample[0]! : Buffer.concat(this.#sample);
    return recordAnswer(start, service.masksOfAnybody(this.#judged.bundle, target.protocol), this.#samples === "json");
  }

  // ---- upgrades ------------------------------------------------------------------------------------------------------

  #streams(connection: UpstreamConnection, head: ResponseHead, ask: StreamAsk): boolean {
    const { bundle, decision, decisionId } = this.#judged;
    const { service, enforcer } = this.#session;
    const recorded = this.#session.log.hold();
    const started = relayStreams({
      client: this.#client,
      connection,
      request: this.#request,
      head,
      session: this.#session,
      judged: this.#judged,
      standing: new Standing(enforcer, this.#judged, this.#inspection),
      ask,
      mask: () => textMaskOf(bundle.manifest, decision.masks, service.secret),
      ended: (why, bytes, masked, whole) => {
        this.#finished = true;
        enforcer.outcome({
          decisionId,
          status: whole ? "ok" : "lost",
          tag: `${this.#status}; ${why}${whole ? "" : "; its recording is not whole"}`,
          bytes,
          startedAt: this.#startedAt,
          masked,
          sample: null,
        });
        recorded();
        this.#settle("done");
      },
    });
    if (started === null) return false;
    recorded();
    connection.abandon();
    this.failed(started, false);
    return true;
  }

  #upgraded(head: ResponseHead): boolean {
    const connection = this.#connection!;
    const { stream } = this.#inspection;
    if (stream != null) return this.#streams(connection, head, stream);
    if (!this.#request.websocket) {
      connection.abandon();
      this.failed("it changed the protocol without being asked to", false);
      return true;
    }
    const recorded = this.#session.log.hold();
    const started = relayWebSocket({
      client: this.#client,
      connection,
      request: this.#request,
      head,
      session: this.#session,
      judged: this.#judged,
      masks: this.#masks,
      inspection: this.#inspection,
      ended: (why, bytes, masked) => {
        this.#bytes = bytes;
        this.#finished = true;
        this.#session.enforcer.outcome({
          decisionId: this.#judged.decisionId,
          status: "ok",
          tag: `${this.#status}; ${why}`,
          bytes,
          startedAt: this.#startedAt,
          masked,
          sample: null,
        });
        recorded();
        this.#settle("done");
      },
    });
    if (started !== null) {
      recorded();
      connection.abandon();
      this.failed(started, false);
      return true;
    }
    return false;
  }
}

const CRLF = Buffer.from("\r\n");
const LAST_CHUNK = Buffer.from("0\r\n\r\n");

const lengthOf = (head: ResponseHead): number | null => {
  const text = fieldOf(head.fields, "content-length");
  return text === undefined ? null : Number(text);
};
