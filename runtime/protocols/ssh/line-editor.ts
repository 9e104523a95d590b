import { StringDecoder } from "node:string_decoder";
import { HISTORY_MAX, LINE_CHARS_MAX } from "./limits.ts";

/** What came of what was typed. */
export type Typed =
  | { readonly kind: "line"; readonly text: string }
  /** Ctrl-C: the line is dropped. */
  | { readonly kind: "interrupt" }
  /** Ctrl-D on an empty line, or the end of what is typed. */
  | { readonly kind: "end" };

/**
 * The line that is typed at the gateway's own prompt. What is shown is what will be decided: there is no completion and no
 * expansion, and a line break is the end of a line, pasted ones too. Without a terminal nothing is echoed.
 */
export class LineEditor {
  readonly #echo: ((text: string) => void) | null;
  readonly #decoder = new StringDecoder("utf8");
  readonly #history: string[] = [];
  #line = "";
  /** Place in the history while it is looked through. */
  #place = 0;
  #escape = "";
  #rest = "";
  #afterReturn = false;

  /** @param echo shows text on the client's terminal; null when it has none */
  constructor(echo: ((text: string) => void) | null) {
    this.#echo = echo;
  }

  push(bytes: Buffer): void {
    this.#rest += this.#decoder.write(bytes);
  }

  /** The next thing that was typed; null when more must come first. */
  next(): Typed | null {
    while (this.#rest !== "") {
      const character = String.fromCodePoint(this.#rest.codePointAt(0)!);
      this.#rest = this.#rest.slice(character.length);
      const typed = this.#character(character);
      if (typed !== null) return typed;
    }
    return null;
  }

  /** No more will be typed: a line without an end is a line. */
  finish(): Typed {
    if (this.#line === "") return { kind: "end" };
    return this.#enter();
  }

  #enter(): Typed {
    const text = this.#line;
    this.#line = "";
    this.#echo?.("\r\n");
    if (text.trim() !== "" && this.#history.at(-1) !== text) this.#history.push(text);
    if (this.#history.length > HISTORY_MAX) this.#history.shift();
    this.#place = this.#history.length;
    return { kind: "line", text };
  }

  #character(character: string): Typed | null {
    const afterReturn = this.#afterReturn;
    this.#afterReturn = false;
    if (this.#escape !== "") return this.#inEscape(character);
    switch (character) {
      case "\r":
        this.#afterReturn = true;
        return this.#enter();
      case "\n":
        return afterReturn ? null : this.#enter();
      case "\u0003":
        this.#line = "";
        this.#echo?.("^C\r\n");
        return { kind: "interrupt" };
      case "\u0004":
        return this.#line === "" ? { kind: "end" } : null;
      case "\u007f":
      case "\b":
        this.#replace(Array.from(this.#line).slice(0, -1).join(""));
        return null;
      case "\u0015":
        this.#replace("");
        return null;
      case "\u0017":
        this.#replace(this.#line.replace(/\S+\s*$/, ""));
        return null;
      case "\u001b":
        this.#escape = character;
        return null;
      case "\t":
        this.#add(" ");
        return null;
      default:
        // Other control characters would show another line than the one that runs.
        if (character >= " " && !/[\u0080-\u009f\u202a-\u202e\u2066-\u2069\ufffd]/.test(character))
          this.#add(character);
        return null;
    }
  }

  #add(text: string): void {
    if (this.#line.length + text.length > LINE_CHARS_MAX) return;
    this.#line += text;
    this.#echo?.(text);
  }

  #inEscape(character: string): null {
    this.#escape += character;
    if (this.#escape === "\u001b[" || this.#escape === "\u001bO" || /[0-9;]/.test(character)) {
      if (this.#escape.length > 16) this.#escape = "";
      return null;
    }
    const which = character;
    this.#escape = "";
    if (which === "A" || which === "B") {
      this.#place = Math.min(this.#history.length, Math.max(0, this.#place + (which === "A" ? -1 : 1)));
      this.#replace(this.#history[this.#place] ?? "");
    }
    return null;
  }

  #replace(line: string): void {
    const width = Array.from(this.#line).length;
    this.#echo?.("\b \b".repeat(width) + line);
    this.#line = line;
  }
}
