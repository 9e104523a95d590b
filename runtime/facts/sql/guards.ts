import type { SqlGuard } from "../../../spec/contract/facts/index.ts";
import { alwaysHolds } from "./fold.ts";
import { holdsTellingCode } from "./routine-body.ts";
import { body, is, list, names, text, type Body, type Json } from "./tree.ts";

/** Sub-commands of ALTER TABLE that switch a guard off. */
const TABLE_COMMANDS: Readonly<Record<string, readonly SqlGuard[]>> = {
  AT_DisableTrig: ["triggers"],
  // Foreign keys are kept by triggers too.
  AT_DisableTrigAll: ["triggers", "constraints"],
  AT_DisableTrigUser: ["triggers"],
  // Such a trigger no longer fires in ordinary sessions.
  AT_EnableReplicaTrig: ["triggers"],
  AT_DisableRule: ["triggers"],
  AT_EnableReplicaRule: ["triggers"],
  AT_DisableRowSecurity: ["row_security"],
  AT_NoForceRowSecurity: ["row_security"],
  AT_DropConstraint: ["constraints"],
  AT_DropNotNull: ["constraints"],
  AT_AlterConstraint: ["constraints"],
  AT_SetUnLogged: ["logging"],
};

const DROPS: Readonly<Record<string, readonly SqlGuard[]>> = {
  OBJECT_TRIGGER: ["triggers"],
  OBJECT_EVENT_TRIGGER: ["triggers"],
  OBJECT_RULE: ["triggers"],
  OBJECT_POLICY: ["row_security"],
};

const LOGGING_SETTING = /^(?:log_|logging_|pgaudit\.|auto_explain\.|track_activities$)/;
/** Values of those that log more, not less. */
const LOGS_ALL: ReadonlySet<string> = new Set(["all", "on", "true", "yes"]);
const OFF: ReadonlySet<string> = new Set(["off", "false", "no", "0", "f", "n"]);

/** What a setting with this value switches off; `value` null stands for one that is not in the text. */
export function guardsOfSetting(name: string, value: string | null): readonly SqlGuard[] {
  const setting = name.toLowerCase();
  const given = value?.toLowerCase().trim() ?? null;
  if (setting === "session_replication_role")
    return given === "origin" || given === "local" ? [] : ["triggers", "constraints"];
  if (setting === "row_security") return given !== null && !OFF.has(given) ? [] : ["row_security"];
  if (LOGGING_SETTING.test(setting)) return given !== null && LOGS_ALL.has(given) ? [] : ["logging"];
  return [];
}

/** Guards that a statement itself switches off; null when code in it may switch off any. */
export function guardsOf(nodeKind: string, b: Body): readonly SqlGuard[] | null {
  if (holdsTellingCode(nodeKind, b)) return null;
  const found = new Set<SqlGuard>();
  const add = (guards: readonly SqlGuard[] | undefined): void => {
    for (const guard of guards ?? []) found.add(guard);
  };
  switch (nodeKind) {
    case "AlterTableStmt":
      for (const item of list(b["cmds"])) add(TABLE_COMMANDS[text(is(item, "AlterTableCmd")?.["subtype"])]);
      break;
    case "AlterDomainStmt":
      // X drops a constraint, N lets nulls in.
      if (["X", "N"].includes(text(b["subtype"]))) add(["constraints"]);
      break;
    case "DropStmt":
      add(DROPS[text(b["removeType"])]);
      break;
    case "AlterEventTrigStmt":
      if (["D", "R"].includes(text(b["tgenabled"]))) add(["triggers"]);
      break;
    case "CreatePolicyStmt":
    case "AlterPolicyStmt":
      // A policy that lets every row through is none.
      if (alwaysHolds(b["qual"])) add(["row_security"]);
      break;
    case "ConstraintsSetStmt":
      if (b["deferred"] === true) add(["constraints"]);
      break;
    case "VariableSetStmt":
      add(guardsOfSet(b));
      break;
    case "AlterSystemStmt":
    case "AlterRoleSetStmt":
    case "AlterDatabaseSetStmt":
      add(guardsOfSet(body(b["setstmt"])));
      break;
    case "CreateFunctionStmt":
    case "AlterFunctionStmt":
      for (const option of list(b[nodeKind === "CreateFunctionStmt" ? "options" : "actions"])) {
        const set = is(is(option, "DefElem")?.["arg"], "VariableSetStmt");
        if (set !== null) add(guardsOfSet(set));
      }
      break;
  }
  return [...found];
}

function guardsOfSet(b: Body): readonly SqlGuard[] {
  const kind = text(b["kind"]);
  // Back to what the server, role or database has set.
  if (kind.startsWith("VAR_RESET") || kind === "VAR_SET_DEFAULT") return [];
  const [value] = list(b["args"]).map(constantText);
  return guardsOfSetting(text(b["name"]), value ?? null);
}

/** The text of a constant as a setting takes it; null for anything else. */
export function constantText(json: Json | undefined): string | null {
  const constant = is(json, "A_Const");
  if (constant === null) {
    const cast = is(json, "TypeCast");
    const type = names(body(cast?.["typeName"])["names"]).at(-1);
    return cast !== null && (type === "text" || type === "varchar") ? constantText(cast["arg"]) : null;
  }
  if (constant["sval"] !== undefined) return text(body(constant["sval"])["sval"]);
  if (constant["boolval"] !== undefined) return body(constant["boolval"])["boolval"] === true ? "true" : "false";
  if (constant["ival"] !== undefined) return String(body(constant["ival"])["ival"] ?? 0);
  if (constant["fval"] !== undefined) return text(body(constant["fval"])["fval"]);
  return null;
}
