/** Files that `policyc init` writes, by path. They pass check, lint, test and fmt --check, which a test holds. */
export const STARTER: Readonly<Record<string, string>> = {
  "policies/main.policy": `// Who may do what on our databases. Rules have no order: any denial wins, then approvals, then allowances; what nothing
// allows is denied.
package main

let production = target.labels["env"] == "production"
let dba = user.groups has "dba"

// What identifies a person.
columns pii = public.users.{email, phone}

@owner("data-platform")
allow staff_read on sql
  when statement.read_only and (dba or user.groups has any ["analyst", "engineer", "privacy"])

@owner("data-platform")
allow engineers_write on sql
  when user.groups has "engineer" and statement.kind in [insert, update, delete]

@owner("data-platform")
allow dbas_change_structure on sql
  when dba and statement.class == ddl

// What every client needs to hold a session together.
@owner("data-platform")
allow transactions on sql
  when statement.kind in [begin, commit, rollback, savepoint, release, rollback_to, set, reset]

@owner("data-platform")
deny drop_objects on sql
  when production and statement.kind in [drop_database, drop_schema, drop_table]
  because "Objects in production are dropped by migrations, never by hand."

@owner("data-platform")
approve unfiltered_write on sql
  when production and statement.writes and not statement.filtered
  by group "dba-leads" quorum 1 within 15m valid once
  because "It changes every row of a table."

@owner("privacy")
mask personal_data on sql
  columns pii
  with { email: email, *: last(4) }
  unless user.groups has "privacy"
`,
  "policies/main_test.policy": `package main

test "an analyst reads names, and addresses only masked" {
  user "ana" in "analyst"
  target "app" { env: "production" }
  schema "schema.sql"
  sql "select full_name, email, phone from users"
  expect allow by staff_read
  expect plain full_name
  expect masked email by personal_data
  expect masked phone by personal_data
}

test "the privacy team sees what is there" {
  user "kim" in "privacy"
  target "app" { env: "production" }
  schema "schema.sql"
  sql "select email from users"
  expect allow by staff_read
  expect plain email
}

test "an analyst does not write" {
  user "ana" in "analyst"
  target "app" { env: "production" }
  schema "schema.sql"
  sql "update orders set status = 'sent' where id = 1"
  expect deny
}

test "an engineer writes, row by row" {
  user "dev" in "engineer"
  target "app" { env: "production" }
  schema "schema.sql"
  sql "update orders set status = 'sent' where id = 1"
  expect allow by engineers_write
}

test "a write to every row waits for a lead" {
  user "dev" in "engineer"
  target "app" { env: "production" }
  schema "schema.sql"
  sql "update orders set status = 'sent'"
  expect approve by unfiltered_write
}

test "nobody drops a table by hand" {
  user "lea" in "dba"
  target "app" { env: "production" }
  schema "schema.sql"
  sql "drop table users"
  expect deny by drop_objects
}

test "in development they are" {
  user "lea" in "dba"
  target "app-dev" { env: "development" }
  schema "schema.sql"
  sql "drop table users"
  expect allow by dbas_change_structure
}

test "a session is held together" {
  user "ana" in "analyst"
  target "app" { env: "production" }
  schema "schema.sql"
  sql "begin"
  expect allow by transactions
}
`,
  "policies/schema.sql": `-- The tables that the tests speak of. Replace it: pg_dump --schema-only
create table public.users (
  id bigint primary key,
  full_name text not null,
  email text not null,
  phone text
);

create table public.orders (
  id bigint primary key,
  user_id bigint not null references public.users (id),
  status text not null
);
`,
  "policyc.yaml": `# Settings of policyc. Levels of lint rules: error, warn or off; policyc lint --rules lists them.
lint:
  rules:
    L052: warn
`,
  ".github/workflows/policies.yml": `name: policies
on:
  pull_request:
  push:
    branches: [main]
permissions:
  contents: read
  security-events: write
jobs:
  check:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-node@v4
        with:
          node-version: 24
      # Put policyc on the path as your team installs it.
      - run: npm ci
      - run: npx policyc fmt --check policies
      - run: npx policyc check --format sarif policies > policyc.sarif
      - uses: github/codeql-action/upload-sarif@v3
        if: always()
        with:
          sarif_file: policyc.sarif
          category: policyc
      - run: npx policyc test policies
`,
  ".pre-commit-config.yaml": `# pre-commit install
repos:
  - repo: local
    hooks:
      - id: policyc-fmt
        name: policyc fmt
        entry: policyc fmt
        language: system
        files: \\.policy$
      - id: policyc-check
        name: policyc check
        entry: policyc check policies
        language: system
        files: \\.(policy|sql)$
        pass_filenames: false
`,
};
