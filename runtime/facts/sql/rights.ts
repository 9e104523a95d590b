import type { SqlPrivilege } from "../../../spec/contract/facts/index.ts";
import { holdsTellingCode } from "./routine-body.ts";
import { body, is, list, text, type Body, type Json } from "./tree.ts";

/** Options of CREATE and ALTER ROLE, under the parser's name for every spelling of theirs. */
const ROLE_OPTIONS: Readonly<Record<string, readonly SqlPrivilege[]>> = {
  superuser: ["superuser"],
  createrole: ["create_role"],
  createdb: ["create_database"],
  isreplication: ["replication"],
  bypassrls: ["bypass_row_security"],
  canlogin: ["login"],
  password: ["password"],
  validUntil: ["password"],
  rolemembers: ["role_membership"],
  addroleto: ["role_membership"],
  adminmembers: ["role_membership", "grant_option"],
};
/** Options whose `NO…` form, in a new role, is nothing but the default. */
const SWITCHES: ReadonlySet<string> = new Set([
  "superuser",
  "createrole",
  "createdb",
  "isreplication",
  "bypassrls",
  "canlogin",
]);

const OWNERS: ReadonlySet<string> = new Set(["AlterOwnerStmt", "ReassignOwnedStmt", "DropOwnedStmt"]);

const defElems = (json: Json | undefined): readonly Body[] =>
  list(json).map((option) => body(is(option, "DefElem") ?? undefined));
const isOn = (option: Body): boolean => {
  const flag = is(option["arg"], "Boolean");
  return flag === null || flag["boolval"] === true;
};

/**
 * Rights that a statement itself gives or takes, however they are spelled; null when code in it may give any. Statements
 * inside of it are told of by their own facts.
 */
export function privilegesOf(nodeKind: string, b: Body): readonly SqlPrivilege[] | null {
  if (holdsTellingCode(nodeKind, b)) return null;
  const found = new Set<SqlPrivilege>();
  if (OWNERS.has(nodeKind)) found.add("ownership");
  switch (nodeKind) {
    case "CreateRoleStmt":
    case "AlterRoleStmt":
      roleOptions(nodeKind, b, found);
      break;
    case "GrantRoleStmt":
      found.add("role_membership");
      // Taking the option away names it as well.
      if (
        defElems(b["opt"]).some(
          (option) => text(option["defname"]) === "admin" && (isOn(option) || b["is_grant"] !== true),
        )
      )
        found.add("grant_option");
      break;
    case "GrantStmt":
      grant(b, found);
      break;
    case "AlterDefaultPrivilegesStmt":
      grant(body(b["action"]), found);
      break;
    case "AlterTableStmt":
      for (const item of list(b["cmds"])) {
        const command = body(is(item, "AlterTableCmd") ?? undefined);
        if (text(command["subtype"]) === "AT_ChangeOwner") found.add("ownership");
        // Whether a view is run with the rights of its owner or of who asks.
        const options = [...defElems(command["def"]), ...defElems(is(command["def"], "List")?.["items"])];
        if (options.some((option) => text(option["defname"]) === "security_invoker")) found.add("security_definer");
      }
      break;
    case "CreateSchemaStmt":
      if (b["authrole"] !== undefined) found.add("ownership");
      break;
    case "CreateTableSpaceStmt":
      if (b["owner"] !== undefined) found.add("ownership");
      break;
    case "CreatedbStmt":
      if (defElems(b["options"]).some((option) => text(option["defname"]) === "owner")) found.add("ownership");
      break;
    case "CreateFunctionStmt":
      if (defElems(b["options"]).some((option) => text(option["defname"]) === "security" && isOn(option)))
        found.add("security_definer");
      break;
    case "AlterFunctionStmt":
      if (defElems(b["actions"]).some((option) => text(option["defname"]) === "security"))
        found.add("security_definer");
      break;
  }
  return [...found];
}

function roleOptions(nodeKind: string, b: Body, found: Set<SqlPrivilege>): void {
  const isNew = nodeKind === "CreateRoleStmt";
  // CREATE USER means LOGIN unless it says otherwise.
  let login = isNew && text(b["stmt_type"]) === "ROLESTMT_USER";
  for (const option of defElems(b["options"])) {
    const name = text(option["defname"]);
    if (name === "canlogin") login = isOn(option) || !isNew;
    else if (!isNew || !SWITCHES.has(name) || isOn(option))
      for (const right of ROLE_OPTIONS[name] ?? []) found.add(right);
  }
  if (login) found.add("login");
}

function grant(b: Body, found: Set<SqlPrivilege>): void {
  if (b["grant_option"] === true) found.add("grant_option");
  // SET and ALTER SYSTEM on a parameter hand on what only superusers may change.
  if (text(b["objtype"]) === "OBJECT_PARAMETER_ACL") found.add("superuser");
}
