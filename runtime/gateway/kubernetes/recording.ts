import { RecorderFailed } from "../../record/index.ts";
import type { WebSession } from "../http/session.ts";
import { Recording } from "../ssh/recording.ts";
import { RECORDED_BYTES_MAX } from "./limits.ts";
import type { StreamRelayParts } from "./tunnel.ts";

/** Size of a terminal until the client has told its own. */
const COLUMNS = 80;
const ROWS = 24;

/** What an exec or attach showed, under its decision's number. */
export class StreamRecording {
  readonly recording: Recording;
  readonly #session: WebSession;
  readonly #decisionId: number;
  readonly #name: string;

  constructor({ ask, request, session, judged: { decisionId } }: StreamRelayParts) {
    const { service, sid } = session;
    const title = `${ask.kind} ${request.target.path}${ask.command.length === 0 ? "" : ` -- ${ask.command.join(" ")}`}`;
    this.#session = session;
    this.#decisionId = decisionId;
    this.#name = `${sid}.${decisionId}.cast`;
    this.recording = new Recording(service.recordings.open(this.#name), service.clock, {
      title,
      columns: COLUMNS,
      rows: ROWS,
      terminal: ask.tty ? "xterm-256color" : null,
      bytesMax: RECORDED_BYTES_MAX,
      keystrokes: false,
    });
    this.recording.marker(`${title} · decision ${sid}.${decisionId}`);
  }

  /** Ends it and says so in the record; false when that can't be done. */
  async end(status: string): Promise<boolean> {
    const { service, log } = this.#session;
    const summary = await this.recording.end(status);
    if (summary === null || service.recorder.failed !== null) return false;
    const { bytes, digest, left } = summary;
    try {
      log.append({
        type: "recording",
        decision: this.#decisionId,
        name: this.#name,
        format: "asciicast-v3",
        bytes,
        digest,
        left,
      });
    } catch (fault) {
      if (!(fault instanceof RecorderFailed)) throw fault;
      return false;
    }
    return true;
  }
}
