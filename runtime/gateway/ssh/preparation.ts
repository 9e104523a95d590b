import type { PseudoTtyInfo, WindowChangeInfo } from "ssh2";
import type { Refusal } from "../../protocols/index.ts";
import { ENVIRONMENT_BYTES_MAX, ENVIRONMENT_MAX, type SshRequest } from "../../protocols/ssh/index.ts";
import { judge, type Granted, type Judged, type SshSession } from "./session.ts";

/** A terminal with its name, which ssh2 leaves out of its type, but hands over. */
export type Terminal = PseudoTtyInfo & { readonly term?: string };

/** What a program starts with. Only the terminal's size may still change: a person resizes a window while they wait. */
export interface Prepared {
  readonly pty: Terminal | null;
  readonly environment: readonly (readonly [string, string])[];
}

/**
 * What a channel is asked for before its program: a terminal and variables, each decided. Once the program is asked for it
 * is closed, for the program is decided with what there is by then; what comes behind it is recorded and refused.
 */
export class Preparation {
  readonly #session: SshSession;
  #pty: Terminal | null = null;
  readonly #environment: [string, string][] = [];
  #environmentBytes = 0;
  #closed = false;
  /** Decisions whose record is not on disk yet. */
  readonly #unsettled: Promise<Judged>[] = [];

  constructor(session: SshSession) {
    this.#session = session;
  }

  get pty(): Terminal | null {
    return this.#pty;
  }

  /** Whether the terminal is granted. */
  terminal(info: Terminal): boolean {
    const request: SshRequest = { kind: "pty", terminal: (info.term ?? "").slice(0, 256) };
    const { permits } = this.#session.identity;
    if (!this.#decide(request, permits.pty ? null : "not permitted by the certificate")) return false;
    this.#pty = { ...info };
    return true;
  }

  /** Whether the variable is granted. */
  variable(name: string, value: string): boolean {
    this.#environmentBytes += name.length + value.length;
    const fits = this.#environment.length < ENVIRONMENT_MAX && this.#environmentBytes <= ENVIRONMENT_BYTES_MAX;
    if (!this.#decide({ kind: "env", name, value }, fits ? null : "too many variables, or too long")) return false;
    this.#environment.push([name, value]);
    return true;
  }

  resized(window: WindowChangeInfo): void {
    if (this.#pty !== null) Object.assign(this.#pty, window);
  }

  /** Decided, so that it is in the record; but the gateway does not carry it, whatever the policy says. */
  notCarried(request: SshRequest): void {
    this.#decide(request, "not carried");
  }

  /** The program is asked for: nothing is added any more. */
  close(): Prepared {
    this.#closed = true;
    return { pty: this.#pty, environment: this.#environment };
  }

  /** Resolves when everything that was granted is in the record; with what is to be said when it can't be. */
  async recorded(): Promise<Refusal | null> {
    for (const judged of await Promise.all(this.#unsettled)) if ("refusal" in judged) return judged.refusal;
    return null;
  }

  /**
   * Such requests can't wait: they are decided at once.
   *
   * @param unfit why it is refused even if a rule allows it
   */
  #decide(request: SshRequest, unfit: string | null): boolean {
    const asking = {
      pty: this.#pty !== null,
      terminal: this.#pty?.term ?? null,
      environment: this.#environment,
      folder: null,
    };
    const why = this.#closed ? "the program is asked for already" : unfit;
    const judged = judge(this.#session, request, asking, null);
    if (judged instanceof Promise) {
      if (why === null) this.#unsettled.push(judged);
      else void this.#session.log.during(judged.then((found) => this.#cut(found, why)));
      return why === null;
    }
    if (why !== null) this.#cut(judged, why);
    return why === null && !("refusal" in judged);
  }

  #cut(judged: Judged, tag: string): void {
    if ("refusal" in judged) return;
    const { decisionId, startedAt }: Granted = judged.granted;
    this.#session.desk.finished(decisionId, { status: "cut", tag, bytes: 0, startedAt, masked: [] });
  }
}
