import { readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Catalog } from "../../../runtime/facts/index.ts";
import { catalogFromSchema } from "../../../runtime/facts/sql/offline.ts";
import type { Io } from "../../io.ts";

/** The parser takes no empty text. */
const EMPTY_SCHEMA = "create schema public";
const SCHEMA_BYTES_MAX = 16 * 1024 * 1024;

/** Catalogs of schema files, each read once. */
export class Schemas {
  readonly #io: Io;
  readonly #known = new Map<string, Catalog | string>();

  constructor(io: Io) {
    this.#io = io;
  }

  /** `name` is looked up beside the policy file that names it. Answers what is wrong when it can't be read. */
  of(name: string | null, policyFile: string): Catalog | string {
    if (name === null) return this.#read("", EMPTY_SCHEMA);
    const path = resolve(this.#io.cwd, dirname(policyFile), name);
    const known = this.#known.get(path);
    if (known !== undefined) return known;
    let text: string;
    try {
      if (statSync(path).size > SCHEMA_BYTES_MAX)
        return `schema ${name} is larger than ${SCHEMA_BYTES_MAX} bytes; keep the tables that the policy speaks of`;
      text = readFileSync(path, "utf8");
    } catch {
      return `schema ${name} can't be read; it is looked up beside the policy file`;
    }
    return this.#read(path, text);
  }

  #read(path: string, text: string): Catalog | string {
    const known = this.#known.get(path);
    if (known !== undefined) return known;
    const made = catalogFromSchema(text);
    const found =
      "kind" in made ? `the schema can't be read: ${made.kind === "syntax" ? made.message : made.kind}` : made;
    this.#known.set(path, found);
    return found;
  }
}
