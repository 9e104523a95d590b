import type { Client } from "ssh2";
import type { Decision } from "../../../spec/contract/decision/index.ts";
import { requestText } from "../../enforce/mask/index.ts";
import type { SshIdentity } from "../../identity/index.ts";
import type { Clock, RecordingStore } from "../../outside/index.ts";
import type { Refusal } from "../../protocols/index.ts";
import { describeRequest, exactRequest, sshFacts, type SshRequest } from "../../protocols/ssh/index.ts";
import { RecorderFailed, type Recorder, type SessionLog } from "../../record/index.ts";
import type { ActionDesk, DeskRuling, Waiter } from "../../session/index.ts";
import type { SshSettings } from "./config.ts";
import { Recording, type RecordingOptions } from "./recording.ts";
import { textMaskOf, type TextMask } from "./text-mask.ts";
import type { SshTarget } from "./upstream.ts";

/** Something of a session that is to end with it. */
export interface Ending {
  end(): void;
}

/** What the channels of one signed-in connection share. */
export interface SshSession {
  readonly sid: string;
  readonly identity: SshIdentity;
  readonly target: SshTarget;
  readonly settings: SshSettings;
  readonly desk: ActionDesk;
  readonly log: SessionLog;
  readonly recorder: Recorder;
  readonly clock: Clock;
  readonly recordings: RecordingStore;
  /** Key of keyed masks. */
  readonly secret: Buffer;
  /** The target's connection, or in words why there is none. */
  readonly upstream: Promise<Client | string>;
  readonly open: Set<Ending>;
}

/** Everything that an action may do once it was decided. */
export interface Granted {
  readonly decision: Decision;
  readonly decisionId: number;
  readonly bundle: Extract<DeskRuling, { go: true }>["bundle"];
  readonly startedAt: number;
}
export type Judged = { readonly granted: Granted } | { readonly refusal: Refusal };

export interface Asking {
  readonly pty: boolean;
  /** The terminal's name, which programs see as a variable; null without one. */
  readonly terminal: string | null;
  readonly environment: readonly (readonly [string, string])[];
  /** Where the command would run; null: in the account's home folder. */
  readonly folder: string | null;
}
export const NOTHING_ASKED: Asking = { pty: false, terminal: null, environment: [], folder: null };

/** Decides a request, and waits until its record lets it go ahead. */
export function judge(
  session: SshSession,
  request: SshRequest,
  asking: Asking,
  waiter: Waiter | null,
): Judged | Promise<Judged> {
  const { desk, clock } = session;
  const startedAt = clock.monotonic();
  const ruling = desk.judge(
    {
      phase: request.kind,
      kinds: [request.kind === "sftp" ? `sftp ${request.file.operation}` : request.kind],
      facts: sshFacts(request, asking.pty),
      text: requestText(describeRequest(request)),
      exact: exactRequest(request, asking),
    },
    waiter,
  );
  const settle = (found: DeskRuling): Judged | Promise<Judged> => {
    if (!found.go) return { refusal: found.refusal };
    const { decision, decisionId, bundle, recordIndex } = found;
    const granted: Judged = { granted: { decision, decisionId, bundle, startedAt } };
    if (session.recorder.mayForward(recordIndex)) return granted;
    return desk.mayGo(recordIndex).then((durable): Judged => (durable ? granted : { refusal: NOT_RECORDED }));
  };
  return ruling instanceof Promise ? ruling.then(settle) : settle(ruling);
}

export const NOT_RECORDED: Refusal = {
  kind: "unavailable",
  message: "sallyport: the record can't be written, so nothing is let through",
  hint: "An operator must look at the gateway's disk and log.",
};

/** The mask on text that a decision asks for; null when there is none. */
export const outputMask = (session: SshSession, { decision, bundle }: Granted): TextMask | null =>
  textMaskOf(bundle.manifest, decision.masks, session.secret);

/** Whether a mask would have to look into what can't be looked into: file contents, other connections. */
export function maskedTransfer(granted: Granted): Refusal | null {
  const rule = granted.decision.masks
    .map((index) => granted.bundle.manifest.rules[index]!)
    .find(({ mask }) => mask !== null && (mask.output !== null || mask.detect.length > 0));
  return rule === undefined
    ? null
    : {
        kind: "policy",
        message: `sallyport: mask ${rule.name} applies, and what is transferred can't be masked`,
        hint: "Read it with a command, whose output is masked.",
      };
}

/** A recording of what an action shows, under the action's number. */
export class ActionRecording {
  readonly recording: Recording;
  readonly #session: SshSession;
  readonly #decisionId: number;
  readonly #name: string;

  constructor(session: SshSession, { decisionId }: Granted, options: RecordingOptions) {
    this.#session = session;
    this.#decisionId = decisionId;
    this.#name = `${session.sid}.${decisionId}.cast`;
    this.recording = new Recording(session.recordings.open(this.#name), session.clock, options);
    this.recording.marker(`${options.title} · decision ${session.sid}.${decisionId}`);
  }

  /** Ends it and says so in the record. Resolves when both are on disk; false when they can't be. */
  async end(status: string): Promise<boolean> {
    const { recorder, log } = this.#session;
    const summary = await this.recording.end(status);
    if (summary === null || recorder.failed !== null) return false;
    const { bytes, digest, left } = summary;
    const format = "asciicast-v3";
    try {
      log.append({ type: "recording", decision: this.#decisionId, name: this.#name, format, bytes, digest, left });
    } catch (fault) {
      if (!(fault instanceof RecorderFailed)) throw fault;
      return false;
    }
    return recorder.flush();
  }
}
