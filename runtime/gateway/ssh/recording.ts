import { StringDecoder } from "node:string_decoder";
import type { Clock, RecordingFile } from "../../outside/index.ts";
import { castEvent, castHeader, type CastEvent } from "../../protocols/ssh/index.ts";

export interface RecordingOptions {
  readonly title: string;
  readonly columns: number;
  readonly rows: number;
  readonly terminal: string | null;
  /** Of output at most so many bytes are kept. */
  readonly bytesMax: number;
  readonly keystrokes: boolean;
}

/** What was kept, and how much of the output was not. */
export interface RecordingSummary {
  readonly bytes: number;
  readonly digest: string;
  readonly left: number;
}

/** What one channel showed, in the order and at the pace it did, as an asciicast. */
export class Recording {
  readonly #file: RecordingFile;
  readonly #clock: Clock;
  readonly #options: RecordingOptions;
  readonly #decoders = {
    out: new StringDecoder("utf8"),
    err: new StringDecoder("utf8"),
    in: new StringDecoder("utf8"),
  };
  #last: number;
  #kept = 0;
  #left = 0;
  #pressed = false;

  constructor(file: RecordingFile, clock: Clock, options: RecordingOptions) {
    this.#file = file;
    this.#clock = clock;
    this.#options = options;
    this.#last = clock.monotonic();
    const { title, columns, rows, terminal } = options;
    this.#put(castHeader({ title, columns, rows, terminal, timestamp: Math.floor(clock.now() / 1000) }));
  }

  get failed(): string | null {
    return this.#file.failed;
  }

  onFailure(then: (why: string) => void): void {
    this.#file.onFailure(then);
  }

  /** The disk is behind: nothing more should be read until `whenReady` calls back. */
  get pressed(): boolean {
    return this.#pressed;
  }

  whenReady(then: () => void): void {
    this.#file.whenReady(() => {
      this.#pressed = false;
      then();
    });
  }

  #put(line: string): void {
    if (!this.#file.write(line)) this.#pressed = true;
  }

  #event(event: CastEvent, data: string): void {
    if (data === "") return;
    const now = this.#clock.monotonic();
    this.#put(castEvent((now - this.#last) / 1000, event, data));
    this.#last = now;
  }

  output(bytes: Buffer, from: "out" | "err"): void {
    const room = this.#options.bytesMax - this.#kept;
    if (bytes.length > room) {
      if (this.#left === 0) {
        if (room > 0) this.#event("o", this.#decoders[from].write(bytes.subarray(0, room)));
        this.#event("m", `more output follows; at most ${this.#options.bytesMax} bytes of a command's are kept`);
      }
      this.#kept += Math.max(0, room);
      this.#left += bytes.length - Math.max(0, room);
      return;
    }
    this.#kept += bytes.length;
    this.#event("o", this.#decoders[from].write(bytes));
  }

  /** What was typed; kept only where that was asked for. */
  input(bytes: Buffer): void {
    if (this.#options.keystrokes) this.#event("i", this.#decoders.in.write(bytes));
  }

  resized(columns: number, rows: number): void {
    this.#event("r", `${columns}x${rows}`);
  }

  marker(text: string): void {
    this.#event("m", text);
  }

  /** Resolves once the file is on disk; null when it could not be written. */
  async end(status: string): Promise<RecordingSummary | null> {
    this.#event("o", this.#decoders.out.end() + this.#decoders.err.end());
    this.#event("x", status);
    const closed = await this.#file.close();
    return closed === null ? null : { ...closed, left: this.#left };
  }
}
