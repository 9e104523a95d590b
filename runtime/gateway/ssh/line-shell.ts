import type { Client, ServerChannel, WindowChangeInfo } from "ssh2";
import { canonicalPath } from "../../facts/index.ts";
import { LineEditor, lineRequest, linesText, refusalText, type SshRequest } from "../../protocols/ssh/index.ts";
import type { ChannelWriter } from "./channel-writer.ts";
import { CommandRun, exitChannel, watched, type Ended, type Started } from "./command.ts";
import type { Prepared } from "./preparation.ts";
import { judge, type Granted, type SshSession } from "./session.ts";

/**
 * A shell of the gateway's own, for targets with `shell: lines`: every line is decided by itself, with the facts of a
 * command line, and runs as a command of its own. Only `cd` and `exit` are its own.
 */
export class LineShell {
  readonly #session: SshSession;
  readonly #target: Client;
  readonly #channel: ServerChannel;
  readonly #writer: ChannelWriter;
  readonly #granted: Granted;
  readonly #pty: Prepared["pty"];
  readonly #environment: Prepared["environment"];
  readonly #editor: LineEditor;
  /** Where commands run; null: in the account's home folder. */
  #folder: string | null = null;
  #run: CommandRun | null = null;
  #withdraw: ((why: "cancelled" | "disconnected") => void) | null = null;
  #status = 0;
  #lines = 0;
  #busy = false;
  #inputEnded = false;
  #over = false;

  constructor(
    session: SshSession,
    target: Client,
    channel: ServerChannel,
    writer: ChannelWriter,
    granted: Granted,
    { pty, environment }: Prepared,
  ) {
    this.#session = session;
    this.#target = target;
    this.#channel = channel;
    this.#writer = writer;
    this.#granted = granted;
    this.#pty = pty;
    this.#environment = environment;
    this.#editor = new LineEditor(pty === null ? null : (text) => this.#show(text));
  }

  begin(typed: readonly Buffer[]): void {
    for (const bytes of typed) this.#editor.push(bytes);
    this.#channel.on("data", this.#onData);
    this.#channel.once("end", () => {
      this.#inputEnded = true;
      void this.#next();
    });
    this.#say([
      `sallyport: every line is decided before it runs on ${this.#session.target.name}; exit or Ctrl-D ends the session`,
    ]);
    this.#prompt();
    this.#channel.resume();
    void this.#next();
  }

  readonly #onData = (bytes: Buffer): void => {
    if (this.#run !== null) return;
    if (this.#withdraw !== null && bytes.includes(0x03)) return this.#withdraw("cancelled");
    this.#editor.push(bytes);
    void this.#next();
  };

  #show(text: string): void {
    this.#writer.write(Buffer.from(text), "out");
  }

  #say(lines: readonly (string | undefined)[]): void {
    this.#writer.write(Buffer.from(linesText(lines, this.#pty !== null)), "err");
  }

  #prompt(): void {
    if (this.#pty === null || this.#over) return;
    this.#show(`${this.#session.identity.name}%${this.#session.target.name}:${this.#folder ?? "~"}> `);
  }

  /** Goes through what was typed, line by line, one at a time. */
  async #next(): Promise<void> {
    if (this.#busy || this.#over) return;
    this.#busy = true;
    try {
      for (;;) {
        const typed = this.#editor.next() ?? (this.#inputEnded ? this.#editor.finish() : null);
        if (typed === null || this.#over) return;
        if (typed.kind === "end") return this.#end();
        if (typed.kind === "line" && typed.text.trim() !== "") {
          const words = typed.text.trim();
          if (/^(exit|logout)(\s+\d{1,3})?$/.test(words)) {
            this.#status = Number(words.split(/\s+/)[1] ?? this.#status) & 255;
            return this.#end();
          }
          await this.#session.log.during(this.#line(words));
        }
        this.#prompt();
      }
    } catch (fault) {
      this.#say([`sallyport: the line failed: ${fault instanceof Error ? fault.message : String(fault)}`]);
      this.#end();
    } finally {
      this.#busy = false;
    }
  }

  async #line(text: string): Promise<void> {
    this.#lines++;
    const pty = this.#pty !== null;
    const home = this.#session.target.home;
    const request = lineRequest(text, pty, this.#folder ?? home);
    const terminal = this.#pty?.term ?? null;
    const asking = { pty, terminal, environment: this.#environment, folder: this.#folder };
    const judged = await judge(this.#session, request, asking, {
      notify: (notice, hint) => this.#say([notice, hint]),
      waiting: (withdraw) => {
        this.#withdraw = withdraw;
        if (this.#over) withdraw("disconnected");
      },
    });
    this.#withdraw = null;
    if ("refusal" in judged) {
      if (this.#over) return;
      this.#status = 126;
      this.#writer.write(Buffer.from(refusalText(judged.refusal, pty)), "err");
      return;
    }
    const { granted } = judged;
    if (this.#over) return this.#notStarted(granted, "cut");
    const change = changeOf(request, this.#folder ?? home ?? "~");
    // A folder of its own is entered first, and the line only runs there.
    const command = change === null ? `${entering(this.#folder)}${text}` : entering(change);
    const started = await this.#exec(command);
    if (typeof started === "string") {
      this.#notStarted(granted, this.#over ? "cut" : "error");
      return this.#say([`sallyport: the target refused: ${started}`]);
    }
    // Nobody would end what is started for a client that left meanwhile.
    if (this.#over) {
      started.channel.destroy();
      return this.#notStarted(granted, "cut");
    }
    const ended = await new Promise<Ended>((done) => {
      this.#run = new CommandRun(
        this.#session,
        this.#channel,
        this.#writer,
        started,
        granted,
        request,
        this.#pty,
        done,
      );
      // What was typed ahead are lines for the prompt, not input of the command.
      this.#run.begin([]);
    });
    this.#run = null;
    this.#status = ended === null ? 255 : "status" in ended ? ended.status : 128;
    if (change !== null && this.#status === 0) this.#folder = change === "~" ? null : change;
    if (ended !== null && "signal" in ended) this.#say([ended.signal]);
    this.#channel.resume();
  }

  #notStarted({ decisionId, startedAt }: Granted, status: "cut" | "error"): void {
    this.#session.desk.finished(decisionId, { status, tag: "not started", bytes: 0, startedAt, masked: [] });
  }

  #exec(command: string): Promise<Started | string> {
    const options = {
      env: Object.fromEntries(this.#environment),
      ...(this.#pty === null ? {} : { pty: this.#pty }),
    };
    return new Promise((resolve) => {
      try {
        this.#target.exec(command, options, (fault, channel) =>
          resolve(fault == null ? watched(channel) : fault.message),
        );
      } catch (fault) {
        resolve(fault instanceof Error ? fault.message : String(fault));
      }
    });
  }

  resize(window: WindowChangeInfo): void {
    this.#run?.resize(window);
  }

  signal(name: string): void {
    this.#run?.signal(name);
  }

  clientGone(): void {
    this.#withdraw?.("disconnected");
    this.#run?.clientGone();
    this.#finish("cut");
  }

  #finish(status: "ok" | "cut"): void {
    if (this.#over) return;
    this.#over = true;
    const { decisionId, startedAt } = this.#granted;
    const tag = `${this.#lines} lines`;
    this.#session.desk.finished(decisionId, { status, tag, bytes: 0, startedAt, masked: [] });
  }

  #end(): void {
    this.#finish("ok");
    this.#channel.off("data", this.#onData);
    void this.#writer.idle().then(() => exitChannel(this.#channel, { status: this.#status }));
  }
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** A line that goes to a folder, and on only when it is there. */
function entering(folder: string | null): string {
  if (folder === null) return "";
  const word = folder === "~" || folder.startsWith("~/") ? `"$HOME"${quoted(folder.slice(1))}` : quoted(folder);
  return `cd -- ${word} || exit 1\n`;
}

/** The folder that a line changes to, when that is all it does. */
function changeOf(request: SshRequest, folder: string): string | null {
  if (request.kind !== "line") return null;
  const [command, ...more] = request.line.commands;
  if (command?.program !== "cd" || more.length > 0 || !command.known || /[;&|<>\n(){}]/.test(request.command))
    return null;
  const [path = "~", ...others] = command.arguments.filter((word) => word !== "--");
  return others.length > 0 ? null : canonicalPath(path, folder);
}
