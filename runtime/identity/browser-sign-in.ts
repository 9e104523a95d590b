import { err, ok, type Result } from "../../base/result.ts";
import type { Clock, Random } from "../outside/index.ts";
import type { Identity } from "./directory.ts";
import { BROWSER_SIGN_IN_FAILURES_MAX, BROWSER_SIGN_INS_MAX, BROWSER_SIGN_INS_OF_ADDRESS_MAX } from "./limits.ts";

/** What a connection of another protocol asks a browser to vouch for. */
export interface SignInAsked {
  readonly name: string;
  readonly target: string | null;
  /** Address of the connection. */
  readonly from: string;
}

export interface WaitingSignIn extends SignInAsked {
  /** Part of the link's address; whoever has it may look at the page. */
  readonly id: string;
  /** Shown at both ends, for the person to compare. No secret. */
  readonly code: string;
  readonly expiresAt: number;
}

/** How it ended. Told once, to the connection that asked, and only while it is there. */
export type SignInEnd =
  { readonly kind: "confirmed"; readonly identity: Identity } | { readonly kind: "refused"; readonly why: string };

interface Waiting {
  readonly shown: WaitingSignIn;
  readonly end: (how: SignInEnd) => void;
  readonly stopTimer: () => void;
  failures: number;
}

const OVER = "the sign-in is over";
const ID_BYTES = 16;
/** Consonants that are not taken for others or for digits: no words, and 34 bits. */
const LETTERS = "BCDFGHJKLMNPQRSTVWXZ";
const CODE_LETTERS = 8;

/**
 * Sign-ins that wait for their person to confirm them in a browser. Each belongs to one connection, ends once, and is gone
 * with its connection; nothing of them outlives the process.
 */
export class BrowserSignIns {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #waitMs: number;
  readonly #waiting = new Map<string, Waiting>();

  constructor(clock: Clock, random: Random, waitMs: number) {
    this.#clock = clock;
    this.#random = random;
    this.#waitMs = waitMs;
  }

  get waitMs(): number {
    return this.#waitMs;
  }

  /**
   * @param end called once, unless it is withdrawn before
   * @returns what to show, or why it can't wait
   */
  begin(asked: SignInAsked, end: (how: SignInEnd) => void): Result<WaitingSignIn, string> {
    let ofAddress = 0;
    for (const { shown } of this.#waiting.values()) if (shown.from === asked.from) ofAddress++;
    if (ofAddress >= BROWSER_SIGN_INS_OF_ADDRESS_MAX)
      return err("too many sign-ins from your address wait for a browser already");
    if (this.#waiting.size >= BROWSER_SIGN_INS_MAX) return err("too many sign-ins wait for a browser already");
    const id = this.#random.bytes(ID_BYTES).toString("base64url");
    const expiresAt = this.#clock.now() + this.#waitMs;
    const shown: WaitingSignIn = { ...asked, id, code: this.#code(), expiresAt };
    const stopTimer = this.#clock.after(this.#waitMs, () =>
      this.#end(id, { kind: "refused", why: "nobody confirmed it in the browser in time" }),
    );
    this.#waiting.set(id, { shown, end, stopTimer, failures: 0 });
    return ok(shown);
  }

  #code(): string {
    let code = "";
    while (code.length < CODE_LETTERS)
      // The last, smaller part of a byte's range would make some letters more likely.
      for (const byte of this.#random.bytes(CODE_LETTERS))
        if (byte < 240 && code.length < CODE_LETTERS) code += LETTERS[byte % LETTERS.length]!;
    return `${code.slice(0, 4)}-${code.slice(4)}`;
  }

  find(id: string): WaitingSignIn | null {
    return this.#waiting.get(id)?.shown ?? null;
  }

  /** Who has signed in in the browser says that the connection is theirs. Answers why it is not taken, or null. */
  confirm(id: string, identity: Identity): string | null {
    const found = this.#waiting.get(id);
    if (found === undefined) return OVER;
    if (found.shown.name !== identity.name) {
      this.noteFailure(id);
      return `the sign-in is of another name than ${identity.name}`;
    }
    this.#end(id, { kind: "confirmed", identity });
    return null;
  }

  /** Answers why there is nothing to deny, or null. */
  deny(id: string): string | null {
    return this.#end(id, { kind: "refused", why: "it was denied in the browser" }) ? null : OVER;
  }

  /** Somebody was wrong about who they are; too often, and the sign-in ends. */
  noteFailure(id: string): void {
    const found = this.#waiting.get(id);
    if (found === undefined || ++found.failures < BROWSER_SIGN_IN_FAILURES_MAX) return;
    this.#end(id, { kind: "refused", why: "too many wrong passwords or people in the browser" });
  }

  /** The connection is gone, and nobody is to be told. */
  withdraw(id: string): void {
    this.#take(id);
  }

  #take(id: string): Waiting | undefined {
    const found = this.#waiting.get(id);
    this.#waiting.delete(id);
    found?.stopTimer();
    return found;
  }

  /** False when it had ended before. */
  #end(id: string, how: SignInEnd): boolean {
    const found = this.#take(id);
    found?.end(how);
    return found !== undefined;
  }
}
