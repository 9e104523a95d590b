import { X509Certificate, timingSafeEqual } from "node:crypto";
import { ABSENT, type FactValue } from "../../spec/contract/facts/index.ts";
import { endpointBinding } from "../credentials/index.ts";
import type { Identity } from "../identity/index.ts";
import { secureServer, timeOrderedId, type SecureContext, type Socket, type TLSSocket } from "../outside/index.ts";
import { ByteStream } from "../protocols/index.ts";
import {
  IDLE,
  authenticationOk,
  backendKeyData,
  errorResponse,
  negotiateVersion,
  parameterStatus,
  readFirstPacket,
  readyForQuery,
  signIn,
  startupLength,
  type Report,
  type StartupRequest,
} from "../protocols/postgres/index.ts";
import { SessionLog } from "../record/index.ts";
import { Enforcer, ReadBuffer, Relay } from "../session/index.ts";
import { addressOf, type Gateway, type LiveSession } from "./gateway.ts";
import { UpstreamFailed, cancelAtTarget, connectTarget, type Target, type Upstream } from "./upstream.ts";

interface TlsOptions {
  readonly context: SecureContext | null;
  readonly certificate: Buffer | null;
  readonly required: boolean;
}

const TLS_HANDSHAKE = 0x16;
const KEY_BYTES_OLD = 4;
const KEY_BYTES = 32;

const fatal = (sqlstate: string, message: string, hint?: string): Report => ({
  severity: "FATAL",
  sqlstate,
  message: `sallyport: ${message}`,
  hint,
});

/** Ends a handshake: the client is told, and the operator's record knows why. */
class Refused extends Error {
  readonly report: Report | null;
  constructor(report: Report | null, why = report?.message ?? "the client left") {
    super(why);
    this.report = report;
  }
}

/** One accepted connection: from its first byte to a session, or to a refusal. */
export class Connection {
  readonly #gateway: Gateway;
  #socket: Socket | TLSSocket;
  readonly #tls: TlsOptions;
  readonly #from: string;
  #stream = new ByteStream();
  readonly #onData = (chunk: Buffer): void => this.#stream.push(chunk);
  readonly #onEnd = (): void => this.#stream.end();
  #encrypted = false;
  #relay: Relay | null = null;
  #enforcer: Enforcer | null = null;
  #cancelKey: Buffer = Buffer.alloc(0);
  #target: Target | null = null;
  #upstream: Upstream | null = null;
  processId = 0;
  sid = "";
  log: SessionLog | null = null;
  live: LiveSession | null = null;

  constructor(gateway: Gateway, socket: Socket, tls: TlsOptions) {
    this.#gateway = gateway;
    this.#socket = socket;
    this.#tls = tls;
    this.#from = addressOf(socket);
  }

  get relaying(): boolean {
    return this.#relay !== null;
  }

  /** Runs the handshake; the session goes on by itself. */
  async run(): Promise<void> {
    const { clock, config } = this.#gateway.parts;
    const late = clock.after(config.limits.handshakeMs, () => this.#late());
    this.#attach(this.#socket);
    try {
      const startup = await this.#greet();
      if (startup === null) {
        this.#socket.end();
        return;
      }
      await this.#open(startup, late);
    } catch (fault) {
      late();
      this.#refuse(fault);
    }
  }

  #late(): void {
    if (this.#relay !== null) return;
    this.#socket.end(
      errorResponse(fatal("08P01", `no sign-in within ${this.#gateway.parts.config.limits.handshakeMs} ms`)),
    );
    this.#stream.end();
  }

  #attach(socket: Socket | TLSSocket): void {
    socket.on("data", this.#onData);
    socket.on("close", this.#onEnd);
    socket.on("end", this.#onEnd);
    socket.on("error", this.#onEnd);
    socket.resume();
  }

  #detach(socket: Socket | TLSSocket): void {
    socket.pause();
    socket.off("data", this.#onData);
    socket.off("close", this.#onEnd);
    socket.off("end", this.#onEnd);
    socket.off("error", this.#onEnd);
  }

  #refuse(fault: unknown): void {
    if (fault instanceof Refused) {
      if (fault.report !== null) this.#socket.end(errorResponse(fault.report));
      else this.#socket.destroy();
      return;
    }
    if (fault instanceof UpstreamFailed) {
      this.#gateway.parts.say(fault.message);
      this.#socket.end(errorResponse(fatal(fault.sqlstate, fault.message)));
      return;
    }
    this.#gateway.parts.say(`a connection failed: ${fault instanceof Error ? fault.message : String(fault)}`);
    this.#socket.end(errorResponse(fatal("XX000", "the connection could not be set up; the gateway's log says why")));
  }

  // ---- first packets -----------------------------------------------------------------------------------------------

  /** TLS, cancel requests, startup. Null when the connection had another purpose and is done. */
  async #greet(): Promise<StartupRequest | null> {
    const first = await this.#stream.take(1);
    if (first === null) throw new Refused(null);
    if (first[0] === TLS_HANDSHAKE) {
      await this.#secure(Buffer.concat([first, this.#stream.rest()]), true);
      return this.#packets(Buffer.alloc(0));
    }
    return this.#packets(first);
  }

  async #packets(begun: Buffer): Promise<StartupRequest | null> {
    let head = begun;
    for (let requests = 0; ; requests++) {
      if (requests > 3) throw new Refused(fatal("08P01", "too many requests before the startup packet"));
      const restOfHead = await this.#stream.take(4 - head.length);
      if (restOfHead === null) throw new Refused(null);
      head = Buffer.concat([head, restOfHead]);
      const length = startupLength(head);
      if (!length.ok) throw new Refused(length.error);
      const rest = await this.#stream.take(length.value - 4);
      if (rest === null) throw new Refused(null);
      const packet = readFirstPacket(Buffer.concat([head, rest]));
      head = Buffer.alloc(0);
      if (!packet.ok) throw new Refused(packet.error);
      switch (packet.value.kind) {
        case "ssl":
          if (this.#tls.context === null || this.#encrypted) this.#socket.write("N");
          else {
            // Plain text behind the request would be taken for part of the encrypted session.
            if (this.#stream.waiting > 0)
              throw new Refused(fatal("08P01", "unencrypted data after the request for TLS"));
            await this.#secure(null, false);
          }
          break;
        case "gss":
          this.#socket.write("N");
          break;
        case "cancel":
          await this.#cancel(packet.value.processId, packet.value.key);
          return null;
        case "startup":
          return packet.value;
      }
    }
  }

  async #secure(hello: Buffer | null, direct: boolean): Promise<void> {
    const { context } = this.#tls;
    if (context === null) throw new Refused(null, "TLS was asked for, but this listener has no certificate");
    const plain = this.#socket as Socket;
    this.#detach(plain);
    if (hello === null) plain.write("S");
    else plain.unshift(hello);
    let secure: TLSSocket;
    try {
      secure = await secureServer(plain, context, ["postgresql"]);
    } catch {
      throw new Refused(null, "the TLS handshake failed");
    }
    // Without SSLRequest the protocol must be named, so that a browser or another client can't be led here.
    if (direct && secure.alpnProtocol !== "postgresql") {
      secure.destroy();
      throw new Refused(null, "direct TLS without ALPN postgresql");
    }
    this.#stream = new ByteStream();
    this.#socket = secure;
    this.#encrypted = true;
    this.#attach(secure);
  }

  /** The connection is closed only once the target knows: until then the client waits, and sends nothing that could be hit. */
  async #cancel(processId: number, key: Buffer): Promise<void> {
    const connection = this.#gateway.byProcess(processId);
    if (connection === undefined) return;
    const own = connection.#cancelKey;
    if (own.length === key.length && timingSafeEqual(own, key)) await connection.cancelStatement();
  }

  /** The client wants its running statement stopped: one that waits for a person is withdrawn, one that runs is cancelled there. */
  async cancelStatement(): Promise<void> {
    const relay = this.#relay;
    if (relay === null) return;
    if (relay.machine.holding) this.#enforcer?.withdraw("cancelled");
    else if (this.#upstream !== null && this.#target !== null)
      await cancelAtTarget(this.#target, this.#upstream.session);
  }

  // ---- sign-in and target --------------------------------------------------------------------------------------------

  async #open(startup: StartupRequest, late: () => void): Promise<void> {
    const gateway = this.#gateway;
    const { parts } = gateway;
    if (gateway.full)
      throw new Refused(fatal("53300", "too many connections", "Try again later, or raise limits.connections."));
    if (this.#tls.required && !this.#encrypted)
      throw new Refused(
        fatal("28000", "this gateway takes encrypted connections only", "Connect with sslmode=require."),
      );
    if (startup.askedMinor > startup.minor || startup.unknownOptions.length > 0)
      this.#socket.write(negotiateVersion(startup.minor, startup.unknownOptions));
    if (gateway.recorder.failed !== null)
      throw new Refused(fatal("58000", "the record can't be written, so nobody is let in"));
    const identity = await this.#signIn(startup);
    const target = gateway.target(startup.database);
    if (target === undefined) {
      gateway.refusedSignIn(startup.user, this.#from, `no target ${startup.database}`);
      const names = parts.targets.map((one) => one.name).join(", ");
      throw new Refused(
        fatal(
          "3D000",
          `there is no target ${JSON.stringify(startup.database)}`,
          `Targets: ${names}. Choose one as the database name.`,
        ),
      );
    }
    this.#target = target;
    const startedAt = parts.clock.now();
    this.sid = timeOrderedId(startedAt, parts.random);
    const buffer = new ReadBuffer();
    const early = new ByteStream();
    let relay: Relay | null = null;
    const stamp = stampOf(identity.name, this.sid);
    const upstream = await connectTarget(
      target,
      [["application_name", stamp], ...startup.settings],
      parts.random,
      {
        stream: early,
        into: {
          buffer: () => (relay === null ? buffer.bytes : relay.room()),
          callback: (count) => {
            if (relay !== null) return relay.fromUpstream(count);
            early.push(Buffer.from(buffer.bytes.subarray(0, count)));
            return true;
          },
        },
      },
      parts.clock.after,
    );
    this.#upstream = upstream;
    late();
    if (this.#socket.destroyed || !this.#socket.writable) {
      upstream.socket.destroy();
      throw new Refused(null);
    }
    const who = { user: identity.name, groups: identity.groups, method: identity.method, issuer: identity.issuer };
    const on = {
      target: target.name,
      protocol: "postgres",
      database: target.database,
      account: target.credential.user,
    };
    const log = new SessionLog(gateway.recorder, parts.clock, this.sid, who, on);
    this.log = log;
    try {
      log.append({
        type: "session.start",
        from: this.#from,
        tls: this.#encrypted,
        application: startup.application.slice(0, 256),
      });
    } catch {
      upstream.socket.destroy();
      throw new Refused(fatal("58000", "the record can't be written, so nobody is let in"));
    }
    this.live = { id: this.sid, user: identity.name, target: target.name, from: this.#from, startedAt };
    this.#welcome(startup, upstream);
    const facts = this.#facts(identity, target, startup, startedAt);
    this.#detach(this.#socket);
    const rest = this.#stream.rest();
    const enforcer = (machine: () => Relay["machine"]): Enforcer => {
      this.#enforcer = new Enforcer({
        bundles: gateway.bundles,
        analyser: gateway.analyser,
        catalog: gateway.catalogOf(target),
        approvals: gateway.approvals,
        rates: gateway.rates,
        alerts: gateway.alerts,
        recorder: gateway.recorder,
        log,
        clock: parts.clock,
        recordsSamples: parts.config.record.results === "sample",
        facts: (path) => facts.get(path) ?? ABSENT,
        identity: { name: identity.name, issuer: identity.issuer, expiresAt: identity.expiresAt },
        target: { name: target.name, database: target.database, account: target.credential.user },
        application: { stamp, own: startup.application },
        commitKey: parts.secret,
        approvalSettings: { ...parts.config.approvals, howToGrant: parts.howToGrant },
        notify: (text, hint) => machine().notice(text, hint),
      });
      return this.#enforcer;
    };
    relay = new Relay({
      client: this.#socket,
      upstream: upstream.socket,
      buffer,
      host: enforcer,
      recorder: gateway.recorder,
      secrets: { hashKey: parts.secret, tokens: gateway.tokens },
      cancelUpstream: () => cancelAtTarget(target, upstream.session),
      after: parts.clock.after,
      ended: (why) => this.#ended(why),
    });
    this.#relay = relay;
    relay.begin(early.rest());
    if (rest.length > 0) this.#socket.emit("data", rest);
  }

  async #signIn(startup: StartupRequest): Promise<Identity> {
    const { directory, random } = this.#gateway.parts;
    const name = startup.user;
    if (directory.isHeldOff(`user ${name}`) || directory.isHeldOff(`from ${this.#from}`)) {
      throw new Refused(fatal("28000", "too many failed sign-ins; wait a minute"));
    }
    const known = directory.user(name);
    const byToken = known?.verifier == null && directory.takesTokens && this.#encrypted;
    let tokenIdentity: Identity | null = null;
    let why = "";
    const result = await signIn(this.#stream, (bytes) => void this.#socket.write(bytes), {
      verifier: byToken ? null : directory.verifierOf(name),
      userExists: known?.verifier != null,
      serverNonce: random.bytes(18).toString("base64"),
      channelBinding: this.#channelBinding(),
      checkToken: async (token) => {
        const found = await directory.byToken(name, token);
        if (!found.ok) return found.error;
        tokenIdentity = found.value;
        return null;
      },
    });
    if (!result.ok) {
      if (result.error.kind === "left") throw new Refused(null);
      why = result.error.why;
      this.#gateway.refusedSignIn(name, this.#from, why);
      if (result.error.kind === "protocol") throw new Refused(fatal("08P01", why));
      directory.noteFailure(`user ${name}`);
      directory.noteFailure(`from ${this.#from}`);
      // Who knows no password is not told what was wrong with it; a token's holder is.
      const hint = byToken
        ? why
        : directory.takesTokens && !this.#encrypted
          ? "To sign in with a token, connect with sslmode=require."
          : undefined;
      throw new Refused(fatal("28P01", `sign-in failed for user ${JSON.stringify(name)}`, hint));
    }
    directory.noteSuccess(`user ${name}`);
    return tokenIdentity ?? directory.byPassword(name)!;
  }

  #channelBinding(): Buffer | null {
    const { certificate } = this.#tls;
    return this.#encrypted && certificate !== null ? endpointBinding(new X509Certificate(certificate).raw) : null;
  }

  /** What a server says before its first ReadyForQuery: the target's settings as they are, with our own cancel key. */
  #welcome(startup: StartupRequest, upstream: Upstream): void {
    this.processId = this.#gateway.register(this, upstream.session.processId);
    this.#cancelKey = this.#gateway.parts.random.bytes(startup.minor >= 2 ? KEY_BYTES : KEY_BYTES_OLD);
    const out = [authenticationOk()];
    for (const [name, value] of upstream.session.parameters) {
      // The name that we stamped on the target's side is not what the client called itself.
      out.push(parameterStatus(name, name === "application_name" ? startup.application : value));
    }
    out.push(backendKeyData(this.processId, this.#cancelKey), readyForQuery(IDLE));
    this.#socket.write(Buffer.concat(out));
  }

  #facts(
    identity: Identity,
    target: Target,
    startup: StartupRequest,
    startedAt: number,
  ): ReadonlyMap<string, FactValue> {
    return new Map<string, FactValue>([
      ["user.name", identity.name],
      ["user.groups", new Set(identity.groups)],
      ["user.auth_method", identity.method],
      ["target.name", target.name],
      ["target.labels", new Map(Object.entries(target.labels))],
      ["target.database", target.database],
      ["client.address", this.#from],
      ["client.tls", this.#encrypted],
      ["client.application", startup.application === "" ? ABSENT : startup.application],
      ["session.id", this.sid],
      ["session.started", startedAt],
    ]);
  }

  // ---- end -----------------------------------------------------------------------------------------------------------

  #ended(why: string): void {
    this.live = null;
    const { log } = this;
    if (log === null) return this.#gateway.forget(this);
    log.end(why);
    void log.ended.then(() => this.#gateway.forget(this));
  }

  /** The gateway stops: what waits for approval stays pending. */
  release(): void {
    this.#enforcer?.release();
  }

  end(why: string): void {
    if (this.#relay !== null) this.#relay.end(why);
    else this.#socket.destroy();
  }
}

/** How a session shows at the target: who, by us, and which session. PostgreSQL keeps 63 bytes. */
function stampOf(user: string, sid: string): string {
  const suffix = ` via sallyport ${sid}`;
  let name = user;
  while (Buffer.byteLength(name + suffix) > 63 && name.length > 0) name = name.slice(0, -1);
  return name + suffix;
}
