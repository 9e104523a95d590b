import { isAlias, isMap, isScalar, isSeq, type Document, type LineCounter, type Node } from "yaml";
import { listing, nearest } from "../../base/text.ts";

export interface ConfigError {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** Reads fields of a mapping one by one; what was asked for is known, the rest is an error. */
export class ConfigReader {
  readonly #document: Document;
  readonly #lines: LineCounter;
  readonly errors: ConfigError[] = [];

  constructor(document: Document, lines: LineCounter) {
    this.#document = document;
    this.#lines = lines;
  }

  fail(node: unknown, message: string): void {
    const range = (node as Node | null)?.range ?? (this.#document.contents as Node | null)?.range;
    const { line, col } = this.#lines.linePos(range?.[0] ?? 0);
    this.errors.push({ line: Math.max(1, line), column: Math.max(1, col), message });
  }

  /** The fields of a mapping; unknown ones are told. */
  map(node: unknown, where: string, known: readonly string[]): ReadonlyMap<string, unknown> {
    const fields = new Map<string, unknown>();
    if (!isMap(node)) {
      this.fail(node, `${where} must be a mapping with ${listing(known, "and")}`);
      return fields;
    }
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? String(key.value) : "";
      if (known.length > 0 && !known.includes(name)) {
        const near = nearest(name, known);
        this.fail(
          key,
          `${where} has no setting ${JSON.stringify(name)}${near === undefined ? `; it takes ${listing(known, "and")}` : `; did you mean ${near}?`}`,
        );
      } else if (isAlias(value)) this.fail(value, "aliases are not read");
      else fields.set(name, value);
    }
    return fields;
  }

  list(node: unknown, where: string): readonly unknown[] {
    if (node === undefined) return [];
    if (isSeq(node)) return node.items;
    this.fail(node, `${where} must be a list`);
    return [];
  }

  text(node: unknown, where: string, fallback?: string): string {
    if (node === undefined && fallback !== undefined) return fallback;
    if (isScalar(node) && typeof node.value === "string" && node.value !== "") return node.value;
    // As it is written: 1.10 is not 1.1, and 007 is not 7.
    if (isScalar(node) && typeof node.value === "number") return node.source ?? String(node.value);
    this.fail(node, node === undefined ? `${where} is missing` : `${where} must be a text`);
    return "";
  }

  /** A mapping from any name to a text; none when it is not there. */
  texts(node: unknown, where: string): Readonly<Record<string, string>> {
    const texts: Record<string, string> = {};
    if (node === undefined) return texts;
    for (const [key, value] of this.map(node, where, [])) texts[key] = this.text(value, `${where}.${key}`);
    return texts;
  }

  int(node: unknown, where: string, fallback: number, min: number, max: number): number {
    if (node === undefined) return fallback;
    const value = isScalar(node) ? node.value : undefined;
    if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) return value;
    this.fail(node, `${where} must be a whole number from ${min} to ${max}`);
    return fallback;
  }

  bool(node: unknown, where: string, fallback: boolean): boolean {
    if (node === undefined) return fallback;
    if (isScalar(node) && typeof node.value === "boolean") return node.value;
    this.fail(node, `${where} must be true or false`);
    return fallback;
  }

  choice<const T extends string>(node: unknown, where: string, choices: readonly T[], fallback: T): T {
    if (node === undefined) return fallback;
    const value = isScalar(node) ? node.value : undefined;
    const found = choices.find((choice) => choice === value);
    if (found !== undefined) return found;
    this.fail(node, `${where} must be ${listing(choices)}`);
    return fallback;
  }

  /** `host:port`, `[v6]:port`. */
  address(node: unknown, where: string): { host: string; port: number } {
    const text = this.text(node, where);
    const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text);
    const port = Number(match?.[3]);
    if (match === null || port > 65535) {
      if (text !== "") this.fail(node, `${where} must be host:port, such as 127.0.0.1:6432`);
      return { host: "", port: 0 };
    }
    return { host: match[1] ?? match[2]!, port };
  }
}
