import type { ActionFacts } from "../../decide/index.ts";
import type { Masked } from "../../../spec/contract/record/index.ts";
import { requestDigest } from "../../enforce/approve/index.ts";
import { recordRequest } from "../../enforce/mask/index.ts";
import { ASSERTION_REUSE_MS } from "../../identity/index.ts";
import type { Refusal } from "../../protocols/index.ts";
import {
  writeRequestHead,
  type Field,
  type Inspection,
  type NormalRequest,
  type ProblemAnswer,
  type ReadBody,
  type StreamAsk,
} from "../../protocols/http/index.ts";
import { RECORD_FAILED, isRefusal, type Judgement } from "../../session/index.ts";
import type { BodySink, ClientConnection } from "./client.ts";
import { readableCodings } from "./coding.ts";
import type { WebSession } from "./session.ts";
import { Forwarding } from "./forwarding.ts";
import { FORWARD_PROTOCOL, STREAM_PROTOCOLS, speaksChannels } from "../../protocols/kubernetes/index.ts";
import { textMaskOf } from "../ssh/text-mask.ts";

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
/** Fields that change with each sending of the same request: an approval is not bound to them. */
const VOLATILE: ReadonlySet<string> = new Set([
  "user-agent",
  "accept-encoding",
  "traceparent",
  "tracestate",
  "x-request-id",
  "x-correlation-id",
  "date",
  "cache-control",
  "pragma",
  "priority",
  "sec-websocket-key",
  "kubectl-command",
  "kubectl-session",
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
    const judged = enforcer.judge(inspected.value.actions, inspected.value.kinds);
    if (isRefusal(judged)) return this.#refuse(judged, null);
    const refusal = judged.refusal ?? enforcer.count(judged);
    if (refusal !== null) {
      this.#record(judged, inspected.value, body, refusal.message);
      return this.#refuse(refusal, judged);
    }
    const barred = this.#barred(judged, inspected.value);
    if (barred !== null) {
      this.#record(judged, inspected.value, body, barred.message);
      return this.#refuse(barred, judged);
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
      const approved = await this.#approved(judged, again.value, body);
      return approved === null ? undefined : this.#forward(approved, again.value, body);
    }
    return this.#forward(judged, inspected.value, body);
  }

  /** What no rule says, and must not be all the same: what would tell what masks hide, or leave no trace. */
  #barred({ decision, bundle }: Judgement, inspection: Inspection): Refusal | null {
    const { service, target } = this.#session;
    const refuse = (message: string, hint?: string): Refusal => ({
      kind: "policy",
      message: hint === undefined ? message : `${message}.`,
      hint,
    });
    if (inspection.refusal != null) return refuse(inspection.refusal);
    if (decision.masks.length > 0 && inspection.objection !== undefined) {
      const masks = service.masks.of(bundle, decision.masks, target.protocol);
      const why = typeof masks === "string" ? null : inspection.objection(masks);
      if (why !== null) return refuse(why);
    }
    const stream = inspection.stream ?? null;
    if (stream === null) return null;
    const masked = textMaskOf(bundle.manifest, decision.masks, service.secret) !== null;
    if (masked && stream.kind === "portforward") return refuse("a mask applies, and portforward can't be masked");
    if ((this.#request.spdy || stream.kind !== "portforward") && this.#channels(stream).length === 0) {
      const taken = stream.kind === "portforward" ? FORWARD_PROTOCOL : STREAM_PROTOCOLS.join(" or ");
      return refuse(`${stream.kind} over ${this.#request.spdy ? "SPDY" : "WebSocket"} is taken as ${taken} only`);
    }
    return null;
  }

  /** The protocols of streams that the client offers and that can be read here. */
  #channels(stream: StreamAsk): readonly string[] {
    const { byName, spdy } = this.#request;
    return (byName.get(spdy ? "x-stream-protocol-version" : "sec-websocket-protocol") ?? "")
      .split(",")
      .map((one) => one.trim())
      .filter((one) => (stream.kind === "portforward" ? one === FORWARD_PROTOCOL : speaksChannels(one)));
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

  #text(judged: Judgement, inspection: Inspection): Masked {
    const { service, target } = this.#session;
    return recordRequest(inspection.text, service.masks.ofAnybody(judged.bundle, target.protocol));
  }

  #record(judged: Judgement, inspection: Inspection, body: ReadBody, refused: string | null): number | null {
    return this.#session.enforcer.record(judged, {
      phase: "request",
      text: this.#text(judged, inspection),
      kinds: inspection.kinds,
      refused,
      exact: body.kind === "read" ? body.bytes : null,
    });
  }

  // ---- approval ------------------------------------------------------------------------------------------------------

  /** What an approved request goes on under; null when it does not, and the client was told. */
  async #approved(judged: Judgement, inspection: Inspection, body: ReadBody): Promise<Judgement | null> {
    const { enforcer, service, target, identity } = this.#session;
    const refuse = (refusal: Refusal): null => {
      this.#record(judged, inspection, body, refusal.message);
      this.#refuse(refusal, judged);
      return null;
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
    const summary = this.#text(judged, inspection);
    const held = await enforcer.hold(
      judged,
      { digest, summary },
      {
        holdMs: asynchronous ? 0 : service.settings.holdMs,
        left: () =>
          new Promise((left) => {
            this.#client.onGone = () => left("disconnected");
            if (this.#client.gone) left("disconnected");
          }),
      },
    );
    this.#client.onGone = null;
    if (held.state === "granted") {
      const again = enforcer.again(judged, inspection.actions as readonly ActionFacts[], inspection.kinds);
      if (isRefusal(again)) return refuse(again);
      const stopped = enforcer.count(again, judged) ?? this.#barred(again, inspection);
      return stopped === null ? again : refuse(stopped);
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
    return null;
  }

  /** What of the head an approval is bound to. */
  #exactHead(): string {
    const { method, target, authority, forward, websocket, spdy } = this.#request;
    const { strip } = this.#session.target;
    const upgrade = websocket ? "websocket" : spdy ? "spdy" : "none";
    const fields = forward
      .filter(([name]) => !VOLATILE.has(name) && !strip.has(name.replaceAll(/[_.]/g, "-")))
      // Whether to wait for the answer is between the client and the gateway; other preferences change what is done.
      .map(([name, value]): [string, string] => [name, name === "prefer" ? withoutWaiting(value) : value])
      .filter(([name, value]) => name !== "prefer" || value !== "");
    return `${method} ${authority.host}:${authority.port ?? ""} ${target.encoded} ${upgrade}\n${fields.map(([name, value]) => `${name}: ${value}\n`).join("")}`;
  }

  // ---- forwarding ----------------------------------------------------------------------------------------------------

  async #forward(judged: Judgement, inspection: Inspection, body: ReadBody): Promise<void> {
    const { enforcer, service, pool, target } = this.#session;
    const { decision, bundle } = judged;
    const masks = decision.masks.length === 0 ? null : service.masks.of(bundle, decision.masks, target.protocol);
    if (typeof masks === "string") {
      const refusal: Refusal = { kind: "unreadable", message: `the masks can't be applied: ${masks}` };
      this.#record(judged, inspection, body, refusal.message);
      return this.#refuse(refusal, judged);
    }
    const asked = target.asked?.(this.#session.identity, this.#session.sid, judged.decisionId) ?? [];
    if (typeof asked === "string") {
      const refusal: Refusal = { kind: "policy", message: asked, hint: "Ask your security team." };
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
    const head = this.#head(identity, masks !== null || inspection.alwaysAnswers, body, inspection, asked);
    // What runs a command is never sent twice, so it gets a connection that can't have gone stale.
    let connection = inspection.stream == null ? pool.idle() : null;
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
        connection = opened;
        fresh = opened.used === 0;
      }
      if (this.#client.gone) {
        pool.giveBack(connection);
        return outcome("skipped", "the client left");
      }
      const result = await forwarding.send(connection, head, body, this.#overflow);
      // A kept connection may have been closed by the target just now: what was not taken by it is sent once more, if it may be.
      if (result !== "stale" || fresh) return;
      connection = null;
    }
  }

  /** The head as it goes to the target: what the client said, without what only we say, with what only we say. */
  #head(assertion: string, readable: boolean, body: ReadBody, inspection: Inspection, asked: readonly Field[]): string {
    const { method, target, forward, framing, authority, byName, websocket, spdy } = this.#request;
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
      if (inspection.accept != null && name === "accept") continue;
      if (inspection.stream != null && inspection.stream.kind !== "portforward" && name === "sec-websocket-protocol")
        continue;
      if (spdy && name === "x-stream-protocol-version") continue;
      fields.push(field);
    }
    if (readable)
      fields.push(["accept-encoding", websocket ? "identity" : readableCodings(byName.get("accept-encoding"))]);
    if (inspection.accept != null) fields.push(["accept", inspection.accept]);
    const stream = inspection.stream ?? null;
    if (websocket && stream !== null && stream.kind !== "portforward")
      fields.push(["sec-websocket-protocol", this.#channels(stream).join(", ")]);
    // API servers before 1.27 take one of a field only.
    if (spdy && stream !== null)
      for (const one of this.#channels(stream)) fields.push(["x-stream-protocol-version", one]);
    if (upstream.credential !== null) fields.push(upstream.credential);
    fields.push(...asked);
    fields.push(
      ["sallyport-identity", assertion],
      ["sallyport-user", encodeURIComponent(identity.name)],
      ["x-forwarded-for", this.#client.from],
      ["x-forwarded-proto", this.#client.encrypted ? "https" : "http"],
      ["x-forwarded-host", hostOf(authority)],
    );
    if (websocket || spdy) fields.push(["connection", "Upgrade"], ["upgrade", websocket ? "websocket" : "SPDY/3.1"]);
    if (body.kind === "read") fields.push(["content-length", String(body.bytes.length)]);
    else if (framing.kind === "length") fields.push(["content-length", String(framing.bytes)]);
    else if (framing.kind === "chunked") fields.push(["transfer-encoding", "chunked"]);
    return writeRequestHead(method, target.encoded, fields);
  }
}

const hostOf = ({ host, port }: NormalRequest["authority"]): string => (port === null ? host : `${host}:${port}`);

/** A Prefer field (RFC 7240) without `respond-async` and `wait`; commas in quotes part nothing. */
function withoutWaiting(value: string): string {
  return (value.match(/(?:"(?:[^"\\]|\\.)*"|[^,])+/g) ?? [])
    .map((one) => one.trim())
    .filter((one) => one !== "" && !/^(respond-async|wait\s*=\s*\d+)$/i.test(one))
    .join(", ");
}
