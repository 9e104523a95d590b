import { Worker } from "node:worker_threads";
import { err, ok, type Result } from "../../base/result.ts";
import { recorderOf, type OpenOptions } from "./open.ts";
import type { Recorder } from "./recorder.ts";
import type { FromWriter, ToWriter, WriterSetup } from "./writer-messages.ts";
import type { Batch, Written, WriterPort } from "./writer-port.ts";

interface Waiting<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (fault: Error) => void;
}

/** Takes up the log in a folder and writes it on a thread of its own, as a gateway does. */
export async function openRecorderInThread(folder: string, options: OpenOptions): Promise<Result<Recorder, string>> {
  let recorder: Recorder | null = null;
  const thread = new WriterThread({ folder, origin: options.origin, key: options.key }, (why) => recorder?.fail(why));
  const opened = await thread.opened;
  if (opened.kind === "refused") {
    await thread.end();
    return err(opened.why);
  }
  recorder = recorderOf(thread, opened, options);
  return ok(recorder);
}

/** The side of a writer's thread that the sessions are on. */
class WriterThread implements WriterPort {
  readonly #worker: Worker;
  readonly #onFault: (why: string) => void;
  readonly opened: Promise<Extract<FromWriter, { kind: "opened" | "refused" }>>;
  #opened: (message: Extract<FromWriter, { kind: "opened" | "refused" }>) => void = () => undefined;
  #write: Waiting<Written> | null = null;
  /** Each is called when a publication that was asked for is done; they are done in order. */
  readonly #publications: (() => void)[] = [];
  #closed: (() => void) | null = null;
  #gone: Error | null = null;

  constructor(setup: WriterSetup, onFault: (why: string) => void) {
    this.#onFault = onFault;
    // The worker is beside this file, compiled or not.
    const extension = import.meta.url.endsWith(".ts") ? ".ts" : ".js";
    this.#worker = new Worker(new URL(`./writer-worker${extension}`, import.meta.url), { workerData: setup });
    this.opened = new Promise((resolve) => {
      this.#opened = resolve;
    });
    this.#worker.on("message", (message: FromWriter) => this.#heard(message));
    this.#worker.on("error", (fault: unknown) =>
      this.#lost(`the record's writer failed: ${fault instanceof Error ? fault.message : String(fault)}`),
    );
    this.#worker.on("exit", () => this.#lost("the record's writer ended"));
  }

  #heard(message: FromWriter): void {
    switch (message.kind) {
      case "opened":
      case "refused":
        this.#opened(message);
        break;
      case "written":
      case "failed": {
        const write = this.#write;
        this.#write = null;
        if (message.kind === "written") write?.resolve(message);
        else write?.reject(new Error(message.why));
        break;
      }
      case "fault":
        this.#onFault(message.why);
        break;
      case "published":
        this.#publications.shift()?.();
        break;
      case "closed":
        this.#closed?.();
        break;
    }
  }

  /** Nothing will be answered any more. */
  #lost(why: string): void {
    if (this.#gone !== null) return;
    this.#gone = new Error(why);
    this.#opened({ kind: "refused", why });
    this.#write?.reject(this.#gone);
    if (this.#closed === null) this.#onFault(why);
    else this.#closed();
    for (const done of this.#publications.splice(0)) done();
  }

  #send(message: ToWriter): void {
    this.#worker.postMessage(message);
  }

  write({ arena, used, newSegment }: Batch): Promise<Written> {
    return new Promise((resolve, reject) => {
      if (this.#gone !== null) return reject(this.#gone);
      this.#write = { resolve, reject };
      this.#send({ kind: "write", arena: arena.buffer as unknown as SharedArrayBuffer, used, newSegment });
    });
  }

  publish(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#gone !== null) return resolve();
      this.#publications.push(resolve);
      this.#send({ kind: "publish" });
    });
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      if (this.#gone !== null) return resolve();
      this.#closed = resolve;
      this.#send({ kind: "close" });
    });
    await this.end();
  }

  async end(): Promise<void> {
    this.#closed ??= () => undefined;
    await this.#worker.terminate();
  }
}
