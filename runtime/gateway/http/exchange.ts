import type { FactValue } from "../../../spec/contract/facts/index.ts";
import type { Masked } from "../../../spec/contract/record/index.ts";
import type { ActionFacts } from "../../decide/index.ts";
import { requestDigest } from "../../enforce/approve/index.ts";
import { KEPT_ANSWER_BYTES_MAX, recordAnswer, recordRequest, type BodyMasks } from "../../enforce/mask/index.ts";
import { ASSERTION_REUSE_MS } from "../../identity/index.ts";
import type { Refusal } from "../../protocols/index.ts";
import {
  bodyKind,
  fieldOf,
  forwardedAnswer,
  readMediaType,
  writeRequestHead,
  type AnswerPlan,
  type Field,
  type Framing,
  type Inspection,
  type NormalRequest,
  type ProblemAnswer,
  type ReadBody,
  type ResponseHead,
} from "../../protocols/http/index.ts";
import { RECORD_FAILED, isRefusal, type Judgement } from "../../session/index.ts";
import { AnswerBody } from "./answer-body.ts";
import type { BodySink, ClientConnection } from "./client.ts";
import { codingOf, readableCodings } from "./coding.ts";
import type { WebSession } from "./session.ts";
import type { AnswerHandler, UpstreamConnection } from "./upstream.ts";
import { relayWebSocket } from "./websocket.ts";

const EMPTY = Buffer.alloc(0);

/** Fields of a request that would make an answer which can't be masked, or tell of one that was. */
const CONDITIONAL: ReadonlySet<string> = new Set([
  "range",
  "if-range",
  "if-match",
  "if-none-match",
  "if-modified-since",
  "if-unmodified-since",
  "a-im",
]);
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
/** Fields that change with each sending of the same request: an approval is not bound to them. */
const VOLATILE: ReadonlySet<string> = new Set([
  "user-agent",
  "accept-encoding",
  "prefer",
  "traceparent",
  "tracestate",
  "x-request-id",
  "x-correlation-id",
  "date",
  "cache-control",
  "pragma",
  "priority",
]);

/** One request, from its head to the end of its answer. */
export class Exchange {
  readonly #client: ClientConnection;
  readonly #session: WebSession;
  readonly #request: NormalRequest;
  readonly #startedAt: number;

  constructor(client: ClientConnection, session: WebSession, request: NormalRequest) {
    this.#client = client;
    this.#session = session;
    this.#request = request;
    this.#startedAt = session.service.clock.monotonic();
  }

  async run(): Promise<void> {
    const { enforcer, adapter } = this.#session;
    const policy = enforcer.policy();
    if (isRefusal(policy)) return this.#refuse(policy, null);
    const reads = (prefix: string): boolean => enforcer.reads(prefix);
    let body: ReadBody = this.#request.framing.kind === "none" ? { kind: "none" } : { kind: "unread" };
    if (body.kind === "unread" && adapter.wantsBody(this.#request, reads)) body = await this.#collect();
    if (this.#client.gone) return;
    const inspected = adapter.inspect(this.#request, body, reads);
    if (!inspected.ok) {
      const { status, why } = inspected.error;
      return this.#client.problem({
        status,
        kind: "bad-request",
        title: "Not taken",
        detail: `Sallyport does not take this request: ${why}.`,
        close: true,
      });
    }
    const judged = enforcer.judge(inspected.value.actions);
    if (isRefusal(judged)) return this.#refuse(judged, null);
    if (judged.refusal !== null) {
      this.#record(judged, inspected.value, body, judged.refusal.message);
      return this.#refuse(judged.refusal, judged);
    }
    if (judged.decision.verdict === "approve") {
      if (body.kind === "unread") body = await this.#collect();
      if (this.#client.gone) return;
      const again = body.kind === "read" ? adapter.inspect(this.#request, body, reads) : inspected;
      if (!again.ok)
        return this.#client.problem({
          status: again.error.status,
          kind: "bad-request",
          title: "Not taken",
          detail: again.error.why,
          close: true,
        });
      if (!(await this.#approved(judged, again.value, body))) return;
      return this.#forward(judged, again.value, body);
    }
    return this.#forward(judged, inspected.value, body);
  }

  // ---- the request's body --------------------------------------------------------------------------------------------

  /** Reads the body whole, up to the limit. */
  #collect(): Promise<ReadBody> {
    const max = this.#session.service.settings.bodyBytes;
    const { framing } = this.#request;
    if (framing.kind === "length" && framing.bytes > max) return Promise.resolve({ kind: "too-large" });
    return new Promise((resolve) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      const sink: BodySink = {
        data: (chunk) => {
          bytes += chunk.length;
          // What was read of it can't be sent on in order any more once some is thrown away, so all is kept.
          chunks.push(Buffer.from(chunk));
          if (bytes <= max) return true;
          this.#overflow = { chunks, bytes };
          resolve({ kind: "too-large" });
          return false;
        },
        end: () => resolve({ kind: "read", bytes: Buffer.concat(chunks) }),
        failed: () => {
          if (!this.#client.gone)
            this.#client.problem({
              status: 400,
              kind: "bad-request",
              title: "Not taken",
              detail: "The body's chunks can't be read.",
              close: true,
            });
          this.#client.cut();
          resolve({ kind: "none" });
        },
      };
      this.#client.readBodyInto(sink);
    });
  }
  /** A body that turned out longer than what is read: it goes on from memory, and then as it comes. */
  #overflow: { readonly chunks: readonly Buffer[]; readonly bytes: number } | null = null;

  // ---- refusals ------------------------------------------------------------------------------------------------------

  #refuse(refusal: Refusal, judged: Judgement | null): void {
    const status = refusal.kind === "unavailable" ? 503 : 403;
    this.#client.problem(this.#problemOf(refusal, judged, status));
  }

  #problemOf(refusal: Refusal, judged: Judgement | null, status: number): ProblemAnswer {
    const { manifest } = judged?.bundle ?? { manifest: null };
    return {
      status,
      kind: refusal.kind === "policy" ? "denied" : refusal.kind,
      title: status === 503 ? "Not available" : "Refused by policy",
      detail: [refusal.message, refusal.detail, refusal.hint].filter((text) => text !== undefined).join(" "),
      more: {
        ...(judged === null ? {} : { decision: `${this.#session.sid}.${judged.decisionId}` }),
        ...(judged === null || manifest === null
          ? {}
          : { rules: judged.decision.deciding.map((index) => manifest.rules[index]!.name) }),
      },
    };
  }

  #record(judged: Judgement, inspection: Inspection, body: ReadBody, refused: string | null): number | null {
    const { enforcer, service, target } = this.#session;
    return enforcer.record(judged, {
      phase: "request",
      text: recordRequest(inspection.text, service.masksOfAnybody(judged.bundle, target.protocol)),
      kinds: inspection.kinds,
      refused,
      bytes: body.kind === "read" ? body.bytes : null,
    });
  }

  // ---- approval ------------------------------------------------------------------------------------------------------

  async #approved(judged: Judgement, inspection: Inspection, body: ReadBody): Promise<boolean> {
    const { enforcer, service, target, identity } = this.#session;
    const refuse = (refusal: Refusal): false => {
      this.#record(judged, inspection, body, refusal.message);
      this.#refuse(refusal, judged);
      return false;
    };
    if (body.kind === "too-large" || body.kind === "unread") {
      return refuse({
        kind: "policy",
        message: `this needs approval, and its body is longer than the ${service.settings.bodyBytes} bytes that can be held`,
        hint: "Send less at once.",
      });
    }
    const digest = requestDigest({
      protocol: target.protocol,
      target: target.name,
      requester: identity.name,
      issuer: identity.issuer,
      bundle: judged.bundle.digest,
      head: this.#exactHead(),
      body: body.kind === "read" ? body.bytes : EMPTY,
    });
    const named = this.#request.byName.get("approval-id");
    if (named !== undefined) {
      const found = service.approvals.get(named);
      if (found === null || found.requester !== identity.name)
        return refuse({
          kind: "policy",
          message: `there is no approval ${JSON.stringify(named.slice(0, 64))} of yours`,
          hint: "Send the request without Approval-Id to ask for one.",
        });
      if (found.digest !== digest)
        return refuse({
          kind: "policy",
          message: `approval ${named} is for another request: an approval is for exactly what was asked`,
          hint: "Send the same request, or ask anew without Approval-Id.",
        });
    }
    const asynchronous = (this.#request.byName.get("prefer") ?? "")
      .split(",")
      .some((one) => one.trim().toLowerCase() === "respond-async");
    const left = Promise.withResolvers<void>();
    this.#client.onGone = () => left.resolve();
    const summary = recordRequest(inspection.text, service.masksOfAnybody(judged.bundle, target.protocol));
    const held = await enforcer.hold(
      judged,
      { digest, summary, holdMs: asynchronous ? 0 : service.settings.holdMs },
      left.promise,
    );
    this.#client.onGone = null;
    if (held.state === "granted") {
      const changed = enforcer.again(judged, inspection.actions as readonly ActionFacts[]);
      return changed === null ? true : refuse(changed);
    }
    if (held.state === "refused") return refuse(held.refusal);
    this.#record(judged, inspection, body, `waits for approval ${held.approval.id}`);
    const status = `/.sallyport/approvals/${held.approval.id}`;
    const names = held.approval.rules.map((rule) => rule.name);
    const because = held.approval.rules.map((rule) => rule.because).find((text) => text !== null) ?? null;
    this.#client.problem({
      status: asynchronous ? 202 : 403,
      kind: "approval-pending",
      title: "Waits for approval",
      detail: `Rule ${names.join(", ")} asks for approval${because === null ? "" : `: ${because}`} It was not sent yet. ${service.howToGrant(held.approval.id)} Once it is approved, send the same request with Approval-Id: ${held.approval.id}.`,
      more: {
        approval: held.approval.id,
        statusUrl: status,
        decision: `${this.#session.sid}.${judged.decisionId}`,
        expires: new Date(held.approval.expiresAt).toISOString(),
        rules: names,
      },
      fields: asynchronous
        ? [
            ["location", status],
            ["preference-applied", "respond-async"],
          ]
        : [],
    });
    return false;
  }

  /** What of the head an approval is bound to. */
  #exactHead(): string {
    const { method, target, authority, forward } = this.#request;
    const fields = forward.filter(([name]) => !VOLATILE.has(name) && !CONDITIONAL.has(name));
    return `${method} ${authority.host} ${target.encoded}\n${fields.map(([name, value]) => `${name}: ${value}\n`).join("")}`;
  }

  // ---- forwarding ----------------------------------------------------------------------------------------------------

  async #forward(judged: Judgement, inspection: Inspection, body: ReadBody): Promise<void> {
    const { enforcer, service, pool } = this.#session;
    const { decision, bundle } = judged;
    const masks = decision.masks.length === 0 ? null : service.masksOf(bundle, decision.masks);
    if (typeof masks === "string") {
      const refusal: Refusal = { kind: "unreadable", message: `the masks can't be applied: ${masks}` };
      this.#record(judged, inspection, body, refusal.message);
      return this.#refuse(refusal, judged);
    }
    const index = this.#record(judged, inspection, body, null);
    if (index === null) return this.#refuse(RECORD_FAILED, null);
    if (!service.recorder.mayForward(index)) {
      const durable = await new Promise<boolean>((then) => service.recorder.whenDurable(index, then));
      if (!durable) return this.#refuse(RECORD_FAILED, null);
    }
    const outcome = (status: "skipped" | "lost", tag: string): void =>
      void enforcer.outcome({
        decisionId: judged.decisionId,
        status,
        tag,
        bytes: 0,
        startedAt: this.#startedAt,
        masked: [],
        sample: null,
      });
    if (this.#client.gone) return outcome("skipped", "the client left");
    const assertion = this.#session.assertion(service.clock.now(), ASSERTION_REUSE_MS);
    const identity = typeof assertion === "string" ? assertion : await assertion;
    const forwarding = new Forwarding(
      this.#client,
      this.#session,
      this.#request,
      judged,
      inspection,
      masks,
      this.#startedAt,
    );
    const head = this.#head(identity, masks !== null || inspection.alwaysAnswers, body);
    let connection = pool.idle();
    let fresh = false;
    for (;;) {
      if (connection === null) {
        const opened = await pool.open();
        fresh = true;
        if (typeof opened === "string") {
          outcome("lost", opened);
          service.say(opened);
          return this.#client.problem({
            status: opened.includes("too many") || opened.includes("free") ? 503 : 502,
            kind: "target-unreachable",
            title: "The target can't be reached",
            detail: `${opened}.`,
            more: { decision: `${this.#session.sid}.${judged.decisionId}` },
          });
        }
        if (this.#client.gone) {
          pool.giveBack(opened);
          return outcome("skipped", "the client left");
        }
        connection = opened.used > 0 ? opened : opened;
        fresh = opened.used === 0;
      }
      const result = await forwarding.send(connection, head, body, this.#overflow);
      // A kept connection may have been closed by the target just now: what was not taken by it is sent once more, if it may be.
      if (result !== "stale" || fresh) return;
      connection = null;
    }
  }

  /** The head as it goes to the target: what the client said, without what only we say, with what only we say. */
  #head(assertion: string, readable: boolean, body: ReadBody): string {
    const { method, target, forward, framing, authority, byName, websocket } = this.#request;
    const { target: upstream, service, identity } = this.#session;
    const fields: Field[] = [["host", upstream.keepHost ? hostOf(authority) : upstream.hostField]];
    for (const field of forward) {
      const [name] = field;
      if (readable && (CONDITIONAL.has(name) || name === "accept-encoding")) continue;
      if (upstream.credential !== null && name === upstream.credential[0]) continue;
      if (upstream.strip.size > 0 && upstream.strip.has(name.replaceAll(/[_.]/g, "-"))) continue;
      if (name === "cookie") {
        const rest = service.withoutOwnCookies(field[1]);
        if (rest !== "") fields.push(["cookie", rest]);
        continue;
      }
      if (websocket && name === "sec-websocket-extensions") continue;
      fields.push(field);
    }
    if (readable)
      fields.push(["accept-encoding", websocket ? "identity" : readableCodings(byName.get("accept-encoding"))]);
    if (upstream.credential !== null) fields.push(upstream.credential);
    fields.push(
      ["sallyport-identity", assertion],
      ["sallyport-user", encodeURIComponent(identity.name)],
      ["x-forwarded-for", this.#client.from],
      ["x-forwarded-proto", this.#client.encrypted ? "https" : "http"],
      ["x-forwarded-host", hostOf(authority)],
    );
    if (websocket) fields.push(["connection", "Upgrade"], ["upgrade", "websocket"]);
    if (body.kind === "read") fields.push(["content-length", String(body.bytes.length)]);
    else if (framing.kind === "length") fields.push(["content-length", String(framing.bytes)]);
    else if (framing.kind === "chunked") fields.push(["transfer-encoding", "chunked"]);
    return writeRequestHead(method, target.encoded, fields);
  }
}

const hostOf = ({ host, port }: NormalRequest["authority"]): string => (port === null ? host : `${host}:${port}`);

/** The part of an exchange that is on the wire: the request out, the answer back. */
class Forwarding implements AnswerHandler {
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
  #sample: Buffer[] = [];
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
    if (!this.#whole && !this.#client.gone) {
      // An answer before the request was whole: the rest of it is not sent on, and the connection is not used again.
    }
    const hasBody = framing.kind !== "none";
    const fields = forwardedAnswer(head.fields);
    const masks = this.#masks;
    const empty = !hasBody || (framing.kind === "length" && framing.bytes === 0);
    const plan: AnswerPlan =
      empty || (masks === null && !this.#inspection.alwaysAnswers)
        ? { kind: "pass" }
        : this.#inspection.answer(head, masks, (own) =>
            this.#session.permits(own as (path: string) => FactValue | undefined),
          );
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
        return this.#unreadable(head, plan.why);
      case "mask":
        return this.#masked(head, fields, plan);
    }
  }

  #wantSample(head: ResponseHead, hasBody: boolean): void {
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
    if (this.#finished) return;
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

  #upgraded(head: ResponseHead): boolean {
    const connection = this.#connection!;
    if (!this.#request.websocket) {
      connection.abandon();
      this.failed("it changed the protocol without being asked to", false);
      return true;
    }
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
        this.#settle("done");
      },
    });
    if (started !== null) {
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
