import { spawn, type ChildProcess } from "node:child_process";
import { Rpc } from "./rpc.ts";

export interface ServerEvents {
  readonly notification: (method: string, params: unknown) => void;
  readonly request: (method: string, params: unknown) => unknown;
  /** Text that the server wrote beside its messages. */
  readonly log: (text: string) => void;
  /** It ended, or could not be started, though nobody asked it to end. */
  readonly lost: (why: string) => void;
}

/** One running `policyc lsp`. */
export class Server {
  readonly rpc: Rpc;
  readonly #process: ChildProcess;
  readonly #ended: Promise<void>;
  #stopping = false;

  constructor(program: string, args: readonly string[], cwd: string | undefined, events: ServerEvents) {
    this.#process = spawn(program, [...args, "lsp", "--stdio"], { cwd, stdio: ["pipe", "pipe", "pipe"] });
    const lose = (why: string): void => {
      this.rpc.close(why);
      if (!this.#stopping) events.lost(why);
      this.#stopping = true;
    };
    this.rpc = new Rpc(this.#process.stdout!, this.#process.stdin!, {
      ...events,
      broken: (why) => {
        lose(why);
        this.#process.kill();
      },
    });
    this.#process.stderr!.on("data", (chunk: Buffer) => events.log(chunk.toString("utf8")));
    this.#ended = new Promise((resolve) => {
      this.#process.once("error", (fault) => {
        lose(`${program} can't be started: ${fault.message}`);
        resolve();
      });
      this.#process.once("exit", (code, signal) => {
        lose(`${program} ended (${signal ?? `exit code ${code}`})`);
        resolve();
      });
    });
  }

  /** Asks it to end and waits until it has. */
  async stop(): Promise<void> {
    if (!this.#stopping) {
      this.#stopping = true;
      try {
        await this.rpc.request("shutdown", undefined).answer;
        this.rpc.notify("exit", undefined);
      } catch {
        this.#process.kill();
      }
    }
    await this.#ended;
  }
}
