import { CEDAR_LENGTH_MAX, CEDAR_NESTING_MAX } from "./limits.ts";
import type { CedarExpr, CedarFault, CedarOperator, CedarPolicy, CedarVariable, Place } from "./nodes.ts";

interface Token {
  readonly kind: "word" | "int" | "string" | "mark" | "end";
  readonly text: string;
  readonly at: Place;
}

const TOKEN =
  /(?<space>\s+|\/\/[^\n]*)|(?<word>[A-Za-z_]\w*)|(?<int>\d+)|(?<string>"(?:[^"\\]|\\[^])*")|(?<mark>&&|\|\||==|!=|<=|>=|::|[<>!(){}[\],;:.@?+*-])/y;

/** Ends the reading of one policy; caught by `policies`, and never seen outside. */
class Unreadable extends Error {
  readonly fault: CedarFault;
  constructor(fault: CedarFault) {
    super(fault.message);
    this.fault = fault;
  }
}

const VARIABLES: readonly string[] = ["principal", "action", "resource", "context"];

/**
 * Reads a Cedar file: static policies with the operators of `nodes.ts`. What can't be read is told with its place, and the
 * next policy is read on. Never throws.
 */
export function parseCedar(text: string): {
  readonly policies: readonly CedarPolicy[];
  readonly faults: readonly CedarFault[];
} {
  if (text.length > CEDAR_LENGTH_MAX) {
    const message = `the file has ${text.length} characters; at most ${CEDAR_LENGTH_MAX} are read`;
    return { policies: [], faults: [{ at: { start: 0, end: 1 }, message }] };
  }
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const start = TOKEN.lastIndex;
    const groups = TOKEN.exec(text)?.groups;
    if (groups === undefined) {
      const message = `${JSON.stringify(text[start])} is not part of Cedar`;
      return { policies: [], faults: [{ at: { start, end: start + 1 }, message }] };
    }
    const kind = (["word", "int", "string", "mark"] as const).find((one) => groups[one] !== undefined);
    if (kind !== undefined) tokens.push({ kind, text: groups[kind]!, at: { start, end: TOKEN.lastIndex } });
  }
  tokens.push({ kind: "end", text: "the end of the file", at: { start: text.length, end: text.length } });
  return new Reader(tokens).policies();
}

class Reader {
  readonly #tokens: readonly Token[];
  #next = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  policies(): { readonly policies: readonly CedarPolicy[]; readonly faults: readonly CedarFault[] } {
    const policies: CedarPolicy[] = [];
    const faults: CedarFault[] = [];
    while (!this.#atEnd()) {
      this.#depth = 0;
      try {
        policies.push(this.#policy());
      } catch (fault) {
        if (!(fault instanceof Unreadable)) throw fault;
        faults.push(fault.fault);
        while (!this.#atEnd() && this.#peek.text !== ";") this.#next++;
        this.#take(";");
      }
    }
    return { policies, faults };
  }

  #atEnd(): boolean {
    return this.#peek.kind === "end";
  }

  get #peek(): Token {
    return this.#tokens[this.#next]!;
  }

  #fail(message: string, at = this.#peek.at): never {
    throw new Unreadable({ at, message });
  }

  /** Steps over a mark or word when it is next. */
  #take(text: string): boolean {
    const { kind, text: found } = this.#peek;
    if ((kind !== "mark" && kind !== "word") || found !== text) return false;
    this.#next++;
    return true;
  }

  #expect(text: string): Token {
    const token = this.#peek;
    if (!this.#take(text)) this.#fail(`expected ${text}, found ${token.text}`);
    return token;
  }

  #of(kind: Token["kind"], what: string): Token {
    const token = this.#peek;
    if (token.kind !== kind) this.#fail(`expected ${what}, found ${token.text}`);
    this.#next++;
    return token;
  }

  #policy(): CedarPolicy {
    const { start } = this.#peek.at;
    const annotations: { key: string; value: string }[] = [];
    while (this.#take("@")) {
      const key = this.#of("word", "the name of an annotation").text;
      let value = "";
      if (this.#take("(")) {
        value = this.#text(this.#of("string", "a text"));
        this.#expect(")");
      }
      annotations.push({ key, value });
    }
    const effect = this.#take("permit") ? "permit" : this.#take("forbid") ? "forbid" : null;
    if (effect === null) this.#fail(`expected permit or forbid, found ${this.#peek.text}`);
    this.#expect("(");
    const head = [this.#scope("principal")];
    this.#expect(",");
    head.push(this.#scope("action"));
    this.#expect(",");
    head.push(this.#scope("resource"));
    this.#take(",");
    this.#expect(")");
    const when: CedarExpr[] = [];
    const unless: CedarExpr[] = [];
    while (this.#peek.text !== ";") {
      const into = this.#take("when") ? when : this.#take("unless") ? unless : null;
      if (into === null) this.#fail(`expected when, unless or ;, found ${this.#peek.text}`);
      this.#expect("{");
      into.push(this.#expression());
      this.#expect("}");
    }
    const { end } = this.#expect(";").at;
    return { effect, annotations, head: head.filter((one) => one !== null), when, unless, at: { start, end } };
  }

  /** `principal`, `principal == X`, `principal in X`, `principal is T`, `principal is T in X`. */
  #scope(name: CedarVariable): CedarExpr | null {
    const { at } = this.#expect(name);
    if (this.#peek.text === "," || this.#peek.text === ")") return null;
    return this.#relation({ kind: "variable", name, at });
  }

  #expression(): CedarExpr {
    if (++this.#depth > CEDAR_NESTING_MAX) this.#fail(`nested more than ${CEDAR_NESTING_MAX} deep`);
    const { at } = this.#peek;
    let found: CedarExpr;
    if (this.#take("if")) {
      const test = this.#expression();
      this.#expect("then");
      const then = this.#expression();
      this.#expect("else");
      const otherwise = this.#expression();
      found = { kind: "if", test, then, otherwise, at: { start: at.start, end: otherwise.at.end } };
    } else found = this.#chain("||", () => this.#chain("&&", () => this.#relation(this.#arithmetic())));
    this.#depth--;
    return found;
  }

  #chain(op: "&&" | "||", operand: () => CedarExpr): CedarExpr {
    let left = operand();
    while (this.#take(op)) left = this.#binary(op, left, operand());
    return left;
  }

  #binary(op: CedarOperator, left: CedarExpr, right: CedarExpr): CedarExpr {
    return { kind: "binary", op, left, right, at: { start: left.at.start, end: right.at.end } };
  }

  #relation(of: CedarExpr): CedarExpr {
    const at = (end: number): Place => ({ start: of.at.start, end });
    if (this.#take("has")) {
      const first = this.#peek;
      if (first.kind === "string") {
        this.#next++;
        return { kind: "has", of, names: [this.#text(first)], at: at(first.at.end) };
      }
      const names: string[] = [];
      do names.push(this.#of("word", "an attribute").text);
      while (this.#take("."));
      return { kind: "has", of, names, at: at(this.#tokens[this.#next - 1]!.at.end) };
    }
    if (this.#take("like")) {
      const token = this.#of("string", "a pattern");
      return { kind: "like", of, parts: this.#pattern(token), at: at(token.at.end) };
    }
    if (this.#take("is")) {
      const type = this.#path();
      const within = this.#take("in") ? this.#arithmetic() : null;
      return { kind: "is", of, type, within, at: at(this.#tokens[this.#next - 1]!.at.end) };
    }
    for (const op of ["==", "!=", "<=", ">=", "<", ">", "in"] as const)
      if (this.#take(op)) return this.#binary(op, of, this.#arithmetic());
    return of;
  }

  #arithmetic(): CedarExpr {
    const found = this.#unary();
    if (["+", "-", "*"].includes(this.#peek.text)) this.#fail("arithmetic is not in the fragment that is imported");
    return found;
  }

  #unary(): CedarExpr {
    const { start } = this.#peek.at;
    if (this.#take("!")) {
      if (++this.#depth > CEDAR_NESTING_MAX) this.#fail(`nested more than ${CEDAR_NESTING_MAX} deep`);
      const operand = this.#unary();
      this.#depth--;
      return { kind: "not", operand, at: { start, end: operand.at.end } };
    }
    if (this.#take("-")) {
      const token = this.#of("int", "a number");
      return { kind: "int", value: -this.#int(token), at: { start, end: token.at.end } };
    }
    return this.#member();
  }

  #member(): CedarExpr {
    let found = this.#primary();
    for (;;) {
      const { start } = found.at;
      if (this.#take("[")) {
        const token = this.#of("string", "an attribute in quotes");
        const { end } = this.#expect("]").at;
        found = { kind: "attribute", of: found, name: this.#text(token), at: { start, end } };
      } else if (this.#take(".")) {
        const { text: name, at } = this.#of("word", "an attribute");
        if (this.#take("(")) {
          const args = this.#list(")");
          found = { kind: "method", of: found, name, args, at: { start, end: this.#tokens[this.#next - 1]!.at.end } };
        } else found = { kind: "attribute", of: found, name, at: { start, end: at.end } };
      } else return found;
    }
  }

  #list(close: string): readonly CedarExpr[] {
    const items: CedarExpr[] = [];
    while (!this.#take(close)) {
      if (items.length > 0) this.#expect(",");
      if (items.length > 0 && this.#take(close)) break;
      items.push(this.#expression());
    }
    return items;
  }

  #primary(): CedarExpr {
    const token = this.#peek;
    const { at } = token;
    if (token.kind === "int") {
      this.#next++;
      return { kind: "int", value: this.#int(token), at };
    }
    if (token.kind === "string") {
      this.#next++;
      return { kind: "string", value: this.#text(token), at };
    }
    if (this.#take("(")) {
      const inner = this.#expression();
      this.#expect(")");
      return inner;
    }
    if (this.#take("[")) {
      const items = this.#list("]");
      return { kind: "set", items, at: { start: at.start, end: this.#tokens[this.#next - 1]!.at.end } };
    }
    if (token.text === "{") this.#fail("records are not in the fragment that is imported");
    if (token.text === "?") this.#fail("templates are not in the fragment that is imported");
    if (token.kind !== "word") this.#fail(`expected an expression, found ${token.text}`);
    if (this.#take("true")) return { kind: "bool", value: true, at };
    if (this.#take("false")) return { kind: "bool", value: false, at };
    const after = this.#tokens[this.#next + 1]!.text;
    if (VARIABLES.includes(token.text) && after !== "::") {
      this.#next++;
      return { kind: "variable", name: token.text as CedarVariable, at };
    }
    const parts = [this.#of("word", "a name").text];
    while (this.#take("::")) {
      const last = this.#peek;
      if (last.kind === "string") {
        this.#next++;
        const place = { start: at.start, end: last.at.end };
        return { kind: "entity", type: parts.join("::"), id: this.#text(last), at: place };
      }
      parts.push(this.#of("word", "a name").text);
    }
    if (!this.#take("(")) this.#fail(`${parts.join("::")} means nothing here`, at);
    const args = this.#list(")");
    const place = { start: at.start, end: this.#tokens[this.#next - 1]!.at.end };
    return { kind: "call", name: parts.join("::"), args, at: place };
  }

  #path(): string {
    const parts = [this.#of("word", "a type").text];
    while (this.#take("::")) parts.push(this.#of("word", "a type").text);
    return parts.join("::");
  }

  #int(token: Token): number {
    const value = Number(token.text);
    if (!Number.isSafeInteger(value)) this.#fail(`${token.text} is larger than numbers may be`, token.at);
    return value;
  }

  #text(token: Token): string {
    return this.#pieces(token, false)[0]!;
  }

  /** A pattern's texts between its stars; `\*` is a star itself. */
  #pattern(token: Token): readonly string[] {
    return this.#pieces(token, true);
  }

  #pieces(token: Token, stars: boolean): readonly string[] {
    const pieces = [""];
    const add = (text: string): void => {
      pieces[pieces.length - 1] += text;
    };
    const body = token.text.slice(1, -1);
    const part = /\\(u\{([0-9a-fA-F]{1,6})\}|x([0-7][0-9a-fA-F])|[^])|([^\\])/gy;
    for (const { 0: whole, 1: escape, 2: wide, 3: narrow, 4: plain } of body.matchAll(part)) {
      if (plain !== undefined) {
        if (stars && plain === "*") pieces.push("");
        else add(plain);
        continue;
      }
      const hex = wide ?? narrow;
      const simple: Readonly<Record<string, string>> = {
        n: "\n",
        r: "\r",
        t: "\t",
        "0": "\0",
        "\\": "\\",
        '"': '"',
        "'": "'",
      };
      const code = hex === undefined ? null : Number.parseInt(hex, 16);
      if (code !== null && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff)) add(String.fromCodePoint(code));
      else if (code === null && Object.hasOwn(simple, escape!)) add(simple[escape!]!);
      else if (stars && escape === "*") add("*");
      else this.#fail(`${whole} is not an escape of Cedar`, token.at);
    }
    return pieces;
  }
}
