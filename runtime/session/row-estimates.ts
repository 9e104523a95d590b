import type { AnalysedStatement } from "../facts/index.ts";
import type { SqlClass, SqlKind } from "../../spec/contract/facts/index.ts";
import type { AskTarget } from "./ask-target.ts";

/** What has a plan and does nothing when it is planned. */
const PLANNED: ReadonlySet<SqlKind> = new Set<SqlKind>([
  "select",
  "values",
  "table",
  "insert",
  "update",
  "delete",
  "merge",
]);

const ROWLESS: ReadonlySet<SqlClass> = new Set<SqlClass>(["transaction", "session"]);

/** The planner is not waited for longer than this: what it would say is unknown then. */
const PLAN_MS = 1_000;

/**
 * Asks a target's planner how many rows a statement would touch, over a connection of the gateway's own and without running
 * it. Functions that the analysis does not know may run while a statement is planned, so such a statement is not asked about.
 */
export class RowEstimates {
  readonly #ask: AskTarget;

  constructor(ask: AskTarget) {
    this.#ask = ask;
  }

  /**
   * The most rows that any step of the plan is expected to give; null when the planner can't tell, or can't be asked, and
   * undefined for what touches no rows at all (SET, BEGIN).
   *
   * @param text of this statement alone, UTF-8
   * @param path the schemas of the session's search path, in order; null when they are not known
   * @param parameters how many it has. What they are is not sent along: the plan is one for any.
   */
  async of(
    statement: AnalysedStatement,
    text: Uint8Array,
    path: readonly string[] | null,
    parameters: number,
  ): Promise<number | null | undefined> {
    const { executes, fetches } = statement.effects;
    const runsNone = executes === null && fetches === null;
    if (runsNone && statement.units.every((unit) => ROWLESS.has(unit.class))) return undefined;
    const plain = statement.units.every((unit) => PLANNED.has(unit.kind)) && statement.inner === null;
    if (!plain || path === null || statement.opaque.length > 0 || statement.reachesAnything) return null;
    const schemas = path.map((name) => `"${name.replaceAll('"', '""')}"`).join(", ");
    const given = parameters === 0 ? "" : `(${Array.from({ length: parameters }, () => "null").join(", ")})`;
    try {
      const rows = await this.#ask(
        "begin read only",
        `set local statement_timeout = ${PLAN_MS}`,
        `set local lock_timeout = ${PLAN_MS}`,
        `set local search_path = ${schemas === "" ? "''" : schemas}`,
        "set local plan_cache_mode = force_generic_plan",
        `prepare planned as ${Buffer.from(text).toString("utf8")}`,
        `explain (format json) execute planned${given}`,
        // It would outlive the transaction.
        "deallocate planned",
        "rollback",
      );
      return mostRows(rows.map(([line]) => line ?? "").join("\n"));
    } catch {
      return null;
    }
  }
}

interface Plan {
  readonly "Plan Rows"?: unknown;
  readonly Plans?: readonly Plan[];
}

/** Of EXPLAIN's JSON. Null when it is not of that form. */
export function mostRows(explained: string): number | null {
  let read: unknown;
  try {
    read = JSON.parse(explained);
  } catch {
    return null;
  }
  const [first] = Array.isArray(read) ? (read as readonly { readonly Plan?: Plan }[]) : [];
  if (first?.Plan === undefined) return null;
  let most: number | null = null;
  const open: Plan[] = [first.Plan];
  for (let plan = open.pop(); plan !== undefined; plan = open.pop()) {
    const rows = plan["Plan Rows"];
    if (typeof rows !== "number") return null;
    most = Math.max(most ?? 0, rows);
    open.push(...(plan.Plans ?? []));
  }
  return most;
}
