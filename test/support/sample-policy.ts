/** Two packages that together have every construct of the language at least once, and no error. */
export const PEOPLE = `package company.people

// Who is who, for every other package.
export let production = target.labels["env"] == "production"
export let dba = user.groups has any ["dba", "dba-leads"]
export columns contact = public.users.{email, phone}
export detector badge = /B-[0-9]{6}/ check luhn
`;

export const SAMPLE = `package shop.production

import { production, dba, contact, badge } from company.people

let office_hours = time.hour("Europe/Vienna") >= 8 and time.weekday("Europe/Vienna") in [monday, tuesday]
columns pii = contact, public.users.ssn, billing.*.card_number

@soc2("CC6.1") @owner("data-platform") @reviewed(2026) @critical(true)
allow analysts_read on sql
  when user.groups has "analyst" and statement.read_only and not (statement.count > 10 or client.tls == false)

deny drop_objects on postgres, mysql
  when production and statement.kind in [drop_table, truncate]
  unless dba
  because "Objects in production are dropped by migrations, never by hand."

approve unfiltered_write on sql
  when production and statement.writes and not statement.filtered
  by group "dba-leads", user "lea" quorum 1 within 15m valid once
  because "It changes every row of a table."

approve system_files on ssh
  when any p in command.writes : p like "/etc/**"
  by group "sre" within 10m valid 1h
  because "Files of the system are under review."

deny removals on ssh
  when any c in command.commands : c.program == "rm" and any a in c.arguments : a starts with "-r"
  because "Not by hand."

deny odd_names on sql
  when user.name matches /^tmp[0-9]+$/i or (exists user.agent and user.agent ends with "-bot")
  because "Temporary accounts do not read."

deny from_outside on *
  when not client.address within cidr("10.0.0.0/8") and not office_hours
  because "At night only from the office."

mask customer_pii on sql
  columns pii
  with { email: email, card_number: last(4), *: redact }
  predicates refuse
  trust "public.is_valid"
  unless user.groups has "privacy"

mask secrets_anywhere on ssh, http
  values detect [credit_card, badge]
  with redact

mask customer_fields on http
  fields "$.customers[*].email", "$..ssn"
  with redact
  when request.path like "/api/**"

mask command_output on ssh
  output /token=[a-z]+/
  with redact

limit bulk_reads on sql
  to 10_000 rows, 5_000_000 bytes
  when (statement.row_limit else 0) > 100

alert exec_seen on kubernetes
  to "#ops", "#audit"
  when request.verb == create and request.resource == "pods/exec"

never "raw numbers for contractors" on sql
  when user.groups has "contractor" and plain public.users.ssn
  even approved

test "an analyst reads" {
  for who in ["ana", "bob"]
  user who in "analyst"
  target "shop" { env: "production" }
  schema "shop.sql"
  time "2026-03-02T10:00:00Z"
  sql "select email, ssn from users"
  expect allow by analysts_read
  expect masked ssn by customer_pii
  expect masked email by customer_pii with email
  expect not matched drop_objects
  expect matched customer_pii
}

test "nobody drops" {
  user "lea"
  target "shop" { env: "production" }
  for sql in ["drop table users", "truncate users"]
  expect deny by drop_objects
  expect because "Objects in production are dropped by migrations, never by hand."
}

test "a write waits" {
  user "dev"
  facts { statement.writes: true, statement.filtered: false, statement.kind: update }
  expect approve by unfiltered_write
  expect approvers group "dba-leads", user "lea" quorum 1
}

test "a request" {
  user "ana"
  http GET "/api/users" { header "accept": "text/html" body "x" }
  expect deny
}
`;
