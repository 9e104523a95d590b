import type { ClientChannel, Client, ServerChannel, Session, WindowChangeInfo } from "ssh2";
import type { Refusal } from "../../protocols/index.ts";
import { REFUSED_STATUS, execRequest, linesText, refusalText, type SshRequest } from "../../protocols/ssh/index.ts";
import type { Waiter } from "../../session/index.ts";
import { ChannelWriter } from "./channel-writer.ts";
import { CommandRun, watched, type Started } from "./command.ts";
import { LineShell } from "./line-shell.ts";
import { TYPED_AHEAD_BYTES_MAX } from "./limits.ts";
import { Preparation, type Prepared, type Terminal } from "./preparation.ts";
import { judge, maskedTransfer, type Ending, type Judged, type SshSession } from "./session.ts";
import { SftpRelay } from "./sftp-relay.ts";

const CTRL_C = 0x03;

/** How ssh2 answers a request; undefined when the client wants no answer. */
type Answer = (() => void) | undefined;

/**
 * Answers a request with a failure. On a channel that has its program ssh2 swallows the answer, and a client that waits
 * for it would wait for ever: there the packet is written as ssh2 itself does it, which its types do not tell.
 */
function fail(channel: ServerChannel | null, reject: Answer): void {
  if (reject === undefined) return;
  if (channel === null) return reject();
  const { _client: client, outgoing } = channel as unknown as {
    readonly _client: { readonly _protocol: { channelFailure(id: number): void } };
    readonly outgoing: { readonly id: number; readonly state: string };
  };
  if (outgoing.state !== "closed") client._protocol.channelFailure(outgoing.id);
}

/** A channel of a client's in which something is run: its requests, each decided, until it runs. */
export class SessionChannel implements Ending {
  readonly #session: SshSession;
  readonly #requests: Session;
  readonly #preparation: Preparation;
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
    this.#preparation = new Preparation(session);
    session.open.add(this);
    this.#listen();
  }

  #listen(): void {
    const requests = this.#requests;
    const preparation = this.#preparation;
    requests.on("pty", (accept, reject, info) => this.#answer(preparation.terminal(info as Terminal), accept, reject));
    requests.on("env", (accept, reject, { key, val }) => this.#answer(preparation.variable(key, val), accept, reject));
    requests.on("window-change", (accept, _reject, window) => {
      accept?.();
      preparation.resized(window);
      this.#running?.resize(window);
    });
    requests.on("signal", (accept, _reject, { name }) => {
      accept?.();
      this.#running?.signal(name);
    });
    const notCarried = (request: SshRequest, reject: Answer): void => {
      preparation.notCarried(request);
      fail(this.#channel, reject);
    };
    requests.on("auth-agent", (_accept, reject) => notCarried({ kind: "agent_forward" }, reject));
    requests.on("x11", (_accept, reject) => notCarried({ kind: "x11" }, reject));
    requests.on("exec", (accept, reject, { command }) =>
      this.#start(accept, reject, ({ pty }) => execRequest(command, pty !== null, this.#session.target.home)),
    );
    requests.on("shell", (accept, reject) =>
      this.#start(accept, reject, ({ pty }) => ({ kind: "shell", pty: pty !== null })),
    );
    requests.on("subsystem", (accept: () => ServerChannel, reject: () => void, { name }: { name: string }) =>
      this.#start(accept, reject, () => ({ kind: "subsystem", name })),
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

  #answer(granted: boolean, accept: Answer, reject: Answer): void {
    if (granted) accept?.();
    else fail(this.#channel, reject);
  }

  // ---- running -----------------------------------------------------------------------------------------------------

  #start(accept: () => ServerChannel | undefined, reject: Answer, request: (prepared: Prepared) => SshRequest): void {
    if (this.#channel !== null) return fail(this.#channel, reject);
    const channel = accept();
    // ssh2 hands out none when the client is gone already.
    if (channel === undefined) return;
    this.#channel = channel;
    channel.on("error", () => this.#gone());
    channel.on("close", () => this.#gone());
    channel.pause();
    const writer = new ChannelWriter(channel);
    this.#writer = writer;
    const prepared = this.#preparation.close();
    const run = this.#run(channel, writer, request(prepared), prepared);
    this.#session.log.during(run).catch((fault: unknown) => {
      const message = `sallyport: the request failed: ${fault instanceof Error ? fault.message : String(fault)}`;
      void this.#refuse({ kind: "unavailable", message });
    });
  }

  async #run(channel: ServerChannel, writer: ChannelWriter, request: SshRequest, prepared: Prepared): Promise<void> {
    const { upstream, target } = this.#session;
    const pty = prepared.pty !== null;
    const { environment } = prepared;
    const asking = { pty, terminal: prepared.pty?.term ?? null, environment, folder: null };
    const lines = request.kind === "shell" && target.shell === "lines";
    const judged = await this.#judged(request, () =>
      judge(this.#session, request, asking, this.#waiter(channel, writer, pty)),
    );
    if (this.#closed) return this.#left(judged);
    if ("refusal" in judged) return this.#refuse(judged.refusal);
    const { granted } = judged;
    const unrecorded = await this.#preparation.recorded();
    if (this.#closed) return this.#left(judged);
    if (unrecorded !== null) {
      this.#left(judged);
      return this.#refuse(unrecorded);
    }
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
      const shell = new LineShell(this.#session, client, channel, writer, granted, prepared);
      this.#running = shell;
      shell.begin(this.#typed);
      return;
    }
    const started = await this.#startUpstream(client, request, prepared);
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
    const run = new CommandRun(this.#session, channel, writer, started, granted, request, prepared.pty);
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

  #startUpstream(client: Client, request: SshRequest, { pty, environment }: Prepared): Promise<Started | string> {
    this.#stopTyping?.();
    const options = {
      env: Object.fromEntries(environment),
      ...(pty === null ? {} : { pty }),
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
            client.shell(pty ?? false, { env: options.env }, done);
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
    writer.write(Buffer.from(refusalText(refusal, this.#preparation.pty !== null)), "err");
    await writer.idle();
    if (this.#closed) return;
    channel.exit(REFUSED_STATUS);
    channel.end();
    // What the client still sends is not for anybody.
    channel.resume();
  }
}
