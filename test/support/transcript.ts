import { message } from "../../runtime/protocols/postgres/messages.ts";

/** One message of a recorded conversation, without its length. */
export interface Line {
  readonly from: "C" | "S";
  readonly type: string;
  readonly body: Buffer;
}

/** A message as a line of text: who, what, and the body with everything but printable ASCII escaped. */
export function writeLine({ from, type, body }: Line): string {
  let text = "";
  for (const byte of body) {
    if (byte === 0x5c) text += "\\\\";
    else if (byte >= 0x20 && byte < 0x7f) text += String.fromCharCode(byte);
    else text += `\\x${byte.toString(16).padStart(2, "0")}`;
  }
  return `${from} ${type} |${text}|`;
}

/** Reads what `writeLine` wrote; comments and empty lines are passed over. */
export function readTranscript(text: string): readonly Line[] {
  return text.split("\n").flatMap((line): Line[] => {
    if (line === "" || line.startsWith("#")) return [];
    const match = /^([CS]) (.) \|(.*)\|$/.exec(line);
    if (match === null) throw new Error(`not a line of a transcript: ${line}`);
    const body = match[3]!.replaceAll(/\\(\\|x([0-9a-f]{2}))/g, (_whole, kind: string, hex?: string) =>
      kind === "\\" ? "\\" : String.fromCharCode(Number.parseInt(hex!, 16)),
    );
    return [{ from: match[1] as Line["from"], type: match[2]!, body: Buffer.from(body, "latin1") }];
  });
}

export const bytesOf = ({ type, body }: Line): Buffer => message(type.charCodeAt(0), body);
