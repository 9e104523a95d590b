import type { AnalysedStatement } from "../../facts/index.ts";
import type { TextMemo } from "../protocol.ts";
import type { Described, Expect } from "./expect.ts";
import { PORTALS_MAX, STATEMENTS_MAX } from "./limits.ts";

/** A prepared statement. Those of the protocol keep their text and are analysed again each time they run. */
export interface Prepared extends Described {
  readonly text: Buffer | null;
  /** The text that the server has instead of it; null when that is `text` itself. */
  readonly sent?: Buffer | null;
  readonly memo: TextMemo | null;
  /** For SQL's PREPARE: the statement inside, and its text, which is analysed again each time it runs. */
  readonly statement: AnalysedStatement | null;
  readonly innerText: Buffer | null;
  /** The message that made it, until the server has answered. */
  readonly madeBy: Expect;
}

/** A portal of the protocol, or a cursor that SQL declared: PostgreSQL keeps both under one roof. */
export interface Portal extends Described {
  readonly prepared: Prepared | null;
  readonly parameters: readonly (Buffer | null)[];
  readonly parameterFormats: readonly number[];
  /** Declared by SQL: it may outlive its transaction. */
  readonly declared: AnalysedStatement | null;
  readonly madeBy: Expect;
}

type Undo = () => void;

/**
 * The session's names as the server has them. A change is noted when it is sent and taken back when the server turns out
 * not to have made it, so that a name never stands for another statement here than there.
 */
export class Names {
  readonly #statements = new Map<string, Prepared>();
  readonly #portals = new Map<string, Portal>();

  statement(name: string): Prepared | undefined {
    return this.#statements.get(name);
  }

  portal(name: string): Portal | undefined {
    return this.#portals.get(name);
  }

  get statementsFull(): boolean {
    return this.#statements.size >= STATEMENTS_MAX;
  }

  get portalsFull(): boolean {
    return this.#portals.size >= PORTALS_MAX;
  }

  setStatement(name: string, prepared: Prepared): Undo {
    // The server drops the unnamed statement before it looks at the new one, or skips the new one: it may be either, so
    // neither is given back.
    return put(this.#statements, name, prepared, name === "");
  }

  setPortal(name: string, portal: Portal): Undo {
    return put(this.#portals, name, portal, false);
  }

  dropStatement(name: string): Undo {
    return drop(this.#statements, name);
  }

  dropPortal(name: string): Undo {
    return drop(this.#portals, name);
  }

  /** What it stands for is not known any more: whoever uses it is refused until it is made anew. */
  forget(what: "statement" | "portal", name: string): void {
    (what === "statement" ? this.#statements : this.#portals).delete(name);
  }

  /** DEALLOCATE ALL, DISCARD ALL: after the server confirmed it. */
  dropAllStatements(): void {
    this.#statements.clear();
  }

  dropAllPortals(): void {
    this.#portals.clear();
  }

  /** Outside a transaction only cursors that SQL declared can still be open. */
  transactionEnded(): void {
    if (this.#portals.size === 0) return;
    for (const [name, portal] of this.#portals) if (portal.declared === null) this.#portals.delete(name);
  }
}

function put<T>(map: Map<string, T>, name: string, value: T, forgetOld: boolean): Undo {
  const old = map.get(name);
  map.set(name, value);
  return () => {
    if (map.get(name) !== value) return;
    if (old === undefined || forgetOld) map.delete(name);
    else map.set(name, old);
  };
}

function drop<T>(map: Map<string, T>, name: string): Undo {
  const old = map.get(name);
  map.delete(name);
  return () => {
    if (old !== undefined && !map.has(name)) map.set(name, old);
  };
}
