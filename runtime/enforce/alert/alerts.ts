import { createHmac } from "node:crypto";

/** Alerts that wait to be delivered at most; beyond, one more counts as not delivered. */
export const ALERTS_WAITING_MAX = 1_000;
const TRIES = 3;
const TRY_MS = 5_000;
/** Before the second try; each further one waits twice as long. */
const RETRY_MS = 2_000;

/** Where alerts go: an address that takes JSON by POST, or the operator's log. */
export type AlertChannel =
  | {
      readonly name: string;
      readonly kind: "webhook";
      readonly url: string;
      /** Signs what is sent. */ readonly key: Uint8Array | null;
    }
  | { readonly name: string; readonly kind: "log" };

export interface Alert {
  readonly rule: string;
  readonly because: string | null;
  readonly sid: string;
  readonly decision: number;
  readonly user: string;
  readonly target: string;
  readonly protocol: string;
  readonly verdict: string;
  readonly kinds: readonly string[];
  /** The action as the record has it. */
  readonly text: string;
  readonly at: number;
}

export interface AlertParts {
  readonly channels: readonly AlertChannel[];
  readonly origin: string;
  /** Sends a body; resolves to the status, rejects when there is none. */
  readonly post: (
    url: string,
    headers: Readonly<Record<string, string>>,
    body: string,
    timeoutMs: number,
  ) => Promise<number>;
  readonly after: (ms: number, call: () => void) => () => void;
  readonly say: (line: string) => void;
  /** A channel that could not be told. */
  readonly undelivered: (alert: Alert, channel: string, why: string) => void;
}

/** Tells channels of alerts. Nothing waits for it: an action goes its way whether or not somebody hears of it. */
export class Alerts {
  readonly #parts: AlertParts;
  #waiting = 0;
  #closed = false;

  constructor(parts: AlertParts) {
    this.#parts = parts;
  }

  raise(alert: Alert, names: readonly string[]): void {
    for (const name of names) {
      const channel = this.#parts.channels.find((one) => one.name === name);
      if (channel === undefined)
        this.#parts.undelivered(alert, name, "no channel of that name is configured under alerts");
      else if (channel.kind === "log")
        this.#parts.say(
          `alert ${alert.rule}: ${alert.user} on ${alert.target}, ${alert.verdict}, ${alert.kinds.join(", ")}; decision ${alert.sid}.${alert.decision}`,
        );
      else if (this.#waiting >= ALERTS_WAITING_MAX)
        this.#parts.undelivered(alert, name, "too many alerts wait already");
      else {
        this.#waiting++;
        this.#try(alert, channel, 1);
      }
    }
  }

  #try(alert: Alert, channel: Extract<AlertChannel, { kind: "webhook" }>, attempt: number): void {
    const { origin, post, after, undelivered } = this.#parts;
    const body = JSON.stringify({
      v: 1,
      type: "alert",
      gateway: origin,
      ...alert,
      at: new Date(alert.at).toISOString(),
    });
    const headers: Record<string, string> = { "content-type": "application/json" };
    if (channel.key !== null)
      headers["x-sallyport-signature"] = `sha256=${createHmac("sha256", channel.key).update(body).digest("hex")}`;
    const failed = (why: string): void => {
      if (this.#closed || attempt === TRIES) {
        this.#waiting--;
        undelivered(alert, channel.name, why);
      } else after(RETRY_MS * 2 ** (attempt - 1), () => this.#try(alert, channel, attempt + 1));
    };
    post(channel.url, headers, body, TRY_MS).then(
      (status) => {
        if (status >= 200 && status < 300) this.#waiting--;
        else failed(`it answered ${status}`);
      },
      (fault: unknown) => failed(fault instanceof Error ? fault.message : String(fault)),
    );
  }

  /** No further tries. */
  close(): void {
    this.#closed = true;
  }
}
