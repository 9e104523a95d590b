import type { ClientChannel, ServerChannel } from "ssh2";
import {
  SftpMachine,
  linesText,
  type FileAction,
  type FileOutcome,
  type FileRuling,
} from "../../protocols/ssh/index.ts";
import type { ChannelWriter } from "./channel-writer.ts";
import { exitChannel, type Started } from "./command.ts";
import { giveBack } from "./packet-memory.ts";
import { NOTHING_ASKED, judge, maskedTransfer, type Granted, type Judged, type SshSession } from "./session.ts";

/** Of an operation that was allowed and never heard of again. */
const LOST: FileOutcome = { ok: false, what: "lost", bytesRead: 0, bytesWritten: 0, digest: null };

/** An SFTP session: its packets are read on their way, each operation is decided and recorded. */
export class SftpRelay {
  readonly #session: SshSession;
  readonly #channel: ServerChannel;
  readonly #writer: ChannelWriter;
  readonly #upstream: ClientChannel;
  readonly #granted: Granted;
  readonly #machine: SftpMachine;
  readonly #operations = new Map<number, { readonly granted: Granted; readonly operation: string }>();
  #withdraw: ((why: "disconnected") => void) | null = null;
  readonly #started: Started;
  #open = 2;
  #over = false;
  #clientIsGone = false;
  #clientEnded = false;
  #operationCount = 0;
  #bytes = 0;
  #why = "";

  constructor(session: SshSession, channel: ServerChannel, writer: ChannelWriter, started: Started, granted: Granted) {
    const upstream = started.channel;
    this.#started = started;
    this.#session = session;
    this.#channel = channel;
    this.#writer = writer;
    this.#upstream = upstream;
    this.#granted = granted;
    this.#machine = new SftpMachine(
      {
        judge: (action) => this.#judge(action),
        finished: (ticket, outcome) => this.#finished(ticket, outcome),
      },
      {
        toServer: (bytes) => {
          if (!upstream.write(bytes)) channel.pause();
        },
        toClient: (bytes) => writer.write(bytes, "out"),
        resumed: () => this.#balance(),
        close: (why) => this.#stop(why),
      },
    );
    this.#listen();
  }

  #listen(): void {
    const [channel, upstream] = [this.#channel, this.#upstream];
    upstream.on("data", (bytes: Buffer) => {
      this.#machine.fromServer(bytes);
      if (this.#writer.empty) giveBack(bytes);
      this.#balance();
    });
    upstream.stderr.on("data", (bytes: Buffer) => this.#writer.write(bytes, "err"));
    for (const event of ["end", "close"]) upstream.once(event, () => --this.#open === 0 && void this.#finish());
    upstream.on("error", () => this.#stop("the target's channel failed"));
    upstream.on("drain", () => this.#balance());
    this.#writer.onReady(() => this.#balance());
    channel.on("data", (bytes: Buffer) => {
      this.#machine.fromClient(bytes);
      if (upstream.writableLength === 0) giveBack(bytes);
      this.#balance();
    });
    channel.once("end", () => {
      this.#clientEnded = true;
      this.#balance();
    });
    channel.resume();
  }

  #balance(): void {
    if (this.#over) return;
    if (this.#writer.pressed) this.#upstream.pause();
    else if (this.#upstream.isPaused()) this.#upstream.resume();
    const wait = !this.#machine.wantsClient || this.#upstream.writableNeedDrain;
    if (wait) this.#channel.pause();
    else {
      if (this.#channel.isPaused()) this.#channel.resume();
      // Its last requests were all passed on.
      if (this.#clientEnded) this.#upstream.end();
    }
  }

  #judge(action: FileAction): FileRuling | Promise<FileRuling> {
    const judged = judge(this.#session, { kind: "sftp", file: action }, NOTHING_ASKED, {
      notify: (text, hint) => this.#writer.write(Buffer.from(linesText([text, hint], false)), "err"),
      waiting: (withdraw) => {
        this.#withdraw = withdraw;
        if (this.#clientIsGone) withdraw("disconnected");
      },
    });
    const ruled = (found: Judged): FileRuling => {
      this.#withdraw = null;
      if ("refusal" in found) return { go: false, message: found.refusal.message };
      const { granted } = found;
      if (this.#over) {
        this.#done(granted, { status: "lost", tag: LOST.what, bytes: 0 });
        return { go: false, message: "sallyport: the transfer is over" };
      }
      const unmaskable = action.operation === "open_read" ? maskedTransfer(granted) : null;
      if (unmaskable !== null) {
        this.#done(granted, { status: "cut", tag: "masked", bytes: 0 });
        return { go: false, message: unmaskable.message };
      }
      this.#operations.set(granted.decisionId, { granted, operation: action.operation });
      return { go: true, ticket: granted.decisionId };
    };
    return judged instanceof Promise ? this.#session.log.during(judged.then(ruled)) : ruled(judged);
  }

  #finished(ticket: number, outcome: FileOutcome): void {
    const found = this.#operations.get(ticket);
    if (found === undefined) return;
    this.#operations.delete(ticket);
    const bytes = outcome.bytesRead + outcome.bytesWritten;
    this.#operationCount++;
    this.#bytes += bytes;
    const digest = outcome.digest === null ? "" : ` sha256:${outcome.digest}`;
    const moved = bytes === 0 ? "" : ` read ${outcome.bytesRead} written ${outcome.bytesWritten}`;
    const status = outcome.ok ? "ok" : outcome.what === "lost" ? "lost" : "error";
    this.#done(found.granted, { status, tag: `${outcome.what}${moved}${digest}`, bytes });
  }

  #done(
    granted: Granted,
    outcome: { readonly status: "ok" | "error" | "cut" | "lost"; readonly tag: string; readonly bytes: number },
  ): void {
    const { decisionId, startedAt } = granted;
    this.#session.desk.finished(decisionId, { ...outcome, startedAt, masked: [] });
  }

  #stop(why: string): void {
    if (this.#over) return;
    this.#why = why;
    this.#writer.write(Buffer.from(linesText([`sallyport: the transfer is cut off: ${why}`], false)), "err");
    this.#upstream.destroy();
    void this.#finish();
  }

  resize(): void {}
  signal(): void {}

  clientGone(): void {
    this.#clientIsGone = true;
    this.#withdraw?.("disconnected");
    this.#upstream.destroy();
    void this.#finish();
  }

  async #finish(): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    this.#machine.gone();
    // Parts of requests of which other parts still wait to be decided.
    for (const ticket of this.#operations.keys()) this.#finished(ticket, LOST);
    const cut = this.#why !== "";
    this.#done(this.#granted, {
      status: cut ? "cut" : "ok",
      tag: cut ? this.#why : `${this.#operationCount} operations`,
      bytes: this.#bytes,
    });
    const [durable] = await Promise.all([this.#session.recorder.flush(), this.#writer.idle()]);
    if (this.#clientIsGone) return;
    exitChannel(this.#channel, durable && !cut ? (this.#started.ended() ?? { status: 0 }) : { status: 255 });
  }
}
