import type { ClientChannel, PseudoTtyInfo, ServerChannel, WindowChangeInfo } from "ssh2";
import { describeRequest, linesText, type SshRequest } from "../../protocols/ssh/index.ts";
import type { ChannelWriter } from "./channel-writer.ts";
import { OutputSide, type OutputHost } from "./output-side.ts";
import { giveBack } from "./packet-memory.ts";
import { ActionRecording, outputMask, type Granted, type SshSession } from "./session.ts";

/** How a program ended: a status, or the signal that ended it. Null: the target did not say. */
export type Ended =
  { readonly status: number } | { readonly signal: string; readonly dumped: boolean; readonly message: string } | null;

/** What was started at the target, watched from the moment it was there. */
export interface Started {
  readonly channel: ClientChannel;
  /** How it ended, as soon as that is known. */
  readonly ended: () => Ended;
}

/**
 * Watches a channel of the target's. To be called in the very call that hands the channel out: what a short command says of
 * its end comes with the same bytes as its start.
 */
export function watched(channel: ClientChannel): Started {
  let ended: Ended = null;
  channel.on("exit", (status: number | null, signal?: string, dumped?: boolean, message?: string) => {
    ended =
      status === null ? { signal: signal ?? "SIGTERM", dumped: dumped === true, message: message ?? "" } : { status };
  });
  return { channel, ended: () => ended };
}

/**
 * A command, shell or subsystem that runs: bytes both ways with back-pressure, its output masked, limited and recorded, its
 * end passed on last. The client learns how it ended only when outcome and recording are on disk.
 */
export class CommandRun {
  readonly #session: SshSession;
  readonly #channel: ServerChannel;
  readonly #writer: ChannelWriter;
  readonly #upstream: ClientChannel;
  readonly #granted: Granted;
  readonly #recorded: ActionRecording;
  readonly #sides: { readonly out: OutputSide; readonly err: OutputSide };
  readonly #pty: boolean;
  readonly #whenDone: ((ended: Ended) => void) | null;
  #bytes = 0;
  readonly #bytesMax: number;
  readonly #started: Started;
  #open = 3;
  #state: "running" | "ending" | "over" = "running";
  #cut: string | null = null;
  #clientIsGone = false;

  /** @param whenDone for the gateway's own prompt: the channel stays open when the command is over */
  constructor(
    session: SshSession,
    channel: ServerChannel,
    writer: ChannelWriter,
    started: Started,
    granted: Granted,
    request: SshRequest,
    pty: PseudoTtyInfo | null,
    whenDone: ((ended: Ended) => void) | null = null,
  ) {
    this.#session = session;
    this.#channel = channel;
    this.#writer = writer;
    this.#started = started;
    this.#upstream = started.channel;
    this.#granted = granted;
    this.#pty = pty !== null;
    this.#whenDone = whenDone;
    this.#bytesMax = granted.decision.byteLimit ?? Number.POSITIVE_INFINITY;
    const { settings, clock } = session;
    this.#recorded = new ActionRecording(session, granted, {
      title: describeRequest(request).slice(0, 512),
      columns: pty?.cols ?? 80,
      rows: pty?.rows ?? 24,
      terminal: (pty as { readonly term?: string } | null)?.term ?? null,
      bytesMax: pty === null ? settings.recording.commandBytes : Number.POSITIVE_INFINITY,
      keystrokes: settings.recording.keystrokes,
    });
    const { channel: upstream } = started;
    const host: OutputHost = {
      put: (bytes, to) => this.#show(bytes, to),
      after: (ms, call) => clock.after(ms, call),
      paused: () => upstream.isPaused() || upstream.stderr.isPaused(),
    };
    this.#sides = {
      out: new OutputSide("out", outputMask(session, granted), host),
      err: new OutputSide("err", outputMask(session, granted), host),
    };
  }

  /** @param typed what the client sent while it waited */
  begin(typed: readonly Buffer[]): void {
    const [channel, upstream] = [this.#channel, this.#upstream];
    this.#recorded.recording.onFailure(() => this.#stop("the recording can't be written"));
    upstream.on("data", (bytes: Buffer) => this.#fromTarget(bytes, "out"));
    upstream.stderr.on("data", (bytes: Buffer) => this.#fromTarget(bytes, "err"));
    for (const event of ["end", "close"]) upstream.once(event, () => this.#closed());
    upstream.stderr.once("end", () => this.#closed());
    upstream.on("error", () => this.#stop("the target's channel failed"));
    this.#writer.onReady(() => this.#balance());
    for (const bytes of typed) this.#toTarget(bytes);
    channel.on("data", this.#onClientData);
    channel.once("end", this.#onClientEnd);
    upstream.on("drain", () => {
      if (this.#state === "running") channel.resume();
    });
    channel.resume();
  }

  readonly #onClientData = (bytes: Buffer): void => this.#toTarget(bytes);
  readonly #onClientEnd = (): void => void this.#upstream.end();

  #toTarget(bytes: Buffer): void {
    if (this.#state !== "running") return;
    this.#recorded.recording.input(bytes);
    if (!this.#upstream.write(bytes)) this.#channel.pause();
    if (this.#upstream.writableLength === 0) giveBack(bytes);
  }

  #fromTarget(bytes: Buffer, from: "out" | "err"): void {
    if (this.#state === "over" || this.#cut !== null) return;
    this.#sides[from].push(bytes);
    if (this.#writer.empty && !this.#sides[from].keeps) giveBack(bytes);
    this.#balance();
  }

  /** What is shown is what is recorded. */
  #show(bytes: Buffer, to: "out" | "err"): void {
    if (bytes.length === 0 || this.#cut !== null) return;
    const room = this.#bytesMax - this.#bytes;
    const shown = bytes.length > room ? bytes.subarray(0, room) : bytes;
    this.#bytes += shown.length;
    this.#recorded.recording.output(shown, to);
    this.#writer.write(shown, to);
    if (shown.length === bytes.length) return;
    const rule = this.#granted.decision.byteLimitRule;
    const name = rule === null ? "" : ` by rule ${this.#granted.bundle.manifest.rules[rule]!.name}`;
    this.#stop(`the output is cut off after ${this.#bytesMax} bytes${name}`);
  }

  #balance(): void {
    const { recording } = this.#recorded;
    const pressed = this.#writer.pressed || recording.pressed;
    if (pressed) {
      this.#upstream.pause();
      this.#upstream.stderr.pause();
      if (recording.pressed) recording.whenReady(() => this.#balance());
    } else if (this.#upstream.isPaused() || this.#upstream.stderr.isPaused()) {
      this.#upstream.resume();
      this.#upstream.stderr.resume();
    }
  }

  /** Cuts it off: the client is told why. */
  #stop(why: string): void {
    if (this.#state !== "running" || this.#cut !== null) return;
    this.#cut = why;
    this.#recorded.recording.marker(why);
    this.#writer.write(Buffer.from(linesText([`sallyport: ${why}`], this.#pty)), "err");
    this.#upstream.destroy();
    this.#finish();
  }

  resize(window: WindowChangeInfo): void {
    this.#recorded.recording.resized(window.cols, window.rows);
    if (this.#state === "running") this.#upstream.setWindow(window.rows, window.cols, window.height, window.width);
  }

  signal(name: string): void {
    if (this.#state !== "running") return;
    try {
      this.#upstream.signal(name);
    } catch {
      // A signal that the protocol has no name for.
    }
  }

  clientGone(): void {
    this.#clientIsGone = true;
    if (this.#state !== "running") return;
    this.#upstream.destroy();
    this.#finish();
  }

  /** One of: output ended, error output ended, channel closed. */
  #closed(): void {
    if (--this.#open === 0) this.#finish();
  }

  #finish(): void {
    if (this.#state !== "running") return;
    this.#state = "ending";
    void this.#session.log.during(this.#record());
  }

  async #record(): Promise<void> {
    this.#sides.out.flush();
    this.#sides.err.flush();
    const { desk } = this.#session;
    const { decisionId, startedAt } = this.#granted;
    const how = this.#started.ended();
    const status = statusText(how);
    const fine = how !== null && this.#cut === null && !this.#clientIsGone;
    desk.finished(decisionId, {
      status:
        this.#cut !== null || this.#clientIsGone ? "cut" : how === null ? "lost" : status === "0" ? "ok" : "error",
      tag: this.#cut ?? (how === null ? "no exit status" : "signal" in how ? how.signal : `exit ${status}`),
      bytes: this.#bytes,
      startedAt,
      masked: [...new Set([...this.#sides.out.masked, ...this.#sides.err.masked])],
    });
    const [durable] = await Promise.all([this.#recorded.end(status), this.#writer.idle()]);
    this.#state = "over";
    this.#channel.off("data", this.#onClientData);
    this.#channel.off("end", this.#onClientEnd);
    const ended: Ended = fine && durable ? how : { status: 255 };
    if (this.#whenDone !== null) this.#whenDone(ended);
    else if (!this.#clientIsGone) exitChannel(this.#channel, ended);
  }
}

const statusText = (ended: Ended): string =>
  ended === null ? "" : "status" in ended ? String(ended.status) : ended.signal;

/** Tells a client how its command ended, and ends its channel. */
export function exitChannel(channel: ServerChannel, ended: Ended): void {
  if (ended !== null && "status" in ended) channel.exit(ended.status);
  else if (ended !== null) {
    try {
      channel.exit(ended.signal, ended.dumped, ended.message);
    } catch {
      // A signal that the protocol has no name for: what a shell makes of one.
      channel.exit(255);
    }
  }
  channel.end();
  // What the client still sends is not for anybody.
  channel.resume();
}
