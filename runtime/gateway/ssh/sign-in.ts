import type { AuthContext, AuthenticationType, PublicKeyAuthContext } from "ssh2";
import { EVERY_PERMIT, judgeKey, type SshIdentity } from "../../identity/index.ts";
import { readSignInName, type SignInName } from "../../protocols/ssh/index.ts";
import { signInByBrowser, tellAndReject } from "./browser.ts";
import type { SshHost } from "./host.ts";
import { SIGN_IN_FAILURES_MAX, SIGN_IN_REQUESTS_MAX } from "./limits.ts";

/** What signing in needs of its connection. */
export interface SignInHost {
  readonly host: SshHost;
  readonly from: string;
  /** Ends the connection. */
  cut(why: string): void;
  /** Time to sign in runs from now on, or stands still while a person is asked elsewhere. */
  timed(runs: boolean): void;
}

/** Finds out who one connection is of. */
export class SshSignIn {
  readonly #parts: SignInHost;
  #requests = 0;
  #failures = 0;
  /** A connection may wait for a browser once. */
  #browserLeft: boolean;
  #withdraw: () => void = () => undefined;
  /** The name as the client gave it; "" before it did. */
  name = "";
  /** What the last try was refused for: told to the record; of keys not to the client. */
  refused = "the client left before it signed in";
  identity: SshIdentity | null = null;
  targetName: string | null = null;

  constructor(parts: SignInHost) {
    this.#parts = parts;
    this.#browserLeft = parts.host.browser !== null;
  }

  /** The connection is over. */
  gone(): void {
    this.#withdraw();
  }

  answer(context: AuthContext): void {
    if (++this.#requests > SIGN_IN_REQUESTS_MAX) {
      this.refused = `more than ${SIGN_IN_REQUESTS_MAX} requests to sign in`;
      return this.#parts.cut(this.refused);
    }
    this.name = context.username;
    const name = readSignInName(context.username);
    if (!name.ok) {
      this.refused = name.error;
      return context.reject(["publickey"]);
    }
    if (context.method === "publickey") return this.#byKey(context, name.value);
    if (context.method !== "keyboard-interactive") return context.reject(["publickey", "keyboard-interactive"]);
    const { browser, parts } = this.#parts.host;
    if (browser === null) {
      // Who has no key is told so, instead of being asked for a password that there is not.
      return tellAndReject(context, "Sign in with an SSH key or certificate that your gateway knows.");
    }
    if (!this.#browserLeft) return tellAndReject(context, "Connect again to sign in by your browser.");
    this.#browserLeft = false;
    if (parts.directory.isHeldOff(`from ${this.#parts.from}`)) {
      this.refused = HELD_OFF;
      return tellAndReject(context, `Too many sign-ins from your address failed. Try again in a minute.`);
    }
    const { timed, from } = this.#parts;
    timed(false);
    const { user, target } = name.value;
    this.#withdraw = signInByBrowser(
      context,
      browser,
      { name: user, target, from },
      {
        waited: () => timed(true),
        done: (found, why) => {
          if (found === null) this.refused = why;
          else {
            this.identity = { ...found, permits: EVERY_PERMIT, proof: "browser" };
            this.targetName = target;
          }
        },
      },
    );
  }

  /** Ways that are left when a key is not taken. */
  #ways(): AuthenticationType[] {
    return this.#browserLeft ? ["publickey", "keyboard-interactive"] : ["publickey"];
  }

  #byKey(context: PublicKeyAuthContext, { user, target }: SignInName): void {
    const { host, from } = this.#parts;
    const { directory, clock, say } = host.parts;
    const { key, signature, blob } = context;
    const { hashAlgo } = context as unknown as { readonly hashAlgo?: string };
    if (directory.isHeldOff(`user ${user}`) || directory.isHeldOff(`from ${from}`)) {
      this.refused = HELD_OFF;
      return context.reject(this.#ways());
    }
    const proof = signature === undefined || blob === undefined ? null : { signature, data: blob };
    let trust;
    try {
      trust = host.ssh.trust();
    } catch (fault) {
      // A list of what was taken back that can't be read may hold the very key that is shown.
      this.refused = `the revocation list can't be read: ${fault instanceof Error ? fault.message : String(fault)}`;
      say(this.refused);
      return context.reject(this.#ways());
    }
    const answer = judgeKey(
      { name: user, algorithm: key.algo, blob: key.data, hash: hashAlgo, proof, address: from, nowMs: clock.now() },
      directory,
      trust,
    );
    if (!answer.ok) {
      this.refused = answer.error;
      if (proof !== null) {
        directory.noteFailure(`user ${user}`);
        directory.noteFailure(`from ${from}`);
        if (++this.#failures >= SIGN_IN_FAILURES_MAX) return this.#parts.cut("too many signatures that do not fit");
      }
      return context.reject(this.#ways());
    }
    if (answer.value.kind === "signed") {
      directory.noteSuccess(`user ${user}`);
      this.identity = answer.value.identity;
      this.targetName = target;
    }
    // For a key that was only shown, this says that it would do, and no more.
    context.accept();
  }
}

const HELD_OFF = "too many failed sign-ins; held off for a minute";
