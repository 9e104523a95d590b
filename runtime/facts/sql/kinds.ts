import type { SqlKind } from "../../../spec/contract/facts/index.ts";
import { body, is, list, text, type Body, type Json } from "./tree.ts";

/** Kinds of DROP, by the parser's name for what is dropped. */
const DROPS: Readonly<Record<string, SqlKind>> = {
  OBJECT_TABLE: "drop_table",
  OBJECT_FOREIGN_TABLE: "drop_table",
  OBJECT_VIEW: "drop_view",
  OBJECT_MATVIEW: "drop_view",
  OBJECT_INDEX: "drop_index",
  OBJECT_SEQUENCE: "drop_sequence",
  OBJECT_SCHEMA: "drop_schema",
  OBJECT_FUNCTION: "drop_function",
  OBJECT_PROCEDURE: "drop_function",
  OBJECT_ROUTINE: "drop_function",
  OBJECT_AGGREGATE: "drop_function",
  OBJECT_TRIGGER: "drop_trigger",
  OBJECT_EVENT_TRIGGER: "drop_trigger",
  OBJECT_TYPE: "drop_type",
  OBJECT_DOMAIN: "drop_type",
  OBJECT_EXTENSION: "drop_extension",
  OBJECT_POLICY: "drop_policy",
};

const TRANSACTIONS: Readonly<Record<string, SqlKind>> = {
  TRANS_STMT_BEGIN: "begin",
  TRANS_STMT_START: "begin",
  TRANS_STMT_COMMIT: "commit",
  TRANS_STMT_ROLLBACK: "rollback",
  TRANS_STMT_SAVEPOINT: "savepoint",
  TRANS_STMT_RELEASE: "release",
  TRANS_STMT_ROLLBACK_TO: "rollback_to",
  TRANS_STMT_PREPARE: "prepare_transaction",
  TRANS_STMT_COMMIT_PREPARED: "commit",
  TRANS_STMT_ROLLBACK_PREPARED: "rollback",
};

const ALTERS: Readonly<Record<string, SqlKind>> = {
  OBJECT_TABLE: "alter_table",
  OBJECT_INDEX: "alter_table",
  OBJECT_SEQUENCE: "alter_table",
  OBJECT_FOREIGN_TABLE: "alter_table",
  OBJECT_VIEW: "alter_view",
  OBJECT_MATVIEW: "alter_view",
};

/** Kinds that a node's name alone tells. */
const BY_NODE: Readonly<Record<string, SqlKind>> = {
  InsertStmt: "insert",
  UpdateStmt: "update",
  DeleteStmt: "delete",
  MergeStmt: "merge",
  TruncateStmt: "truncate",
  CallStmt: "call",
  DoStmt: "do",
  PrepareStmt: "prepare",
  ExecuteStmt: "execute",
  DeallocateStmt: "deallocate",
  DeclareCursorStmt: "declare_cursor",
  ClosePortalStmt: "close_cursor",
  FetchStmt: "fetch",
  ExplainStmt: "explain",
  VariableShowStmt: "show",
  CreateStmt: "create_table",
  CreateForeignTableStmt: "create_table",
  ViewStmt: "create_view",
  IndexStmt: "create_index",
  CreateSeqStmt: "create_sequence",
  AlterSeqStmt: "alter_other",
  CreateSchemaStmt: "create_schema",
  CreatedbStmt: "create_database",
  DropdbStmt: "drop_database",
  AlterDatabaseStmt: "alter_database",
  AlterDatabaseSetStmt: "alter_database",
  AlterDatabaseRefreshCollStmt: "alter_database",
  CreateFunctionStmt: "create_function",
  AlterFunctionStmt: "alter_function",
  CreateTrigStmt: "create_trigger",
  CreateEventTrigStmt: "create_trigger",
  AlterEventTrigStmt: "alter_other",
  CompositeTypeStmt: "create_type",
  CreateEnumStmt: "create_type",
  CreateRangeStmt: "create_type",
  CreateDomainStmt: "create_type",
  CreateExtensionStmt: "create_extension",
  AlterExtensionStmt: "alter_other",
  AlterExtensionContentsStmt: "alter_other",
  CreatePolicyStmt: "create_policy",
  AlterPolicyStmt: "alter_other",
  RuleStmt: "create_rule",
  AlterSystemStmt: "alter_system",
  AlterOwnerStmt: "alter_other",
  AlterObjectSchemaStmt: "alter_other",
  AlterObjectDependsStmt: "alter_other",
  AlterEnumStmt: "alter_other",
  AlterTypeStmt: "alter_other",
  AlterDomainStmt: "alter_other",
  AlterOperatorStmt: "alter_other",
  AlterOpFamilyStmt: "alter_other",
  AlterCollationStmt: "alter_other",
  AlterFdwStmt: "alter_other",
  AlterForeignServerStmt: "alter_other",
  AlterUserMappingStmt: "alter_other",
  AlterStatsStmt: "alter_other",
  AlterTSConfigurationStmt: "alter_other",
  AlterTSDictionaryStmt: "alter_other",
  AlterTableMoveAllStmt: "alter_table",
  AlterTableSpaceOptionsStmt: "alter_other",
  RenameStmt: "rename",
  CommentStmt: "comment",
  RefreshMatViewStmt: "refresh_materialized_view",
  CreateRoleStmt: "create_role",
  AlterRoleStmt: "alter_role",
  AlterRoleSetStmt: "alter_role",
  DropRoleStmt: "drop_role",
  AlterDefaultPrivilegesStmt: "alter_default_privileges",
  ReassignOwnedStmt: "reassign_owned",
  DropOwnedStmt: "drop_other",
  SecLabelStmt: "security_label",
  ConstraintsSetStmt: "set_constraints",
  DiscardStmt: "discard",
  LockStmt: "lock",
  ListenStmt: "listen",
  UnlistenStmt: "unlisten",
  NotifyStmt: "notify",
  ClusterStmt: "cluster",
  ReindexStmt: "reindex",
  CheckPointStmt: "checkpoint",
  LoadStmt: "load",
  ImportForeignSchemaStmt: "import_foreign_schema",
  CreateSubscriptionStmt: "subscription",
  AlterSubscriptionStmt: "subscription",
  DropSubscriptionStmt: "subscription",
  CreatePublicationStmt: "publication",
  AlterPublicationStmt: "publication",
  DropTableSpaceStmt: "drop_other",
  DropUserMappingStmt: "drop_other",
  CreateTableSpaceStmt: "create_other",
  CreateFdwStmt: "create_other",
  CreateForeignServerStmt: "create_other",
  CreateUserMappingStmt: "create_other",
  CreateAmStmt: "create_other",
  CreateCastStmt: "create_other",
  CreateConversionStmt: "create_other",
  CreateOpClassStmt: "create_other",
  CreateOpFamilyStmt: "create_other",
  CreatePLangStmt: "create_other",
  CreateStatsStmt: "create_other",
  CreateTransformStmt: "create_other",
  DefineStmt: "create_other",
};

const SETTING_ROLES: ReadonlySet<string> = new Set(["role", "session_authorization"]);

/** What a statement is; a node that is not known is `other`, which no sensible policy allows. */
export function kindOf(nodeKind: string, b: Body): SqlKind {
  switch (nodeKind) {
    case "SelectStmt":
      if (intoOf(b) !== undefined) return "select_into";
      return b["valuesLists"] !== undefined ? "values" : "select";
    case "CopyStmt":
      if (b["is_program"] === true) return "copy_program";
      if (b["filename"] !== undefined) return "copy_file";
      return b["is_from"] === true ? "copy_from" : "copy_to";
    case "CreateTableAsStmt":
      return text(b["objtype"]) === "OBJECT_MATVIEW" ? "create_materialized_view" : "create_table_as";
    case "DropStmt":
      return DROPS[text(b["removeType"])] ?? "drop_other";
    case "AlterTableStmt":
      return ALTERS[text(b["objtype"])] ?? "alter_other";
    case "TransactionStmt":
      return TRANSACTIONS[text(b["kind"])] ?? "other";
    case "GrantStmt":
      return b["is_grant"] === true ? "grant" : "revoke";
    case "GrantRoleStmt":
      return b["is_grant"] === true ? "grant_role" : "revoke_role";
    case "VacuumStmt":
      return b["is_vacuumcmd"] === true ? "vacuum" : "analyze";
    case "VariableSetStmt":
      if (SETTING_ROLES.has(text(b["name"]))) return "set_role";
      return text(b["kind"]).startsWith("VAR_RESET") ? "reset" : "set";
    default:
      return BY_NODE[nodeKind] ?? "other";
  }
}

/** INTO of a SELECT: with UNION and the like it stands in the first of them. */
export function intoOf(b: Body): Json | undefined {
  for (let at = b; ; at = body(at["larg"])) {
    if (at["intoClause"] !== undefined) return at["intoClause"];
    if (at["larg"] === undefined) return undefined;
  }
}

/** Whether EXPLAIN runs what it explains. */
export function explainRuns(b: Body): boolean {
  return list(b["options"]).some((option) => {
    const given = body(is(option, "DefElem") ?? undefined);
    if (text(given["defname"]) !== "analyze") return false;
    const arg = given["arg"];
    const value = text(is(arg, "String")?.["sval"]).toLowerCase();
    const off =
      value === "false" ||
      value === "off" ||
      value === "0" ||
      body(is(arg, "Integer") ?? { ival: 1 })["ival"] === 0 ||
      (is(arg, "Boolean") !== null && is(arg, "Boolean")?.["boolval"] !== true);
    return !off;
  });
}
