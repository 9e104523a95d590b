import type { KeyboardAuthContext } from "ssh2";
import type { BrowserSignIns, Identity, SignInAsked, SignInEnd } from "../../identity/index.ts";

/** Where sign-ins wait, and the address of the page that shows them. */
export interface BrowserDoor {
  readonly waiting: BrowserSignIns;
  readonly origin: string;
}

/** Behind it in an address stands a sign-in's id. */
export const BROWSER_PATH = "/.sallyport/ssh/";

const TITLE = "Sallyport";

/** OpenSSH's client shows at most 1,023 bytes. */
const instruction = (link: string, code: string, waitMs: number): string =>
  [
    "No key of yours is known here. To sign in, open this in your browser:",
    "",
    `  ${link}`,
    "",
    `The page shows the code ${code}. Confirm it there only if it is the same; this goes on by itself.`,
    `It waits for ${Math.ceil(waitMs / 60_000)} minute${waitMs > 60_000 ? "s" : ""}. Ctrl-C gives up.`,
  ].join("\r\n");

/** What becomes of one sign-in. */
export interface BrowserOutcome {
  /** Nobody is waited for any more; the client may still have to say its part. */
  waited(): void;
  /** Called once with who it is, or why not, before the client is told; not when it was taken back. */
  done(identity: Identity | null, why: string): void;
}

/** ssh2 calls back with an error when the client tries another way instead of replying. */
const gaveUp = (reply: unknown): boolean => reply instanceof Error;

/** What a client is asked when nothing of a browser is set up, or it had its chance: nothing, but it is told what to do. */
export function tellAndReject(context: KeyboardAuthContext, words: string): void {
  context.prompt([], TITLE, words, (reply: unknown) => {
    if (!gaveUp(reply)) context.reject(["publickey"]);
  });
}

/**
 * Signs somebody in through their browser (RFC 4256, with no question): a link and a code are shown, and the answer to the
 * client's empty reply waits until the page was confirmed.
 *
 * @returns takes it back, for when the connection is gone
 */
export function signInByBrowser(
  context: KeyboardAuthContext,
  door: BrowserDoor,
  asked: SignInAsked,
  outcome: BrowserOutcome,
): () => void {
  let end: SignInEnd | null = null;
  let answered = false;
  let over = false;
  const settle = (): void => {
    if (end === null || !answered || over) return;
    over = true;
    if (end.kind === "confirmed") {
      outcome.done({ ...end.identity, method: "web" }, "");
      context.accept();
    } else {
      outcome.done(null, end.why);
      tellAndReject(context, `You are not signed in: ${end.why}. Connect again to try again.`);
    }
  };
  const begun = door.waiting.begin(asked, (how) => {
    end = how;
    outcome.waited();
    settle();
  });
  if (!begun.ok) {
    over = true;
    outcome.waited();
    outcome.done(null, begun.error);
    tellAndReject(context, `You are not signed in: ${begun.error}. Try again in a few minutes.`);
    return () => undefined;
  }
  const { id, code } = begun.value;
  const withdraw = (): void => {
    over = true;
    door.waiting.withdraw(id);
  };
  // The client has begun another way of signing in instead (RFC 4252, section 5.1).
  context.on("abort", () => {
    if (over) return;
    withdraw();
    if (end === null) outcome.waited();
    outcome.done(null, "the client gave the browser's sign-in up");
  });
  context.prompt(
    [],
    TITLE,
    instruction(`${door.origin}${BROWSER_PATH}${id}`, code, door.waiting.waitMs),
    (reply: unknown) => {
      if (gaveUp(reply)) return;
      answered = true;
      settle();
    },
  );
  return withdraw;
}
