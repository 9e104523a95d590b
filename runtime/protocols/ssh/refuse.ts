import type { Refusal } from "../protocol.ts";

/** What a command ends with that was not run: as a shell says of one that may not be run. */
export const REFUSED_STATUS = 126;

/** A refusal in lines for a terminal or a log. Control characters of foreign text are shown, not obeyed. */
export function refusalText(refusal: Refusal, pty: boolean): string {
  return linesText([refusal.message, refusal.detail, refusal.hint], pty);
}

export function linesText(lines: readonly (string | undefined)[], pty: boolean): string {
  const end = pty ? "\r\n" : "\n";
  return lines
    .filter((line) => line !== undefined)
    .map((line) => visible(line) + end)
    .join("");
}

const visible = (text: string): string =>
  text.replace(
    /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
