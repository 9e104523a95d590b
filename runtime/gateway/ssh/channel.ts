import type { ClientChannel, Client, PseudoTtyInfo, ServerChannel, Session, WindowChangeInfo } from "ssh2";
import type { Refusal } from "../../protocols/index.ts";
import {
  ENVIRONMENT_BYTES_MAX,
  ENVIRONMENT_MAX,
  REFUSED_STATUS,
  execRequest,
  linesText,
  refusalText,
  type SshRequest,
} from "../../protocols/ssh/index.ts";
import type { Waiter } from "../../session/index.ts";
import { ChannelWriter } from "./channel-writer.ts";
import { CommandRun, watched, type Started } from "./command.ts";
import { LineShell } from "./line-shell.ts";
import { TYPED_AHEAD_BYTES_MAX } from "./limits.ts";
import { judge, maskedTransfer, type Ending, type Judged, type SshSession } from "./session.ts";
import { SftpRelay } from "./sftp-relay.ts";

const CTRL_C = 0x03;

/** A channel of a client's in which something is run: its requests, each decided, until it runs. */
export class SessionChannel implements Ending {
  readonly #session: SshSession;
  readonly #requests: Session;
  #pty: PseudoTtyInfo | null = null;
  readonly #environment: [string, string][] = [];
  #environmentBytes = 0;
  #channel: ServerChannel | null = null;
  #writer: ChannelWriter | null = null;
  #running: { resize(window: WindowChangeInfo): void; signal(name: string): void; clientGone(): void } | null = null;
  #withdraw: ((why: "cancelled" | "disconnected") => void) | null = null;
  #closed = false;
  /** What the client typed while it waited. */
  readonly #typed: Buffer[] = [];
  #typedBytes = 0;
  #stopTyping: (() => void) | null = null;

  constructor(session: SshSession, requests: Session) {
    this.#session = session;
    this.#requests = requests;
    session.open.add(this);
    this.#listen();
  }

  #listen(): void {
    const requests = this.#requests;
    requests.on("pty", (accept, reject, info) => this.#onPty(accept, reject, info));
    requests.on("env", (accept, reject, { key, val }) => this.#onEnv(accept, reject, key, val));
    requests.on("window-change", (accept, _reject, window) => {
      accept?.();
      if (this.#pty !== null) Object.assign(this.#pty, window);
      this.#running?.resize(window);
    });
    requests.on("signal", (accept, _reject, { name }) => {
      accept?.();
      this.#running?.signal(name);
    });
    requests.on("auth-agent", (_accept, reject) => this.#notCarried({ kind: "agent_forward" }, reject));
    requests.on("x11", (_accept, reject) => this.#notCarried({ kind: "x11" }, reject));
    requests.on("exec", (accept, _reject, { command }) =>
      this.#start(accept(), execRequest(command, this.#pty !== null, this.#session.target.home)),
    );
    requests.on("shell", (accept) => this.#start(accept(), { kind: "shell", pty: this.#pty !== null }));
    requests.on("subsystem", (accept: () => ServerChannel, _reject: () => void, { name }: { name: string }) =>
      this.#start(accept(), { kind: "subsystem", name }),
    );
    requests.on("close", () => this.#gone());
  }

  #gone(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#session.open.delete(this);
    this.#withdraw?.("disconnected");
    this.#writer?.abandon();
    this.#running?.clientGone();
  }

  /** The connection ends. */
  end(): void {
    this.#gone();
  }

  // ---- before it runs ----------------------------------------------------------------------------------------------

  /** Requests that prepare a channel can't wait: they are decided at once. */
  #now(request: SshRequest): Refusal | null {
    const judged = judge(this.#session, request, { pty: this.#pty !== null, environment: [], folder: null }, null);
    if (judged instanceof Promise) return null;
    return "refusal" in judged ? judged.refusal : null;
  }

  #onPty(accept: (() => void) | undefined, reject: (() => void) | undefined, info: PseudoTtyInfo): void {
    // ssh2 leaves the terminal's name out of its type, but hands it over.
    const terminal = (info as PseudoTtyInfo & { readonly term?: string }).term ?? "";
    const refused =
      !this.#session.identity.permits.pty || this.#now({ kind: "pty", terminal: terminal.slice(0, 256) }) !== null;
    if (refused) return reject?.();
    this.#pty = info;
    accept?.();
  }

  #onEnv(accept: (() => void) | undefined, reject: (() => void) | undefined, name: string, value: string): void {
    this.#environmentBytes += name.length + value.length;
    const fits = this.#environment.length < ENVIRONMENT_MAX && this.#environmentBytes <= ENVIRONMENT_BYTES_MAX;
    if (!fits || this.#now({ kind: "env", name, value }) !== null) return reject?.();
    this.#environment.push([name, value]);
    accept?.();
  }

  /** Decided, so that it is in the record; but the gateway does not carry it, whatever the policy says. */
  #notCarried(request: SshRequest, reject: (() => void) | undefined): void {
    this.#now(request);
    reject?.();
  }

  // ---- running -----------------------------------------------------------------------------------------------------

  #start(channel: ServerChannel | undefined, request: SshRequest): void {
    // ssh2 answers nothing for a second request to run something, and when the client is gone already.
    if (channel === undefined || this.#channel !== null) return;
    this.#channel = channel;
    channel.on("error", () => this.#gone());
    channel.on("close", () => this.#gone());
    channel.pause();
    const writer = new ChannelWriter(channel);
    this.#writer = writer;
    this.#run(channel, writer, request).catch((fault: unknown) => {
      const message = `sallyport: the request failed: ${fault instanceof Error ? fault.message : String(fault)}`;
      void this.#refuse({ kind: "unavailable", message });
    });
  }

  async #run(channel: ServerChannel, writer: ChannelWriter, request: SshRequest): Promise<void> {
    const { upstream, target } = this.#session;
    const pty = this.#pty !== null;
    const asking = { pty, environment: this.#environment, folder: null };
    const lines = request.kind === "shell" && target.shell === "lines";
    const judged = await this.#judged(request, () =>
      judge(this.#session, request, asking, this.#waiter(channel, writer, pty)),
    );
    if (this.#closed) return this.#left(judged);
    if ("refusal" in judged) return this.#refuse(judged.refusal);
    const { granted } = judged;
    const transfers = request.kind === "scp" || request.kind === "subsystem";
    const unmaskable = transfers ? maskedTransfer(granted) : null;
    if (unmaskable !== null) {
      this.#left(judged);
      return this.#refuse(unmaskable);
    }
    const client = await upstream;
    if (this.#closed) return this.#left(judged);
    if (typeof client === "string") {
      this.#left(judged);
      return this.#refuse({ kind: "unavailable", message: `sallyport: ${client}` });
    }
    if (lines) {
      const shell = new LineShell(this.#session, client, channel, writer, granted, this.#pty, this.#environment);
      this.#running = shell;
      shell.begin(this.#typed);
      return;
    }
    const started = await this.#startUpstream(client, request);
    if (typeof started === "string") {
      this.#left(judged);
      return this.#refuse({ kind: "unavailable", message: `sallyport: the target refused: ${started}` });
    }
    if (this.#closed) {
      started.channel.destroy();
      return this.#left(judged);
    }
    if (request.kind === "subsystem" && request.name === "sftp") {
      this.#running = new SftpRelay(this.#session, channel, writer, started, granted);
      return;
    }
    const run = new CommandRun(this.#session, channel, writer, started, granted, request, this.#pty);
    this.#running = run;
    run.begin(this.#typed);
  }

  /** The client left before anything was sent: the decision still has its outcome. */
  #left(judged: Judged): void {
    if ("refusal" in judged) return;
    const { decisionId, startedAt } = judged.granted;
    this.#session.desk.finished(decisionId, { status: "cut", tag: "not started", bytes: 0, startedAt, masked: [] });
  }

  async #judged(request: SshRequest, call: () => Judged | Promise<Judged>): Promise<Judged> {
    // The text that people decide about must be the one that is sent: what UTF-8 can't hold is not.
    if ("command" in request && request.command.includes("\ufffd"))
      return { refusal: { kind: "unreadable", message: "sallyport: the command is not valid UTF-8" } };
    const judged = await call();
    this.#withdraw = null;
    return judged;
  }

  #waiter(channel: ServerChannel, writer: ChannelWriter, pty: boolean): Waiter {
    return {
      notify: (text, hint) => writer.write(Buffer.from(linesText([text, hint], pty)), "err"),
      waiting: (withdraw) => {
        this.#withdraw = withdraw;
        if (this.#closed) withdraw("disconnected");
        else if (pty) this.#onTyping(channel, withdraw);
      },
    };
  }

  /** In a terminal Ctrl-C is a byte like others: while it waits, it withdraws. What is typed besides is kept. */
  #onTyping(channel: ServerChannel, withdraw: (why: "cancelled") => void): void {
    const onData = (bytes: Buffer): void => {
      if (bytes.includes(CTRL_C)) return withdraw("cancelled");
      this.#typedBytes += bytes.length;
      this.#typed.push(bytes);
      if (this.#typedBytes > TYPED_AHEAD_BYTES_MAX) channel.pause();
    };
    channel.on("data", onData);
    channel.resume();
    this.#stopTyping = () => {
      channel.off("data", onData);
      channel.pause();
    };
  }
  #startUpstream(client: Client, request: SshRequest): Promise<Started | string> {
    this.#stopTyping?.();
    const options = {
      env: Object.fromEntries(this.#environment),
      ...(this.#pty === null ? {} : { pty: this.#pty }),
    };
    return new Promise((resolve) => {
      const done = (fault: Error | undefined, channel: ClientChannel): void =>
        resolve(fault === undefined || fault === null ? watched(channel) : fault.message);
      try {
        switch (request.kind) {
          case "exec":
          case "scp":
            client.exec(request.command, options, done);
            break;
          case "shell":
            client.shell(this.#pty ?? false, { env: options.env }, done);
            break;
          case "subsystem":
            client.subsys(request.name, done);
            break;
          default:
            resolve(`${request.kind} runs nothing`);
        }
      } catch (fault) {
        resolve(fault instanceof Error ? fault.message : String(fault));
      }
    });
  }

  async #refuse(refusal: Refusal): Promise<void> {
    const [channel, writer] = [this.#channel!, this.#writer!];
    this.#stopTyping?.();
    writer.write(Buffer.from(refusalText(refusal, this.#pty !== null)), "err");
    await writer.idle();
    if (this.#closed) return;
    channel.exit(REFUSED_STATUS);
    channel.end();
    // What the client still sends is not for anybody.
    channel.resume();
  }
}
