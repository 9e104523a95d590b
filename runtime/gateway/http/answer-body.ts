import type { BodyTransform } from "../../protocols/http/index.ts";
import { decoding, encoding, type Coding, type Step } from "./coding.ts";

export interface AnswerBodyHost {
  /** Bytes for the client, coded again. */
  out(bytes: Buffer): void;
  /** Bytes of the target, decoded and not masked, for what the record keeps. */
  clear(bytes: Buffer): void;
  /** All is out. */
  ended(): void;
  failed(why: string): void;
  pauseSource(): void;
  resumeSource(): void;
}

/** An answer's body on its way: decoded, changed, coded again; with back-pressure through all of it. */
export class AnswerBody {
  readonly #transform: BodyTransform;
  readonly #host: AnswerBodyHost;
  readonly #decoder: Step | null;
  readonly #encoder: Step | null;
  #over = false;
  /** The client does not keep up. */
  #held = false;
  #waiting: Buffer[] = [];
  #sourceEnded = false;

  constructor(transform: BodyTransform, coding: Coding | "identity", host: AnswerBodyHost) {
    this.#transform = transform;
    this.#host = host;
    const failed = (why: string): void => this.#fail(why);
    if (coding === "identity") {
      this.#decoder = null;
      this.#encoder = null;
      return;
    }
    this.#decoder = decoding(coding, { data: (bytes) => this.#plain(bytes), end: () => this.#plainEnd(), failed }, () =>
      this.#host.resumeSource(),
    );
    this.#encoder = encoding(
      coding,
      {
        data: (bytes) => {
          if (!this.#over) this.#host.out(bytes);
        },
        end: () => {
          if (this.#over) return;
          this.#over = true;
          this.#host.ended();
        },
        failed,
      },
      () => undefined,
    );
  }

  /** The target's next bytes. */
  write(bytes: Buffer): void {
    if (this.#over || bytes.length === 0) return;
    if (this.#held) {
      this.#waiting.push(bytes);
      return this.#host.pauseSource();
    }
    if (this.#decoder === null) return this.#plain(bytes);
    if (!this.#decoder.write(bytes)) this.#host.pauseSource();
  }

  end(): void {
    if (this.#over) return;
    this.#sourceEnded = true;
    if (this.#waiting.length > 0) return;
    if (this.#decoder === null) this.#plainEnd();
    else this.#decoder.end();
  }

  /** The client does not take more for now. */
  pause(): void {
    this.#held = true;
    this.#host.pauseSource();
  }

  resume(): void {
    if (!this.#held || this.#over) return;
    this.#held = false;
    while (this.#waiting.length > 0 && !this.#held) this.write(this.#waiting.shift()!);
    if (this.#held) return;
    this.#host.resumeSource();
    if (this.#sourceEnded) this.end();
  }

  #plain(bytes: Buffer): void {
    if (this.#over) return;
    this.#host.clear(bytes);
    const out = this.#transform.push(bytes);
    if (this.#transform.fault !== null) return this.#fail(this.#transform.fault);
    this.#put(out);
  }

  #put(out: Buffer): void {
    if (out.length === 0) return;
    if (this.#encoder === null) this.#host.out(out);
    else this.#encoder.write(out);
  }

  #plainEnd(): void {
    if (this.#over) return;
    const last = this.#transform.end();
    if (this.#transform.fault !== null) return this.#fail(this.#transform.fault);
    this.#put(last);
    if (this.#encoder !== null) return this.#encoder.end();
    this.#over = true;
    this.#host.ended();
  }

  #fail(why: string): void {
    if (this.#over) return;
    this.destroy();
    this.#host.failed(why);
  }

  masked(): readonly string[] {
    return this.#transform.masked();
  }

  destroy(): void {
    this.#over = true;
    this.#waiting = [];
    this.#decoder?.destroy();
    this.#encoder?.destroy();
  }
}
