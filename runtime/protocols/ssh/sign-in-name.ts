import { err, ok, type Result } from "../../../base/result.ts";
import { SIGN_IN_NAME_CHARS_MAX } from "./limits.ts";

/** Who asks for which target. */
export interface SignInName {
  readonly user: string;
  /** Null when none is named. */
  readonly target: string | null;
}

/** `ana%web01`: the person, and the target behind the last percent sign (a name may be an e-mail address, with `@`). */
export function readSignInName(text: string): Result<SignInName, string> {
  if (text.length > SIGN_IN_NAME_CHARS_MAX) return err(`a name has at most ${SIGN_IN_NAME_CHARS_MAX} characters`);
  if (/[\u0000-\u001f\u007f\ufffd]/.test(text)) return err("a name has no control characters");
  const at = text.lastIndexOf("%");
  const [user, target] = at < 0 ? [text, null] : [text.slice(0, at), text.slice(at + 1)];
  if (user === "" || target === "") return err("sign in as user%target");
  return ok({ user, target });
}
