import { ABSENT, UNKNOWN, type FactValue } from "../../spec/contract/facts/index.ts";
import type { UnitFacts } from "../facts/index.ts";

/** What holds for one execution of a message, beside the facts of its statements. */
export interface ExecutionFacts {
  readonly nowMs: number;
  readonly startedMs: number;
  readonly inTransaction: boolean;
  readonly prepared: boolean;
  readonly statementCount: number;
  /** What the planner expects; null where it was asked and can't tell, missing where it was not asked. */
  readonly estimatedRows?: number | null;
  /** In text form; null until the statement is executed. */
  readonly parameters: readonly string[] | null;
}

const setOrUnknown = (items: readonly string[] | null): FactValue => (items === null ? UNKNOWN : new Set(items));

/** The facts of one SQL statement under their paths. */
export function sqlFactReader(unit: UnitFacts, execution: ExecutionFacts): (path: string) => FactValue | undefined {
  return (path) => {
    switch (path) {
      case "statement.kind":
        return unit.kind;
      case "statement.kinds":
        return new Set(unit.kinds);
      case "statement.class":
        return unit.class;
      case "statement.read_only":
        return unit.readOnly;
      case "statement.writes":
        return unit.writes;
      case "statement.filtered":
        return unit.filtered;
      case "statement.row_limit":
        return unit.rowLimit ?? ABSENT;
      case "statement.schemas":
        return setOrUnknown(unit.schemas);
      case "statement.tables":
        return setOrUnknown(unit.tables);
      case "statement.tables_read":
        return setOrUnknown(unit.tablesRead);
      case "statement.tables_written":
        return setOrUnknown(unit.tablesWritten);
      case "statement.columns":
        return setOrUnknown(unit.columns);
      case "statement.functions":
        return new Set(unit.functions);
      case "statement.privileges":
        return setOrUnknown(unit.privileges);
      case "statement.disables":
        return setOrUnknown(unit.disables);
      case "statement.nested":
        return unit.nested;
      case "statement.count":
        return execution.statementCount;
      case "statement.in_transaction":
        return execution.inTransaction;
      case "statement.prepared":
        return execution.prepared;
      case "statement.parameters":
        return execution.parameters ?? ABSENT;
      case "statement.estimated_rows":
        return execution.estimatedRows === undefined ? ABSENT : (execution.estimatedRows ?? UNKNOWN);
      case "session.age":
        return execution.nowMs - execution.startedMs;
      case "time":
        return execution.nowMs;
      default:
        // A fact of the statement that is not worked out here is not known, and never absent.
        return path.startsWith("statement.") ? UNKNOWN : undefined;
    }
  };
}
