import type { Channel as AnyChannel, Client, ClientChannel, Connection, ServerChannel } from "ssh2";
import type { SshRequest } from "../../protocols/ssh/index.ts";
import { FORWARDED_MAX, LISTENERS_MAX } from "./limits.ts";
import { giveBack } from "./packet-memory.ts";
import { NOTHING_ASKED, judge, maskedTransfer, type Ending, type Granted, type SshSession } from "./session.ts";

type Channel = AnyChannel | ServerChannel | ClientChannel;

/** Ends one way of a channel, and leaves the other open: ssh2 has this, but does not say so in its types. */
const endOfFile = (channel: Channel): void => (channel as unknown as { eof(): void }).eof();

const LEFT = "the client left";

/** Two channels, each the other's far end. */
class Bridge implements Ending {
  readonly #sides: readonly [Channel, Channel];
  readonly #done: (bytes: number) => void;
  #bytes = 0;
  #over = false;

  constructor(client: Channel, target: Channel, done: (bytes: number) => void) {
    this.#sides = [client, target];
    this.#done = done;
    this.#pump(client, target);
    this.#pump(target, client);
  }

  #pump(from: Channel, to: Channel): void {
    from.on("data", (bytes: Buffer) => {
      this.#bytes += bytes.length;
      if (!to.write(bytes)) from.pause();
      if (to.writableLength === 0) giveBack(bytes);
    });
    to.on("drain", () => from.resume());
    from.once("end", () => {
      // An empty write is called back when everything before it is written.
      if (!this.#over) to.write(Buffer.alloc(0), () => endOfFile(to));
    });
    from.on("error", () => this.end());
    from.once("close", () => this.end());
  }

  end(): void {
    if (this.#over) return;
    this.#over = true;
    for (const side of this.#sides) side.end();
    this.#done(this.#bytes);
  }
}

/** Connections and sockets that are forwarded, each decided; what is not allowed by a rule is refused. */
export class Forwards implements Ending {
  readonly #session: SshSession;
  readonly #client: Connection;
  readonly #bridges = new Set<Bridge>();
  /** What is listened on for the client, by address. */
  readonly #listeners = new Map<string, { readonly granted: Granted; count: number; bytes: number }>();
  #watching = false;
  /** Of what waits for an approval. */
  readonly #withdrawals = new Set<(why: "disconnected") => void>();
  #ended = false;

  constructor(session: SshSession, client: Connection) {
    this.#session = session;
    this.#client = client;
    session.open.add(this);
    client.on("tcpip", (accept, reject, info) => {
      const request: SshRequest = { kind: "direct_tcpip", host: info.destIP, port: info.destPort };
      const connecting = this.#connect(request, accept, reject, (target, done) =>
        target.forwardOut(info.srcIP, info.srcPort, info.destIP, info.destPort, done),
      );
      void session.log.during(connecting);
    });
    client.on("openssh.streamlocal", (accept, reject, info) => {
      const request: SshRequest = { kind: "direct_streamlocal", host: info.socketPath };
      const connecting = this.#connect(request, accept, reject, (target, done) =>
        target.openssh_forwardOutStreamLocal(info.socketPath, done),
      );
      void session.log.during(connecting);
    });
    client.on(
      "request",
      (accept: ((port?: number) => void) | undefined, reject: (() => void) | undefined, name: string, info: object) => {
        const asked = info as { bindAddr: string; bindPort: number; socketPath: string };
        const listening = this.#onRequest(name, asked, accept, reject);
        void session.log.during(listening).catch(() => reject?.());
      },
    );
  }

  /** Waits for an approval in silence: an open channel has nobody who reads. */
  async #decide(request: SshRequest): Promise<Granted | null> {
    const { permits } = this.#session.identity;
    let waits: ((why: "disconnected") => void) | null = null;
    const judged = await judge(this.#session, request, NOTHING_ASKED, {
      notify: () => undefined,
      waiting: (withdraw) => {
        waits = withdraw;
        this.#withdrawals.add(withdraw);
        if (this.#ended) withdraw("disconnected");
      },
    });
    if (waits !== null) this.#withdrawals.delete(waits);
    if ("refusal" in judged) return null;
    const { granted } = judged;
    const unfit = this.#ended
      ? LEFT
      : !permits.portForwarding
        ? "not permitted by the certificate"
        : maskedTransfer(granted) !== null
          ? "masked"
          : null;
    if (unfit === null) return granted;
    this.#finished(granted, "cut", unfit, 0);
    return null;
  }

  #finished(granted: Granted, status: "ok" | "error" | "cut", tag: string, bytes: number): void {
    const { decisionId, startedAt } = granted;
    this.#session.desk.finished(decisionId, { status, tag, bytes, startedAt, masked: [] });
  }

  /** What was granted and is not made. */
  #failed(granted: Granted, why: string): void {
    if (this.#ended) this.#finished(granted, "cut", LEFT, 0);
    else this.#finished(granted, "error", why, 0);
  }

  async #connect(
    request: SshRequest,
    accept: () => ServerChannel | undefined,
    reject: () => void,
    open: (target: Client, done: (fault: Error | undefined, channel: ClientChannel) => void) => void,
  ): Promise<void> {
    const granted = await this.#decide(request);
    if (granted === null) return reject();
    const target = await this.#session.upstream;
    const fail = (why: string): void => {
      this.#failed(granted, why);
      reject();
    };
    if (typeof target === "string") return fail("the target can't be reached");
    if (this.#bridges.size >= FORWARDED_MAX) return fail(`more than ${FORWARDED_MAX} forwarded connections`);
    await new Promise<void>((done) =>
      open(target, (fault, channel) => {
        const own = fault != null || this.#ended ? undefined : accept();
        if (own === undefined) fail(fault?.message ?? LEFT);
        else this.#bridge(own, channel, (bytes) => this.#finished(granted, "ok", "closed", bytes));
        done();
      }),
    ).catch((fault: unknown) => fail(fault instanceof Error ? fault.message : String(fault)));
  }

  #bridge(client: Channel, target: Channel, done: (bytes: number) => void): void {
    const bridge: Bridge = new Bridge(client, target, (bytes) => {
      this.#bridges.delete(bridge);
      done(bytes);
    });
    this.#bridges.add(bridge);
  }

  // ---- listening at the target -------------------------------------------------------------------------------------

  async #onRequest(
    name: string,
    info: { readonly bindAddr: string; readonly bindPort: number; readonly socketPath: string },
    accept: ((port?: number) => void) | undefined,
    reject: (() => void) | undefined,
  ): Promise<void> {
    const target = await this.#session.upstream;
    if (typeof target === "string") return reject?.();
    const tcp = name.endsWith("tcpip-forward");
    const key = tcp ? `${info.bindAddr}:${info.bindPort}` : info.socketPath;
    if (name.startsWith("cancel-")) {
      const listener = this.#listeners.get(key);
      if (listener === undefined) return reject?.();
      this.#listeners.delete(key);
      if (tcp) target.unforwardIn(info.bindAddr, info.bindPort);
      else target.openssh_unforwardInStreamLocal(info.socketPath, () => undefined);
      this.#finished(listener.granted, "ok", `${listener.count} connections`, listener.bytes);
      return accept?.();
    }
    const request: SshRequest = tcp
      ? { kind: "tcpip_forward", host: info.bindAddr, port: info.bindPort }
      : { kind: "streamlocal_forward", host: info.socketPath };
    const granted = await this.#decide(request);
    if (granted === null) return reject?.();
    if (this.#listeners.size >= LISTENERS_MAX || this.#listeners.has(key)) {
      this.#finished(granted, "error", "too many listeners, or the same one again", 0);
      return reject?.();
    }
    this.#watch(target);
    await new Promise<void>((settled) => {
      const done = (fault?: Error | null, port?: number): void => {
        if (fault != null || this.#ended) {
          this.#failed(granted, fault?.message ?? LEFT);
          reject?.();
        } else {
          const at = tcp && info.bindPort === 0 ? `${info.bindAddr}:${port}` : key;
          this.#listeners.set(at, { granted, count: 0, bytes: 0 });
          accept?.(port);
        }
        settled();
      };
      if (tcp) target.forwardIn(info.bindAddr, info.bindPort, done);
      else target.openssh_forwardInStreamLocal(info.socketPath, done);
    });
  }

  #watch(target: Client): void {
    if (this.#watching) return;
    this.#watching = true;
    target.on("tcp connection", (info, accept, reject) => {
      const listener = this.#listeners.get(`${info.destIP}:${info.destPort}`);
      if (listener === undefined || this.#bridges.size >= FORWARDED_MAX) return reject();
      const forward = (done: (fault: Error | undefined, channel: ServerChannel) => void): void =>
        void this.#client.forwardOut(info.destIP, info.destPort, info.srcIP, info.srcPort, done);
      this.#incoming(listener, forward, accept, reject);
    });
    target.on("unix connection", (info, accept, reject) => {
      const listener = this.#listeners.get(info.socketPath);
      if (listener === undefined || this.#bridges.size >= FORWARDED_MAX) return reject();
      const forward = (done: (fault: Error | undefined, channel: ServerChannel) => void): void =>
        void this.#client.openssh_forwardOutStreamLocal(info.socketPath, done);
      this.#incoming(listener, forward, accept, reject);
    });
  }

  #incoming(
    listener: { count: number; bytes: number },
    forward: (done: (fault: Error | undefined, channel: ServerChannel) => void) => void,
    accept: () => Channel,
    reject: () => void,
  ): void {
    forward((fault, channel) => {
      if (fault != null) return reject();
      listener.count++;
      this.#bridge(channel, accept(), (bytes) => void (listener.bytes += bytes));
    });
  }

  end(): void {
    this.#ended = true;
    for (const withdraw of this.#withdrawals) withdraw("disconnected");
    for (const bridge of [...this.#bridges]) bridge.end();
    for (const { granted, count, bytes } of this.#listeners.values())
      this.#finished(granted, "ok", `${count} connections`, bytes);
    this.#listeners.clear();
  }
}
