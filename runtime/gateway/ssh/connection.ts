import ssh2, { type AuthContext, type Client, type Connection, type ParsedKey } from "ssh2";
import { ABSENT, type FactValue } from "../../../spec/contract/facts/index.ts";
import type { SshIdentity } from "../../identity/index.ts";
import { timeOrderedId, type Socket } from "../../outside/index.ts";
import { linesText, REFUSED_STATUS } from "../../protocols/ssh/index.ts";
import { RecorderFailed, SessionLog } from "../../record/index.ts";
import { ActionDesk } from "../../session/index.ts";
import { sessionKey } from "./authority.ts";
import { SessionChannel } from "./channel.ts";
import { Forwards } from "./forwards.ts";
import { hostKeysFor } from "./host-key.ts";
import type { SshHost } from "./host.ts";
import { KEEPALIVE_COUNT, KEEPALIVE_MS } from "./limits.ts";
import type { SshSession } from "./session.ts";
import { quicken } from "./quicken.ts";
import { SshSignIn } from "./sign-in.ts";
import { CIPHERS, KEY_EXCHANGES, MACS, terrapinFault, type Agreed } from "./transport.ts";
import { connectTarget, type SshTarget } from "./upstream.ts";

/** One accepted SSH connection: from its first byte to sign-in, and then the session's channels. */
export class SshConnection {
  readonly #host: SshHost;
  readonly #socket: Socket;
  readonly #from: string;
  #gone: () => void = () => undefined;
  readonly #signIn: SshSignIn;
  #stopTimer: () => void = () => undefined;
  #connection: Connection | null = null;
  #application = "";
  #session: SshSession | null = null;
  #target: Client | null = null;
  /** Whoever waits for the target need not when the client is gone. */
  readonly #left = Promise.withResolvers<string>();
  #channels = 0;
  #over = false;
  sid = "";
  log: SessionLog | null = null;
  live: {
    readonly id: string;
    readonly user: string;
    readonly target: string;
    readonly from: string;
    readonly startedAt: number;
  } | null = null;

  constructor(host: SshHost, socket: Socket, from: string) {
    this.#host = host;
    this.#socket = socket;
    this.#from = from;
    this.#signIn = new SshSignIn({
      host,
      from,
      cut: (why) => this.end(why),
      timed: (runs) => (runs ? this.#startTimer() : this.#stopTimer()),
    });
    this.#startTimer();
    socket.once("close", () => this.#ended("the client's connection closed"));
    socket.on("error", () => undefined);
  }

  #startTimer(): void {
    const { clock, config } = this.#host.parts;
    const { handshakeMs } = config.limits;
    this.#stopTimer = clock.after(handshakeMs, () => {
      if (this.#session !== null) return;
      this.#signIn.refused = `no sign-in within ${handshakeMs} ms`;
      this.end(this.#signIn.refused);
    });
  }

  /** Speaks SSH with the client; `gone` is called once, when the connection is over. */
  serve(gone: () => void): void {
    this.#gone = gone;
    const server = new ssh2.Server({
      hostKeys: hostKeysFor(this.#host.ssh.hostKey, () => this.#connection!),
      ident: "Sallyport",
      algorithms: { cipher: CIPHERS, hmac: MACS, kex: KEY_EXCHANGES, compress: ["none"] },
      keepaliveInterval: KEEPALIVE_MS,
      keepaliveCountMax: KEEPALIVE_COUNT,
    });
    server.on("connection", (connection: Connection, info: { readonly header: { readonly identRaw: string } }) => {
      this.#connection = connection;
      this.#application = info.header.identRaw.slice(0, 256);
      connection.on("error", (fault: Error) => this.end(`the client's connection failed: ${fault.message}`));
      connection.on("handshake", (agreed: Agreed) => {
        quicken(connection, this.#socket, this.#host.parts.random);
        const fault = terrapinFault(connection, agreed);
        if (fault === null) return;
        this.#signIn.refused = fault;
        this.end(fault);
      });
      connection.on("authentication", (context: AuthContext) => {
        if (!this.#over) this.#signIn.answer(context);
      });
      connection.on("ready", () => this.#begin());
    });
    server.injectSocket(this.#socket);
  }

  // ---- the session -------------------------------------------------------------------------------------------------

  #begin(): void {
    this.#stopTimer();
    const { identity, targetName } = this.#signIn;
    const connection = this.#connection!;
    if (identity === null) return this.end("signed in without a proof");
    const { recorder, parts, ssh } = this.#host;
    const target = ssh.targets.find((one) => one.name === targetName);
    if (recorder.failed !== null) return this.#refuseAll("the record can't be written, so nobody is let in");
    if (target === undefined) {
      const names = ssh.targets.map((one) => one.name).join(", ");
      const why =
        targetName === null
          ? `no target is named; sign in as ${identity.name}%TARGET. Targets: ${names}`
          : `there is no target ${JSON.stringify(targetName)}. Targets: ${names}`;
      this.#host.refusedSignIn(this.#signIn.name, this.#from, why);
      return this.#refuseAll(why);
    }
    const startedAt = parts.clock.now();
    this.sid = timeOrderedId(startedAt, parts.random);
    const who = { user: identity.name, groups: identity.groups, method: identity.method, issuer: identity.issuer };
    const on = { target: target.name, protocol: "ssh", database: "", account: target.credential.user };
    const log = new SessionLog(recorder, parts.clock, this.sid, who, on);
    this.log = log;
    try {
      log.append({ type: "session.start", from: this.#from, tls: true, application: this.#application });
    } catch (fault) {
      if (!(fault instanceof RecorderFailed)) throw fault;
      this.log = null;
      return this.#refuseAll("the record can't be written, so nobody is let in");
    }
    this.live = { id: this.sid, user: identity.name, target: target.name, from: this.#from, startedAt };
    const session = this.#makeSession(identity, target, log, startedAt);
    this.#session = session;
    new Forwards(session, connection);
    connection.on("session", (accept, reject) => {
      if (this.#channels >= ssh.settings.channels) return reject();
      this.#channels++;
      const requests = accept();
      requests.on("close", () => this.#channels--);
      new SessionChannel(session, requests);
    });
  }

  #makeSession(identity: SshIdentity, target: SshTarget, log: SessionLog, startedAt: number): SshSession {
    const { parts, ssh, recorder, bundles, approvals, rates, alerts } = this.#host;
    const facts = new Map<string, FactValue>([
      ["user.name", identity.name],
      ["user.groups", new Set(identity.groups)],
      ["user.auth_method", identity.method],
      ["target.name", target.name],
      ["target.labels", new Map(Object.entries(target.labels))],
      ["target.account", target.credential.user],
      ["client.address", this.#from],
      ["client.tls", true],
      ["client.application", this.#application === "" ? ABSENT : this.#application],
      ["session.id", this.sid],
      ["session.started", startedAt],
    ]);
    const account = target.credential.user;
    const keyFor = (client: Client): ParsedKey =>
      target.privateKey ??
      sessionKey(ssh.authority, { identity, sid: this.sid, account }, parts.clock, parts.random, () => client);
    const connected = connectTarget(target, keyFor, parts.random).then((found) => {
      if (typeof found === "string") {
        parts.say(found);
        return found;
      }
      if (this.#over) {
        found.end();
        return "the client left";
      }
      this.#target = found;
      // Whatever is thrown while its bytes are handled ends up here too.
      found.on("error", (fault: Error) => {
        parts.say(`the connection to target ${target.name} failed: ${fault.message}`);
        this.end(`the target's connection failed: ${fault.message}`);
      });
      found.once("close", () => this.end("the target closed the connection"));
      return found;
    });
    return {
      sid: this.sid,
      identity,
      target,
      settings: ssh.settings,
      desk: new ActionDesk({
        protocol: "ssh",
        bundles,
        approvals,
        rates,
        alerts,
        recorder,
        log,
        clock: parts.clock,
        facts: (path) => facts.get(path) ?? ABSENT,
        startedAt,
        identity,
        target: target.name,
        account,
        commitKey: parts.secret,
        noticeEveryMs: parts.config.approvals.noticeEveryMs,
        howToGrant: parts.howToGrant,
      }),
      log,
      recorder,
      clock: parts.clock,
      recordings: ssh.recordings,
      secret: parts.secret,
      upstream: Promise.race([connected, this.#left.promise]),
      open: new Set(),
    };
  }

  /** Lets the client open a channel, and tells it there why nothing can be done: a refusal of the sign-in has no text. */
  #refuseAll(why: string): void {
    const connection = this.#connection!;
    connection.on("session", (accept) => {
      const requests = accept();
      const refuse = (acceptRun: () => ssh2.ServerChannel | undefined): void => {
        const channel = acceptRun();
        if (channel === undefined) return;
        channel.on("error", () => undefined);
        channel.stderr.write(linesText([`sallyport: ${why}`], false), () => {
          channel.exit(REFUSED_STATUS);
          channel.end();
          channel.resume();
        });
      };
      requests.on("exec", refuse);
      requests.on("shell", refuse);
      requests.on("subsystem", refuse);
    });
  }

  // ---- end -----------------------------------------------------------------------------------------------------------

  /** The gateway stops: what waits for approval stays pending. */
  release(): void {
    this.#session?.desk.release();
  }

  end(why: string): void {
    this.#ended(why);
    if (this.#connection !== null) this.#connection.end();
    // A client that does not answer is not waited for.
    this.#host.parts.clock.after(LINGER_MS, () => this.#socket.destroy());
    if (this.#connection === null) this.#socket.destroy();
  }

  #ended(why: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#stopTimer();
    this.#signIn.gone();
    const session = this.#session;
    if (session === null) {
      const { name, identity, refused } = this.#signIn;
      if (name !== "" && identity === null) this.#host.refusedSignIn(name, this.#from, refused);
    } else {
      this.#left.resolve("the client left");
      for (const one of [...session.open]) one.end();
      session.log.end(why);
    }
    const target = this.#target;
    if (target !== null) {
      target.end();
      // What waits for an answer of a target that gives none has its outcome then.
      this.#host.parts.clock.after(LINGER_MS, () => target.destroy());
    }
    this.live = null;
    this.#gone();
  }
}

/** Time for last bytes to reach client and target before their sockets are dropped. */
const LINGER_MS = 5_000;
