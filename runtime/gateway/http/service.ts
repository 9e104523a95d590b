import type { KeyObject } from "node:crypto";
import { hkdfSync } from "node:crypto";
import { err, ok, type Result } from "../../../base/result.ts";
import type { ActiveBundle } from "../../bundle/index.ts";
import type { Alerts } from "../../enforce/alert/index.ts";
import type { Approvals } from "../../enforce/approve/index.ts";
import type { Rates } from "../../enforce/limit/index.ts";
import type { MaskSecrets } from "../../enforce/mask/index.ts";
import {
  WebAssertions,
  WebIdentities,
  WebSessions,
  WebSignIn,
  type BrowserSignIns,
  type Directory,
  type FetchImplementation,
  type Identity,
  type NoIdentity,
} from "../../identity/index.ts";
import {
  listen,
  listenTls,
  peerOf,
  portOf,
  timeOrderedId,
  type Clock,
  type Random,
  type RecordingStore,
  type Server,
  type ServerTls,
  type Socket,
  type TLSSocket,
} from "../../outside/index.ts";
import {
  HttpAdapter,
  folded,
  readSchema,
  takeCookie,
  type Field,
  type HttpFault,
  type NormalRequest,
  type WebAdapter,
} from "../../protocols/http/index.ts";
import { McpAdapter } from "../../protocols/mcp/index.ts";
import { SessionLog, type Recorder } from "../../record/index.ts";
import { ClientConnection, type ClientHost } from "./client.ts";
import type { HttpListenConfig, HttpSettings, HttpTargetConfig } from "./config.ts";
import { Exchange } from "./exchange.ts";
import { KubernetesAdapter } from "../../protocols/kubernetes/index.ts";
import { impersonation } from "../kubernetes/index.ts";
import { SESSIONS_OF_CONNECTION_MAX, SWEEP_MS } from "./limits.ts";
import { WebMasks } from "./masks.ts";
import { FOREIGN, OWN_PATH, challenge, cookieName, ownPage, sameOrigin } from "./pages.ts";
import { askSchema } from "./schema.ts";
import { WebSession, type WebTarget } from "./session.ts";
import { UpstreamPool } from "./upstream.ts";

/** What the HTTP listeners need beside the gateway: the configuration with its files read. */
export interface HttpParts {
  readonly listen: readonly (HttpListenConfig & { readonly files: ServerTls | null })[];
  readonly targets: readonly (HttpTargetConfig & {
    readonly secret: string | null;
    readonly caBytes: Buffer | null;
    /** The certificate with which the gateway signs in at the target. */
    readonly clientFiles: { readonly certificate: Buffer; readonly key: Buffer } | null;
    /** Text of the schema's file; null: the target is asked. */
    readonly schemaText: string | null;
  })[];
  readonly settings: HttpSettings & { readonly clientSecret: string | null };
  /** Where recordings of streams are kept. */
  readonly recordings: RecordingStore;
  /** Signs who asks, for targets: Ed25519. */
  readonly identityKey: KeyObject;
  readonly fetch: FetchImplementation;
}

/** What the gateway gives. */
export interface HttpHost {
  readonly clock: Clock;
  readonly random: Random;
  readonly bundles: ActiveBundle;
  readonly approvals: Approvals;
  readonly recorder: Recorder;
  readonly rates: Rates;
  readonly alerts: Alerts;
  readonly directory: Directory;
  readonly secret: Buffer;
  readonly maskSecrets: MaskSecrets;
  readonly origin: string;
  readonly recordsSamples: boolean;
  readonly headMs: number;
  readonly connections: number;
  readonly addressOf: (socket: Socket) => string;
  /** SSH sign-ins that wait for their person; null: there is no such page. */
  readonly browser: { readonly waiting: BrowserSignIns; readonly origin: string } | null;
  readonly howToGrant: (id: string) => string;
  readonly say: (line: string) => void;
  refusedSignIn(user: string, from: string, why: string): void;
  /** Sessions that are open, of all protocols. */
  opened(session: WebSession): void;
  forgotten(session: WebSession): void;
}

interface Target {
  readonly web: WebTarget;
  readonly adapter: WebAdapter;
  readonly pool: UpstreamPool;
}

interface Known {
  readonly shown: string;
  readonly identity: Identity;
  readonly until: number;
}

/** How long an identity is taken as found, on one connection. */
const IDENTITY_MS = 60_000;
const SCHEMA_MS = 300_000;
const SCHEMA_AGAIN_MS = 5_000;

/** The HTTP listeners with all that their connections share. */
export class HttpService {
  readonly clock: Clock;
  readonly random: Random;
  readonly bundles: ActiveBundle;
  readonly approvals: Approvals;
  readonly recorder: Recorder;
  readonly rates: Rates;
  readonly alerts: Alerts;
  readonly secret: Buffer;
  readonly recordsSamples: boolean;
  readonly recordings: RecordingStore;
  readonly settings: HttpParts["settings"];
  readonly masks: WebMasks;
  readonly assertions: WebAssertions;
  readonly sessions: WebSessions;
  readonly signIn: WebSignIn | null;
  readonly #parts: HttpParts;
  readonly #host: HttpHost;
  readonly identities: WebIdentities;
  readonly browser: HttpHost["browser"];
  readonly #targets = new Map<string, Target>();
  readonly #byHost = new Map<string, Target>();
  readonly #servers: Server[] = [];
  readonly #clients = new Set<ClientConnection>();
  readonly #open = new Map<ClientConnection, Map<string, WebSession>>();
  readonly #known = new Map<ClientConnection, Known>();
  readonly #certificates = new WeakMap<ClientConnection, { readonly name: string; readonly expiresAt: number }>();
  readonly #timers = new Set<() => void>();
  #closing = false;

  constructor(parts: HttpParts, host: HttpHost) {
    this.#parts = parts;
    this.#host = host;
    this.clock = host.clock;
    this.random = host.random;
    this.bundles = host.bundles;
    this.approvals = host.approvals;
    this.rates = host.rates;
    this.alerts = host.alerts;
    this.recorder = host.recorder;
    this.browser = host.browser;
    this.secret = host.secret;
    this.recordsSamples = host.recordsSamples;
    this.settings = parts.settings;
    this.recordings = parts.recordings;
    this.masks = new WebMasks(host.maskSecrets);
    const key = (what: string): Uint8Array =>
      new Uint8Array(hkdfSync("sha256", host.secret, "", `sallyport ${what}`, 32));
    this.sessions = new WebSessions(key("browser sessions"), host.clock);
    this.assertions = new WebAssertions(parts.identityKey, host.origin, host.clock);
    this.identities = new WebIdentities(host.directory, this.sessions, parts.settings.serviceTokens, host.clock);
    const { signIn, clientSecret } = parts.settings;
    this.signIn =
      signIn === null
        ? null
        : new WebSignIn(
            { ...signIn, clientSecret },
            host.directory,
            key("browser sign-in"),
            host.clock,
            host.random,
            parts.fetch,
          );
    for (const target of parts.targets) this.#addTarget(target);
  }

  #addTarget(config: HttpParts["targets"][number]): void {
    const { name, protocol, host, port, labels, keepHost, credential, secret, tls, caBytes, connections } = config;
    const pool = new UpstreamPool(
      { name, host, port, tls: tls.mode, ca: caBytes, client: config.clientFiles, connections },
      this.clock,
      this.settings.upstreamMs,
    );
    const standard = tls.mode === "off" ? 80 : 443;
    const field: Field | null =
      credential === null || secret === null ? null : [credential.field, `${credential.prefix}${secret}`];
    const identityFields =
      config.kubernetes === null
        ? this.settings.identityFields
        : [...new Set(["authorization", ...this.settings.identityFields])];
    const web: WebTarget = {
      name,
      protocol,
      labels,
      keepHost,
      hostField: port === standard ? host : `${host}:${port}`,
      credential: field,
      identityFields,
      asked:
        config.kubernetes?.impersonate == null
          ? null
          : (
              (settings) => (identity, session, decision) =>
                impersonation(identity, session, decision, settings)
            )(config.kubernetes.impersonate),
      strip: new Set([...config.stripFields, ...identityFields].map(folded)),
    };
    const made: Target = { web, pool, adapter: this.#adapterOf(config, pool, web) };
    if (made.adapter.maskRule !== undefined) this.masks.putFor(protocol, made.adapter.maskRule);
    this.#targets.set(name, made);
    for (const one of config.hosts) this.#byHost.set(one, made);
  }

  #adapterOf(config: HttpParts["targets"][number], pool: UpstreamPool, web: WebTarget): WebAdapter {
    if (config.protocol === "mcp") return new McpAdapter();
    if (config.kubernetes !== null) return new KubernetesAdapter({ proxies: config.kubernetes.proxies });
    const { graphql, schemaText } = config;
    if (graphql === null) return new HttpAdapter(null);
    let schema: ReturnType<typeof readSchema> = err("it was not asked yet");
    if (schemaText !== null) schema = readSchema(schemaText);
    else {
      const fields: Field[] = [["host", web.hostField], ...(web.credential === null ? [] : [web.credential])];
      const ask = async (): Promise<void> => {
        const text = await askSchema(pool, graphql.paths[0]!, fields);
        const read = text.ok ? readSchema(text.value) : text;
        if (read.ok) schema = read;
        else if (!schema.ok && schema.error !== read.error) {
          schema = read;
          this.say(
            `target ${config.name}: its GraphQL schema is not known: ${read.error}; answers that a mask by type applies to are refused`,
          );
        }
        if (!this.#closing) this.#later(read.ok ? SCHEMA_MS : SCHEMA_AGAIN_MS, () => void ask());
      };
      this.#later(0, () => void ask());
    }
    if (!schema.ok && schemaText !== null) this.say(`target ${config.name}: ${schema.error}`);
    return new HttpAdapter({ paths: graphql.paths, schema: () => (schema.ok ? schema.value : null) });
  }

  async listen(): Promise<void> {
    for (const one of this.#parts.listen) {
      const { host, port, files, target } = one;
      const fixed = target === null ? null : (this.#targets.get(target) ?? null);
      const accept = (socket: Socket | TLSSocket): void => this.#accept(socket, files !== null, fixed);
      this.#servers.push(
        files === null ? await listen(host, port, accept) : await listenTls(host, port, files, ["http/1.1"], accept),
      );
    }
    this.#sweep();
  }

  get ports(): readonly number[] {
    return this.#servers.map(portOf);
  }

  #later(ms: number, call: () => void): void {
    const callOff = this.clock.after(ms, () => {
      this.#timers.delete(callOff);
      call();
    });
    this.#timers.add(callOff);
  }

  #sweep(): void {
    this.#later(SWEEP_MS, () => {
      const now = this.clock.now();
      for (const client of this.#clients) client.sweep(now);
      for (const { pool } of this.#targets.values()) pool.sweep(now);
      this.#sweep();
    });
  }

  say(line: string): void {
    this.#host.say(line);
  }

  howToGrant(id: string): string {
    return `${this.#host.howToGrant(id)}.`;
  }

  refusedSignIn(user: string, from: string, why: string): void {
    this.#host.refusedSignIn(user, from, why);
  }

  // ---- connections ---------------------------------------------------------------------------------------------------

  #accept(socket: Socket | TLSSocket, encrypted: boolean, fixed: Target | null): void {
    socket.on("error", () => undefined);
    if (this.#closing || this.#clients.size >= this.#host.connections) {
      socket.destroy();
      return;
    }
    const host: ClientHost = {
      clock: this.clock,
      idleMs: this.settings.idleMs,
      headMs: this.#host.headMs,
      request: (client, request) => this.#request(client, request, fixed),
      refused: (client, fault, bytes) => this.#refused(client, fault, bytes),
      closed: (client) => this.#closed(client),
    };
    const client = new ClientConnection(socket, this.#host.addressOf(socket), encrypted, host);
    client.form = fixed?.adapter.problem ?? null;
    if (encrypted) {
      const peer = peerOf(socket as TLSSocket);
      if (peer !== null) this.#certificates.set(client, peer);
    }
    this.#clients.add(client);
  }

  #closed(client: ClientConnection): void {
    this.#clients.delete(client);
    this.#known.delete(client);
    for (const session of [...(this.#open.get(client)?.values() ?? [])])
      session.log.end("the client's connection closed");
    this.#open.delete(client);
  }

  /** What was no request is in the record too: somebody tries something. */
  #refused(client: ClientConnection, fault: HttpFault, bytes: number): void {
    this.refusedSignIn("", client.from, `${bytes} bytes that are no request: ${fault.why}`);
  }

  #request(client: ClientConnection, request: NormalRequest, fixed: Target | null): void {
    const target = fixed ?? this.#byHost.get(request.authority.host);
    client.form = target?.adapter.problem ?? null;
    const known = target === undefined ? null : this.#knownIdentity(client, request, target.web.identityFields);
    if (known !== null && target !== undefined && !request.target.path.startsWith(OWN_PATH)) {
      const session = this.#open.get(client)?.get(keyOf(known, target.web.name));
      if (session !== undefined) return this.#exchange(client, request, session);
    }
    this.#slowRequest(client, request, fixed).catch((fault: unknown) => this.#fault(client, fault));
  }

  async #slowRequest(client: ClientConnection, request: NormalRequest, fixed: Target | null): Promise<void> {
    const { path } = request.target;
    if (path === OWN_PATH || path.startsWith(`${OWN_PATH}/`)) {
      client.form = null;
      return ownPage(this, client, request, fixed !== null);
    }
    const target = fixed ?? this.#byHost.get(request.authority.host);
    if (target === undefined) {
      return client.problem({
        status: 421,
        kind: "no-target",
        title: "No such target",
        detail: `No target is called ${request.authority.host} here. Ask by one of the hosts in the gateway's configuration.`,
      });
    }
    if (this.recorder.failed !== null) {
      return client.problem({
        status: 503,
        kind: "unavailable",
        title: "Not available",
        detail: "The record can't be written, so nobody is let in.",
      });
    }
    if (request.spdy && target.web.protocol !== "kubernetes") {
      return client.problem({
        status: 501,
        kind: "bad-request",
        title: "Not taken",
        detail: "An upgrade to SPDY/3.1 is taken for Kubernetes targets only.",
        close: true,
      });
    }
    const identity = await this.identify(client, request, target.web.identityFields);
    if (client.gone) return;
    if (!identity.ok) {
      if (identity.error.kind === "refused") this.refusedSignIn("", client.from, identity.error.why);
      return challenge(this, client, request, identity.error, target.web.identityFields);
    }
    const session = this.#session(client, request, identity.value, target);
    if (session === null)
      return client.problem({
        status: 503,
        kind: "unavailable",
        title: "Not available",
        detail: "The session can't be recorded, or this connection has had too many.",
        close: true,
      });
    this.#exchange(client, request, session);
  }

  #exchange(client: ClientConnection, request: NormalRequest, session: WebSession): void {
    const { identity } = session;
    // A browser sends its cookie wherever a page asks it to.
    const safe = request.method === "GET" || request.method === "HEAD" || request.method === "OPTIONS";
    if (identity.method === "web" && (!safe || request.websocket) && !sameOrigin(client, request))
      return client.problem({ ...FOREIGN, close: true });
    const exchanged = new Exchange(client, session, request).run();
    session.log.during(exchanged).catch((fault: unknown) => this.#fault(client, fault));
  }

  /** A bug of ours: this one request fails, and says nothing about the inside. */
  #fault(client: ClientConnection, fault: unknown): void {
    this.say(`a request failed: ${fault instanceof Error ? (fault.stack ?? fault.message) : String(fault)}`);
    if (client.gone) return;
    if (client.headSent) client.cut();
    else
      client.problem({
        status: 500,
        kind: "fault",
        title: "Fault",
        detail: "The gateway could not answer. Its log says why.",
        close: true,
      });
  }

  // ---- who -----------------------------------------------------------------------------------------------------------

  #shown(client: ClientConnection, request: NormalRequest, names: readonly string[]): string {
    let shown = "";
    for (const name of names) {
      const value = request.byName.get(name);
      if (value !== undefined) shown += `${name}: ${value}\n`;
    }
    const cookie = request.byName.get("cookie");
    if (shown === "" && cookie !== undefined) shown = `cookie: ${cookie}`;
    return shown === "" && this.#certificates.has(client) ? "certificate" : shown;
  }

  #knownIdentity(client: ClientConnection, request: NormalRequest, names: readonly string[]): Identity | null {
    const known = this.#known.get(client);
    if (known === undefined || this.clock.now() >= known.until) return null;
    return known.shown === this.#shown(client, request, names) ? known.identity : null;
  }

  /** Who sends a request. `names`: fields that may say so. */
  async identify(
    client: ClientConnection,
    request: NormalRequest,
    names: readonly string[] = this.settings.identityFields,
  ): Promise<Result<Identity, NoIdentity>> {
    const before = this.#knownIdentity(client, request, names);
    if (before !== null) return ok(before);
    const fields = names.flatMap((name): (readonly [string, string])[] => {
      const value = request.byName.get(name);
      return value === undefined ? [] : [[name, value]];
    });
    const own = takeCookie(request.byName.get("cookie") ?? "", cookieName(client.encrypted, "session"));
    if (own.doubled) return err({ kind: "refused", why: "the gateway's cookie is there twice", field: null });
    const found = await this.identities.find({
      fields,
      cookie: own.found === "" ? null : own.found,
      certificate: this.#certificates.get(client) ?? null,
      from: client.from,
      private: client.private,
    });
    if (found.ok && !client.gone) {
      const until = Math.min(this.clock.now() + IDENTITY_MS, found.value.expiresAt ?? Number.POSITIVE_INFINITY);
      this.#known.set(client, { shown: this.#shown(client, request, names), identity: found.value, until });
    }
    return found;
  }

  /** The client speaks to the gateway as to a proxy. */
  proxied(request: NormalRequest): boolean {
    return this.settings.identityFields.includes("proxy-authorization") && request.byName.has("proxy-connection");
  }

  /** A `cookie` field without the gateway's own. */
  withoutOwnCookies(value: string): string {
    let rest = value;
    for (const encrypted of [true, false])
      for (const what of ["session", "sign-in"] as const) rest = takeCookie(rest, cookieName(encrypted, what)).rest;
    return rest;
  }

  #session(client: ClientConnection, request: NormalRequest, identity: Identity, target: Target): WebSession | null {
    const open = this.#open.get(client) ?? new Map<string, WebSession>();
    this.#open.set(client, open);
    const key = keyOf(identity, target.web.name);
    const before = open.get(key);
    if (before !== undefined) return before;
    if (open.size >= SESSIONS_OF_CONNECTION_MAX) return null;
    const startedAt = this.clock.now();
    const sid = timeOrderedId(startedAt, this.random);
    const who = { user: identity.name, groups: identity.groups, method: identity.method, issuer: identity.issuer };
    const on = { target: target.web.name, protocol: target.web.protocol, database: "", account: "" };
    const log = new SessionLog(this.recorder, this.clock, sid, who, on);
    const application = (request.byName.get("user-agent") ?? "").slice(0, 256);
    try {
      log.append({ type: "session.start", from: client.from, tls: client.encrypted, application });
    } catch {
      return null;
    }
    const session = new WebSession({
      service: this,
      identity,
      target: target.web,
      adapter: target.adapter,
      pool: target.pool,
      log,
      sid,
      from: client.from,
      encrypted: client.encrypted,
      application,
      startedAt,
      cut: (why) => {
        for (const one of open.values()) one.log.end(why);
        client.end();
      },
    });
    open.set(key, session);
    this.#host.opened(session);
    void log.ended.then(() => this.#host.forgotten(session));
    return session;
  }

  // ---- end -----------------------------------------------------------------------------------------------------------

  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    for (const callOff of this.#timers) callOff();
    for (const client of [...this.#clients]) client.end();
    for (const { pool } of this.#targets.values()) pool.close();
    await Promise.all(this.#servers.map((server) => new Promise<void>((done) => server.close(() => done()))));
  }
}

const keyOf = (identity: Identity, target: string): string =>
  `${identity.method} ${identity.issuer ?? ""}\n${identity.name}\n${identity.groups.join(",")}\n${target}`;
