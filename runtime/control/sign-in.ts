import type { IncomingMessage } from "node:http";
import { err, ok, type Result } from "../../base/result.ts";
import type { Directory, Identity } from "../identity/index.ts";
import { AUTHORIZATION_CHARS_MAX, CHECKS_AT_ONCE_MAX } from "./limits.ts";
import { problem, type Problem } from "./problem.ts";

const unauthorised = (detail: string): Problem => problem(401, "unauthenticated", "Sign in", detail);
const WRONG = unauthorised("The user or the password is wrong.");

/**
 * Who sends a request: HTTP Basic against the directory's verifiers, or a Bearer token of a configured issuer. A name with
 * too many failures waits, whether or not anybody has it.
 */
export class SignIn {
  readonly #directory: Directory;
  #checking = 0;

  constructor(directory: Directory) {
    this.#directory = directory;
  }

  async identify(request: IncomingMessage): Promise<Result<Identity, Problem>> {
    const header = request.headers.authorization;
    if (header === undefined) return err(unauthorised("Send your user and password (Basic) or a token (Bearer)."));
    if (header.length > AUTHORIZATION_CHARS_MAX) return err(unauthorised("The Authorization header is too long."));
    const match = /^(basic|bearer) +([\x21-\x7e]+) *$/i.exec(header);
    if (match === null) return err(unauthorised("The Authorization header is neither Basic nor Bearer."));
    return match[1]!.toLowerCase() === "bearer" ? this.#token(match[2]!) : this.#password(match[2]!);
  }

  async #token(token: string): Promise<Result<Identity, Problem>> {
    if (!this.#directory.takesTokens) return err(unauthorised("No issuer of tokens is configured."));
    const found = await this.#directory.byToken(null, token);
    return found.ok ? found : err(unauthorised(`The token is not taken: ${found.error}.`));
  }

  async #password(encoded: string): Promise<Result<Identity, Problem>> {
    const pair = Buffer.from(encoded, "base64").toString("utf8");
    const colon = pair.indexOf(":");
    if (colon <= 0) return err(unauthorised("The Basic credentials are not user:password in base64."));
    const name = pair.slice(0, colon);
    const key = `control user ${name}`;
    if (this.#directory.isHeldOff(key)) {
      return err(
        problem(
          429,
          "held-off",
          "Too many failures",
          "Too many wrong passwords for this user. Wait a minute and try again.",
        ),
      );
    }
    if (this.#checking >= CHECKS_AT_ONCE_MAX)
      return err(problem(503, "busy", "Busy", "Too many sign-ins at once. Try again."));
    this.#checking++;
    try {
      const identity = await this.#directory.checkPassword(name, pair.slice(colon + 1));
      if (identity === null) {
        this.#directory.noteFailure(key);
        return err(WRONG);
      }
      this.#directory.noteSuccess(key);
      return ok(identity);
    } finally {
      this.#checking--;
    }
  }
}
