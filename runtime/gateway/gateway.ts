import type { KeyObject } from "node:crypto";
import { isIP } from "node:net";
import type { Result } from "../../base/result.ts";
import { ActiveBundle, describeBundleError, loadBundle } from "../bundle/index.ts";
import { ApprovalStore, Approvals, type ApprovalEvent } from "../enforce/approve/index.ts";
import { scannerOf } from "../enforce/detect/index.ts";
import { Alerts, type AlertChannel, type AlertParts } from "../enforce/alert/index.ts";
import { Rates } from "../enforce/limit/index.ts";
import { TokenVault } from "../enforce/mask/index.ts";
import { Analyser } from "../facts/index.ts";
import { BrowserSignIns, type Directory } from "../identity/index.ts";
import {
  createSecureContext,
  listen,
  portOf,
  timeOrderedId,
  type Clock,
  type Random,
  type SecureContext,
  type Server,
  type Socket,
} from "../outside/index.ts";
import {
  appendGatewayEntry,
  startHeartbeat,
  type OpenOptions,
  type Recorder,
  type SessionLog,
} from "../record/index.ts";
import { RowEstimates, TargetCatalog } from "../session/index.ts";
import type { EntryBody } from "../../spec/contract/record/index.ts";
import type { GatewayConfig } from "./config.ts";
import { Connection } from "./connection.ts";
import { HttpService, type HttpParts } from "./http/index.ts";
import { SshConnection, type BrowserDoor, type SshParts } from "./ssh/index.ts";
import { ServiceConnection, type Target } from "./upstream.ts";

/** What a gateway is made of: the configuration with its files read. */
export interface GatewayParts {
  readonly config: GatewayConfig;
  readonly version: string;
  readonly targets: readonly Target[];
  readonly directory: Directory;
  readonly bundleKeys: readonly KeyObject[];
  /** The bundle file's bytes as they are now; null when there is none. */
  readonly readBundle: () => Promise<Buffer | null>;
  /** Takes the record up; in words why it can't. */
  readonly openRecord: (options: OpenOptions) => Promise<Result<Recorder, string>>;
  readonly logKey: KeyObject;
  /** File of the approvals' database. */
  readonly approvalsPath: string;
  /** File of the tokens' vault. */
  readonly vaultPath: string;
  readonly alertChannels: readonly AlertChannel[];
  readonly post: AlertParts["post"];
  /** Key of keyed hashes in results and of commitments in the record. */
  readonly secret: Buffer;
  /** Per listener: certificate and key in PEM, and the certificate in DER for channel binding. */
  readonly tls: readonly ({ readonly certificate: Buffer; readonly key: Buffer } | null)[];
  /** The HTTP listeners and targets; null when there are none. */
  readonly http: HttpParts | null;
  /** Keys and targets of the SSH listeners; null when there are none. */
  readonly ssh: SshParts | null;
  readonly clock: Clock;
  readonly random: Random;
  readonly howToGrant: (id: string) => string;
  /** For the operator's log. Never holds a statement, a value or a secret. */
  readonly say: (line: string) => void;
}

/** One connection of a client, of whatever protocol, as the gateway holds it. */
export interface ClientConnection {
  /** Name of its session; "" before there is one. */
  readonly sid: string;
  /** The session's entries; null before there is one. */
  readonly log: SessionLog | null;
  readonly live: LiveSession | null;
  /** The gateway stops: what waits for approval stays pending. */
  release(): void;
  end(why: string): void;
}

/** A session that is open now. */
export interface LiveSession {
  readonly id: string;
  readonly user: string;
  readonly target: string;
  readonly from: string;
  readonly startedAt: number;
}

/** Everything that sessions share, and the listeners. */
export class Gateway {
  readonly parts: GatewayParts;
  readonly bundles = new ActiveBundle();
  readonly analyser: Analyser;
  readonly recorder: Recorder;
  readonly approvals: Approvals;
  readonly tokens: TokenVault;
  readonly rates: Rates;
  readonly alerts: Alerts;
  /** A name for this run of the process. */
  readonly boot: string;
  readonly connections = new Set<ClientConnection>();
  readonly #catalogs = new Map<
    string,
    { readonly catalog: TargetCatalog; readonly services: readonly ServiceConnection[] }
  >();
  readonly #servers: Server[] = [];
  readonly #http: HttpService | null;
  /** SSH sign-ins that wait for a browser, between the SSH and the HTTP listeners. */
  readonly #browser: BrowserDoor | null;
  readonly #sshServers: Server[] = [];
  readonly #byProcess = new Map<number, Connection>();
  #nextProcess = 1;
  #closing = false;
  #poll: (() => void) | null = null;
  readonly #stopHeartbeat: () => void;
  #reloading: Promise<string | null> = Promise.resolve(null);

  private constructor(parts: GatewayParts, recorder: Recorder, boot: string, kept: Kept) {
    this.parts = parts;
    this.recorder = recorder;
    this.boot = boot;
    this.#stopHeartbeat = startHeartbeat(recorder, parts.clock);
    this.analyser = new Analyser({ after: parts.clock.after, statementBytes: parts.config.limits.statementBytes });
    this.approvals = new Approvals(kept.approvals, parts.clock, parts.random, (event) => this.#recordApproval(event));
    this.rates = new Rates(() => parts.clock.monotonic());
    this.alerts = new Alerts({
      channels: parts.alertChannels,
      origin: parts.config.record.origin,
      post: parts.post,
      after: parts.clock.after,
      say: parts.say,
      undelivered: ({ sid, decision, rule }, channel, why) =>
        void this.entry({ type: "alert.undelivered", session: sid, decision, rule, channel, why: why.slice(0, 512) }),
    });
    this.tokens = kept.tokens;
    const { signIn } = parts.config.ssh;
    this.#browser =
      signIn === null
        ? null
        : { waiting: new BrowserSignIns(parts.clock, parts.random, signIn.waitMs), origin: signIn.origin };
    this.#http = parts.http === null ? null : this.#httpService(parts.http);
    for (const target of parts.targets) {
      const service = new ServiceConnection(target, parts.random, parts.clock.after);
      // A plan that takes long holds up no look at the catalog.
      const planner = new ServiceConnection(target, parts.random, parts.clock.after, PLANNER_QUEUE_MS);
      this.#catalogs.set(target.name, {
        catalog: new TargetCatalog(
          (...statements) => service.ask(...statements),
          this.analyser,
          target.estimateRows ? new RowEstimates((...statements) => planner.ask(...statements)) : null,
        ),
        services: [service, planner],
      });
    }
  }

  /** Opens the record, takes the bundle in and listens. Answers in words why it can't. */
  static async start(parts: GatewayParts): Promise<Gateway | string> {
    const { config, clock, random } = parts;
    const boot = timeOrderedId(clock.now(), random);
    let gateway: Gateway | null = null;
    const kept = openKept(parts);
    if (typeof kept === "string") return kept;
    const opened = await parts.openRecord({
      clock,
      origin: config.record.origin,
      key: parts.logKey,
      durability: config.record.durability,
      onFailure: (fault) => {
        parts.say(`the record failed: ${fault.message}; nothing is let through until the gateway is started again`);
        gateway?.endAll("the record can't be written");
      },
    });
    if (!opened.ok) {
      kept.approvals.close();
      kept.tokens.close();
      return `the record in ${config.state} can't be taken up: ${opened.error}`;
    }
    gateway = new Gateway(parts, opened.value, boot, kept);
    gateway.entry({ type: "log.start", version: parts.version, gw: config.record.origin, boot, bundle: null });
    await gateway.analyser.ready();
    const fault = await gateway.reloadBundle();
    if (fault !== null)
      parts.say(`no policy is in force: ${fault}; every statement is refused until a bundle is in place`);
    try {
      await gateway.#listen();
    } catch (error) {
      await gateway.close();
      return listenFault(error, config);
    }
    gateway.#pollCatalogs();
    return gateway;
  }

  async #listen(): Promise<void> {
    const { config, tls } = this.parts;
    for (const [i, { host, port, tls: files }] of config.listen.entries()) {
      const pem = tls[i] ?? null;
      const context: SecureContext | null =
        pem === null ? null : createSecureContext({ cert: pem.certificate, key: pem.key, minVersion: "TLSv1.2" });
      const options = { context, certificate: pem?.certificate ?? null, required: files?.required ?? false };
      this.#servers.push(await listen(host, port, (socket) => this.#accept(socket, options)));
    }
    await this.#http?.listen();
    const { ssh } = this.parts;
    if (ssh === null) return;
    for (const { host, port } of config.ssh.listen)
      this.#sshServers.push(await listen(host, port, (socket) => this.#acceptSsh(ssh, socket)));
  }

  #httpService(http: HttpParts): HttpService {
    const { parts } = this;
    return new HttpService(http, {
      clock: parts.clock,
      random: parts.random,
      bundles: this.bundles,
      approvals: this.approvals,
      recorder: this.recorder,
      rates: this.rates,
      alerts: this.alerts,
      directory: parts.directory,
      secret: parts.secret,
      maskSecrets: { hashKey: parts.secret, tokens: this.tokens },
      origin: parts.config.record.origin,
      recordsSamples: parts.config.record.results === "sample",
      headMs: parts.config.limits.handshakeMs,
      connections: parts.config.limits.connections,
      addressOf,
      browser: this.#browser,
      howToGrant: parts.howToGrant,
      say: parts.say,
      refusedSignIn: (user, from, why) => this.refusedSignIn(user, from, why),
      opened: (session) => void this.connections.add(session),
      forgotten: (session) => void this.connections.delete(session),
    });
  }

  /** Ports that HTTP is listened for on, in the order of the configuration. */
  get httpPorts(): readonly number[] {
    return this.#http?.ports ?? [];
  }

  /** Ports that PostgreSQL is listened for on, in the order of the configuration. */
  get ports(): readonly number[] {
    return this.#servers.map(portOf);
  }

  get sshPorts(): readonly number[] {
    return this.#sshServers.map(portOf);
  }

  #acceptSsh(ssh: SshParts, socket: Socket): void {
    socket.on("error", () => undefined);
    if (this.#closing || this.connections.size >= this.parts.config.limits.connections) {
      socket.destroy();
      return;
    }
    const { bundles, approvals, recorder, rates, alerts, parts } = this;
    const host = {
      ssh,
      bundles,
      approvals,
      recorder,
      rates,
      alerts,
      browser: this.#browser,
      parts,
      refusedSignIn: (user: string, from: string, why: string) => this.refusedSignIn(user, from, why),
    };
    const connection = new SshConnection(host, socket, addressOf(socket));
    this.connections.add(connection);
    connection.serve(() => this.forget(connection));
  }

  #accept(
    socket: Socket,
    tls: { readonly context: SecureContext | null; readonly certificate: Buffer | null; readonly required: boolean },
  ): void {
    socket.on("error", () => undefined);
    if (this.#closing || this.connections.size >= this.parts.config.limits.connections + CANCEL_CONNECTIONS_SPARE) {
      socket.destroy();
      return;
    }
    const connection = new Connection(this, socket, tls);
    this.connections.add(connection);
    void connection.run().finally(() => {
      if (!connection.relaying) this.forget(connection);
    });
  }

  get full(): boolean {
    return this.connections.size > this.parts.config.limits.connections;
  }

  forget(connection: ClientConnection): void {
    this.connections.delete(connection);
    if (connection instanceof Connection && connection.processId > 0) this.#byProcess.delete(connection.processId);
  }

  /**
   * The process number that the client is told: the target's own, which it also sees in pg_backend_pid() and in
   * notifications, unless another target's session has the same.
   */
  register(connection: Connection, wanted: number): number {
    let processId = wanted;
    while (processId <= 0 || this.#byProcess.has(processId)) {
      this.#nextProcess = (this.#nextProcess % 0x7fff_fffe) + 1;
      processId = this.#nextProcess;
    }
    this.#byProcess.set(processId, connection);
    return processId;
  }

  byProcess(processId: number): Connection | undefined {
    return this.#byProcess.get(processId);
  }

  target(name: string): Target | undefined {
    return this.parts.targets.find((target) => target.name === name);
  }

  catalogOf(target: Target): TargetCatalog {
    return this.#catalogs.get(target.name)!.catalog;
  }

  live(): readonly LiveSession[] {
    return [...this.connections].flatMap((connection) => connection.live ?? []);
  }

  /** Why the gateway can't do its work; empty when it can. */
  problems(): readonly string[] {
    const problems: string[] = [];
    if (this.recorder.failed !== null) problems.push("the record can't be written; nothing is let through");
    if (this.bundles.current === null) problems.push("no policy bundle is in force; every statement is refused");
    return problems;
  }

  /** What an operator asks for first. */
  status(): object {
    const bundle = this.bundles.current;
    return {
      version: this.parts.version,
      origin: this.parts.config.record.origin,
      problems: this.problems(),
      bundle:
        bundle === null
          ? null
          : {
              digest: bundle.digest,
              package: bundle.manifest.package,
              sequence: bundle.manifest.sequence,
              rules: bundle.manifest.rules.length,
            },
      record: {
        entries: this.recorder.size,
        durable: this.recorder.durableIndex + 1,
        durability: this.recorder.durability,
      },
      sessions: this.live().length,
      approvalsPending: this.approvals.list("pending").length,
      targets: [...this.parts.targets, ...this.parts.config.ssh.targets, ...(this.parts.http?.targets ?? [])].map(
        (target) => target.name,
      ),
    };
  }

  /** Records something that belongs to no session; false when that can't be done. */
  entry(body: EntryBody): boolean {
    try {
      appendGatewayEntry(this.recorder, this.parts.clock, body);
      return true;
    } catch {
      return false;
    }
  }

  /**
   * The value behind a token, for whoever may see it. Who asked, and what came of it, is on disk before it is told.
   *
   * @returns null when there is no such token; `refused` when the person may not, or it can't be recorded
   */
  async reverseToken(user: string, groups: readonly string[], token: string): Promise<Buffer | null | "refused"> {
    const may = groups.some((group) => this.parts.config.tokens.reverse.includes(group));
    const value = may ? this.tokens.valueOf(token) : null;
    const outcome = !may ? "refused" : value === null ? "unknown" : "shown";
    if (!this.entry({ type: "token.reversed", user, token, outcome }) || !(await this.recorder.flush()))
      return "refused";
    return may ? value : "refused";
  }

  /** The step goes into the session's own chain when it is still open. */
  async #recordApproval(event: ApprovalEvent): Promise<boolean> {
    const { record, step, by, reason } = event;
    const body: EntryBody = {
      type: "approval",
      approval: record.id,
      step,
      by,
      reason,
      digest: record.digest,
      rules: record.rules.map((rule) => rule.name),
      requester: record.requester,
      target: record.target,
    };
    const connection = [...this.connections].find((one) => one.sid === record.session);
    try {
      if (connection?.log == null) {
        if (!this.entry(body)) return false;
      } else connection.log.append(body);
    } catch {
      return false;
    }
    return this.recorder.flush();
  }

  /** Takes in the bundle file as it is now. A bad one is refused and the old one stays. Answers why, or null. */
  reloadBundle(): Promise<string | null> {
    this.#reloading = this.#reloading.then(() => this.#reload());
    return this.#reloading;
  }

  async #reload(): Promise<string | null> {
    const { config, bundleKeys, readBundle, say } = this.parts;
    const bytes = await readBundle();
    // Whoever asked for it is told once that is on disk, as with a bundle that is taken in.
    const refuse = async (why: string): Promise<string> => {
      this.entry({ type: "bundle.refused", why });
      await this.recorder.flush();
      return why;
    };
    if (bytes === null) return refuse(`${config.bundle.path} can't be read`);
    const active = this.bundles.current;
    const loaded = loadBundle(bytes, bundleKeys, active?.manifest.sequence ?? 0);
    if (!loaded.ok) return refuse(describeBundleError(loaded.error));
    const bundle = loaded.value;
    if (active?.digest === bundle.digest) return null;
    if (
      !this.entry({
        type: "bundle.loaded",
        bundle: bundle.digest,
        sequence: bundle.manifest.sequence,
        keyId: bundle.keyId,
      })
    )
      return "the record can't be written";
    // In force only once that is on disk, so that no decision refers to a bundle the record does not know.
    if (!(await this.recorder.flush())) return "the record can't be written";
    // Its detectors are made ready here and not while somebody waits for a statement.
    scannerOf(bundle.manifest);
    this.bundles.swap(bundle);
    say(
      `bundle ${bundle.digest.slice(0, 16)} of ${bundle.manifest.package} is in force (${bundle.manifest.rules.length} rules)`,
    );
    return null;
  }

  #pollCatalogs(): void {
    const { clock, config } = this.parts;
    this.#poll = clock.after(config.limits.catalogPollMs, () => {
      void Promise.all(
        [...this.#catalogs.values()].map(async ({ catalog }) => (catalog.current === null ? null : catalog.refresh())),
      ).finally(() => {
        if (!this.#closing) this.#pollCatalogs();
      });
    });
  }

  /** What a session writes on sign-in: a failed one has no session. */
  refusedSignIn(user: string, from: string, why: string): void {
    this.entry({ type: "session.refused", user: user.slice(0, 256), from, why });
  }

  endAll(why: string): void {
    for (const connection of this.connections) connection.end(why);
  }

  /** Outcomes and recordings of what was cut off are on their way: the record is closed behind them, though not for ever. */
  #sessionsEnded(): Promise<void> {
    return new Promise((resolve) => {
      const callOff = this.parts.clock.after(ENDING_MS, resolve);
      void Promise.all([...this.recorder.sessions].map(({ ended }) => ended)).then(() => {
        callOff();
        resolve();
      });
    });
  }

  /** Lets nobody in, ends all sessions and closes the record. Requests for approval stay pending. */
  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    this.#poll?.();
    this.alerts.close();
    this.#stopHeartbeat();
    for (const server of [...this.#servers, ...this.#sshServers]) server.close();
    for (const connection of this.connections) connection.release();
    this.endAll("the gateway stopped");
    await this.#http?.close();
    await this.#sessionsEnded();
    this.approvals.close();
    this.tokens.close();
    for (const { services } of this.#catalogs.values()) for (const service of services) service.close();
    this.entry({ type: "log.stop" });
    await this.recorder.close();
    await this.analyser.close();
  }
}

/** What a gateway keeps in databases of its own. */
interface Kept {
  readonly approvals: ApprovalStore;
  readonly tokens: TokenVault;
}

/** Opens them, or says in words which one can't be. */
function openKept({ approvalsPath, vaultPath, secret, random }: GatewayParts): Kept | string {
  const why = (fault: unknown): string =>
    `${fault instanceof Error ? fault.message : String(fault)}; restore the file from a copy, or begin without it by moving it away`;
  let approvals: ApprovalStore;
  try {
    approvals = new ApprovalStore(approvalsPath);
  } catch (fault) {
    return `the requests for approval in ${approvalsPath} can't be read: ${why(fault)}`;
  }
  try {
    return { approvals, tokens: new TokenVault(vaultPath, secret, (count) => random.bytes(count)) };
  } catch (fault) {
    approvals.close();
    return `the tokens of masks in ${vaultPath} can't be read: ${why(fault)}`;
  }
}

/** What waits longer than this for others' plans is not asked about, and its estimate is unknown. */
const PLANNER_QUEUE_MS = 3_000;

/** Beyond the limit a few connections are still read, for a cancel request is a connection of its own. */
const CANCEL_CONNECTIONS_SPARE = 32;
/** How long a gateway that stops waits for the ends of its sessions. */
const ENDING_MS = 5_000;

function listenFault(error: unknown, config: GatewayConfig): string {
  const { code, port } = error as { code?: string; port?: number };
  if (code === "EADDRINUSE")
    return `port ${port ?? config.listen[0]?.port} is taken by another program; choose another under listen.address`;
  if (code === "EACCES") return `port ${port ?? ""} needs more rights than this process has; choose one above 1023`;
  return `can't listen: ${error instanceof Error ? error.message : String(error)}`;
}

/** The address as facts and the record hold it. */
export function addressOf(socket: Socket): string {
  // A link-local address comes with the name of the interface, which no range has.
  const text = (socket.remoteAddress ?? "").replace(/%.*$/, "");
  const mapped = text.startsWith("::ffff:") ? text.slice(7) : text;
  return isIP(mapped) === 4 ? mapped : text;
}
