import { exitOf, readResize, type SpdyStream } from "../../protocols/kubernetes/index.ts";
import type { TextMask } from "../ssh/text-mask.ts";
import { HOLD_BACK_MS, SPDY_MESSAGE_BYTES_MAX } from "./limits.ts";
import { StreamRecording } from "./recording.ts";
import type { StreamRelayParts } from "./tunnel.ts";

const EMPTY = Buffer.alloc(0);
const NEWLINE = 0x0a;

/** Gives on what may be shown of a stream. `spent`: how many of the target's bytes went into it. */
type Show = (stream: number, data: Buffer, fin: boolean, spent: number) => void;

interface Output {
  readonly id: number;
  readonly from: "out" | "err";
  readonly mask: TextMask | null;
}

/** What an exec or attach shows over SPDY: masked, and recorded as it was shown. */
export class SpdyShown {
  readonly #parts: StreamRelayParts;
  readonly #show: Show;
  readonly #recording: StreamRecording;
  readonly #outputs = new Map<number, Output>();
  readonly #masked = new Set<string>();
  #status: Buffer = EMPTY;
  #sizes: Buffer = EMPTY;
  #callOff: (() => void) | null = null;

  constructor(parts: StreamRelayParts, show: Show) {
    this.#parts = parts;
    this.#show = show;
    this.#recording = new StreamRecording(parts);
  }

  onFailure(then: () => void): void {
    this.#recording.recording.onFailure(then);
  }

  get pressed(): boolean {
    return this.#recording.recording.pressed;
  }

  /** Calls back once the disk has caught up; not at all when it is not behind. */
  whenReady(then: () => void): void {
    if (this.pressed) this.#recording.recording.whenReady(then);
  }

  opened({ id, role }: SpdyStream): void {
    if (role === "stdout" || role === "stderr")
      this.#outputs.set(id, { id, from: role === "stdout" ? "out" : "err", mask: this.#parts.mask() });
  }

  /** The client wants no more of a stream. */
  dropped(id: number): void {
    const output = this.#outputs.get(id);
    if (output === undefined) return;
    this.#keepNames(output);
    this.#outputs.delete(id);
  }

  /** Data that the target sent. */
  data({ id }: SpdyStream, data: Buffer, fin: boolean): void {
    const output = this.#outputs.get(id);
    if (output === undefined) {
      this.flush();
      this.#status = start(this.#status, data);
      return this.#show(id, data, fin, data.length);
    }
    const { mask } = output;
    if (data.length > 0) this.#put(output, mask === null ? data : mask.push(data), data.length);
    if (fin) {
      if (mask !== null) this.#put(output, mask.flush(), 0);
      this.dropped(id);
      this.#show(id, EMPTY, true, 0);
    }
    this.#later();
  }

  #put({ id, from }: Output, shown: Buffer, spent: number): void {
    if (shown.length > 0) this.#recording.recording.output(shown, from);
    if (shown.length > 0 || spent > 0) this.#show(id, shown, false, spent);
  }

  /** Sizes of the terminal that the client told, a line of JSON each. */
  resized(data: Buffer): void {
    let rest = start(this.#sizes, data);
    for (let end = rest.indexOf(NEWLINE); end >= 0; end = rest.indexOf(NEWLINE)) {
      const size = readResize(rest.toString("utf8", 0, end));
      if (size !== null) this.#recording.recording.resized(size.columns, size.rows);
      rest = rest.subarray(end + 1);
    }
    this.#sizes = Buffer.from(rest);
  }

  /** Shows what is held back once nothing more came for a moment. */
  #later(): void {
    this.#callOff?.();
    this.#callOff = null;
    if (![...this.#outputs.values()].some(({ mask }) => (mask?.held ?? 0) > 0)) return;
    this.#callOff = this.#parts.session.service.clock.after(HOLD_BACK_MS, () => this.flush());
  }

  flush(): void {
    this.#callOff?.();
    this.#callOff = null;
    for (const output of this.#outputs.values()) if (output.mask !== null) this.#put(output, output.mask.flush(), 0);
  }

  #keepNames({ mask }: Output): void {
    for (const name of mask?.masked ?? []) this.#masked.add(name);
  }

  /** Ends the recording. `whole`: it is on disk to its end. */
  async end(why: string): Promise<{ whole: boolean; status: string; masked: readonly string[] }> {
    this.#callOff?.();
    for (const output of this.#outputs.values()) this.#keepNames(output);
    const status = exitOf(this.#status.toString("utf8"))?.text ?? why;
    return { whole: await this.#recording.end(status), status, masked: [...this.#masked] };
  }
}

/** The beginning of a text that comes in pieces, as far as it is looked at. */
const start = (before: Buffer, more: Buffer): Buffer =>
  before.length >= SPDY_MESSAGE_BYTES_MAX ? before : Buffer.concat([before, more]).subarray(0, SPDY_MESSAGE_BYTES_MAX);
