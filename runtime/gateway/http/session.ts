import { ABSENT, type FactValue } from "../../../spec/contract/facts/index.ts";
import type { Identity } from "../../identity/index.ts";
import type { Field, WebAdapter } from "../../protocols/http/index.ts";
import type { SessionLog } from "../../record/index.ts";
import { ActionEnforcer } from "../../session/index.ts";
import type { HttpService } from "./service.ts";
import type { UpstreamPool } from "./upstream.ts";

/** A target as exchanges need it. */
export interface WebTarget {
  readonly name: string;
  readonly protocol: "http" | "mcp" | "kubernetes";
  readonly labels: Readonly<Record<string, string>>;
  readonly keepHost: boolean;
  readonly hostField: string;
  /** A field with the target's own secret; null: none is added. */
  readonly credential: Field | null;
  /** Fields in which clients show who they are: they end here. */
  readonly identityFields: readonly string[];
  /** Fields that tell the target for whom a request is, in its own way; in words why they can't be made. */
  readonly asked: ((identity: Identity, session: string, decision: number) => readonly Field[] | string) | null;
  /** More fields of clients that do not go on, folded. */
  readonly strip: ReadonlySet<string>;
}

export interface WebSessionParts {
  readonly service: HttpService;
  readonly identity: Identity;
  readonly target: WebTarget;
  readonly adapter: WebAdapter;
  readonly pool: UpstreamPool;
  readonly log: SessionLog;
  readonly sid: string;
  readonly from: string;
  readonly encrypted: boolean;
  readonly application: string;
  readonly startedAt: number;
  /** Cuts the client's connection, and with it all sessions on it. */
  readonly cut: (why: string) => void;
}

/** What one identity does on one target over one connection: one session of the record. */
export class WebSession {
  readonly service: HttpService;
  readonly identity: Identity;
  readonly target: WebTarget;
  readonly adapter: WebAdapter;
  readonly pool: UpstreamPool;
  readonly sid: string;
  readonly log: SessionLog;
  readonly live: {
    readonly id: string;
    readonly user: string;
    readonly target: string;
    readonly from: string;
    readonly startedAt: number;
  };
  readonly enforcer: ActionEnforcer;
  readonly #cut: (why: string) => void;
  #assertion = "";
  #assertedAt = Number.NEGATIVE_INFINITY;

  constructor(parts: WebSessionParts) {
    const { service, identity, target, sid, from, startedAt, log } = parts;
    this.service = service;
    this.identity = identity;
    this.target = target;
    this.adapter = parts.adapter;
    this.pool = parts.pool;
    this.sid = sid;
    this.log = log;
    this.#cut = parts.cut;
    this.live = { id: sid, user: identity.name, target: target.name, from, startedAt };
    const facts = new Map<string, FactValue>([
      ["user.name", identity.name],
      ["user.groups", new Set(identity.groups)],
      ["user.auth_method", identity.method],
      ["target.name", target.name],
      ["target.labels", new Map(Object.entries(target.labels))],
      ["client.address", from],
      ["client.tls", parts.encrypted],
      ["client.application", parts.application === "" ? ABSENT : parts.application],
      ["session.id", sid],
      ["session.started", startedAt],
    ]);
    this.enforcer = new ActionEnforcer({
      protocol: target.protocol,
      bundles: service.bundles,
      approvals: service.approvals,
      recorder: service.recorder,
      log,
      clock: service.clock,
      facts: (path) => facts.get(path) ?? ABSENT,
      startedAt,
      identity: { name: identity.name, issuer: identity.issuer, expiresAt: identity.expiresAt },
      rates: service.rates,
      alerts: service.alerts,
      target: target.name,
      commitKey: service.secret,
    });
  }

  /** Who asks, signed for the target. The same one is used again for a moment. */
  assertion(now: number, reuseMs: number): string | Promise<string> {
    if (now - this.#assertedAt < reuseMs) return this.#assertion;
    return this.service.assertions.make(this.identity, this.target.name, this.sid).then((made) => {
      this.#assertion = made;
      this.#assertedAt = now;
      return made;
    });
  }

  /** Whether an action could be allowed, whatever the facts named in `open` are. Nothing of it is recorded. */
  permits(own: (path: string) => FactValue | undefined, open: readonly string[]): boolean {
    return this.enforcer.couldBeAllowed(own, open);
  }

  /** The gateway stops: what waits for approval stays pending. */
  release(): void {
    this.enforcer.release();
  }

  /** The gateway ends it. */
  end(why: string): void {
    this.#cut(why);
  }
}
