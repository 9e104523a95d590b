import type { Code } from "./catalogue.ts";

/** Text of one policy file, or of several by path. */
export type Example = string | Readonly<Record<string, string>>;

/**
 * For each message a policy that provokes it, and the same policy mended: what `policyc explain` shows. Tests hold that the
 * first is told of the code and the second is not. A function makes what is too long to write.
 */
export const EXAMPLES: Readonly<Record<Code, { readonly before: Example; readonly after: Example } | null>> = {
  "unknown-character": {
    before: "allow a on sql when user.name == ‘ana’",
    after: 'allow a on sql when user.name == "ana"',
  },
  syntax: { before: "allow on sql", after: "allow everyone on sql" },
  // Their examples would be megabytes, or two hundred brackets.
  "file-too-large": null,
  "nested-too-deep": null,
  "bad-escape": {
    before: 'allow a on sql when user.name like "a\\*"',
    after: 'allow a on sql when user.name like "a\\\\*"',
  },
  "bad-expression": {
    before: "deny a on sql when user.name matches /(?!root).*/",
    after: "deny a on sql when not user.name matches /^root/",
  },
  "expression-too-large": {
    before: "deny a on sql when user.name matches /(a|b)*a(a|b){20}$/",
    after: "deny a on sql when user.name matches /^a[ab]{20}$/",
  },
  "hidden-character": {
    before: 'allow a on sql when user.name == "ana\u202e"',
    after: 'allow a on sql when user.name == "ana"',
  },
  "lone-carriage-return": { before: "// readers\rallow a on sql", after: "// readers\nallow a on sql" },
  "unterminated-text": {
    before: 'deny drops on sql\n  because "Objects are dropped by',
    after: 'deny drops on sql\n  because "Objects are dropped by migrations."',
  },
  "unknown-scope": { before: "allow a on postgre", after: "allow a on postgres" },
  "duplicate-name": {
    before: "allow reads on sql when statement.read_only\nallow reads on ssh",
    after: "allow reads on sql when statement.read_only\nallow shells on ssh",
  },
  "duplicate-clause": {
    before: 'allow a on sql\n  when user.groups has "a"\n  when statement.read_only',
    after: 'allow a on sql\n  when user.groups has "a" and statement.read_only',
  },
  "clause-not-allowed": {
    before: 'deny drops on sql\n  when statement.class == ddl\n  by group "dba-leads"',
    after: 'approve drops on sql\n  when statement.class == ddl\n  by group "dba-leads"',
  },
  "clause-missing": {
    before: "approve drops on sql\n  when statement.class == ddl",
    after: 'approve drops on sql\n  when statement.class == ddl\n  by group "dba-leads"',
  },
  "clause-not-for-scope": {
    before: "mask ssn on *\n  columns public.users.ssn\n  with redact",
    after: "mask ssn on sql\n  columns public.users.ssn\n  with redact",
  },
  "unknown-package": {
    before: "package shop\nimport { dba } from company.people\nallow a on sql when dba",
    after: {
      "people.policy": 'package company.people\nexport let dba = user.groups has "dba"',
      "shop.policy": "package shop\nimport { dba } from company.people\nallow a on sql when dba",
    },
  },
  "not-exported": {
    before: {
      "people.policy": 'package company.people\nlet dba = user.groups has "dba"\nallow b on ssh when dba',
      "shop.policy": "package shop\nimport { dba } from company.people\nallow a on sql when dba",
    },
    after: {
      "people.policy": 'package company.people\nexport let dba = user.groups has "dba"\nallow b on ssh when dba',
      "shop.policy": "package shop\nimport { dba } from company.people\nallow a on sql when dba",
    },
  },
  "import-cycle": {
    before: {
      "people.policy":
        'package people\nimport { night } from hours\nexport let dba = user.groups has "dba" and not night',
      "hours.policy": 'package hours\nimport { dba } from people\nexport let night = time.hour("UTC") < 6 and not dba',
    },
    after: {
      "people.policy":
        'package people\nimport { night } from hours\nexport let dba = user.groups has "dba" and not night',
      "hours.policy": 'package hours\nexport let night = time.hour("UTC") < 6',
    },
  },
  "unknown-name": { before: 'allow a on sql when user.nmae == "ana"', after: 'allow a on sql when user.name == "ana"' },
  "fact-not-in-scope": {
    before: "deny a on sql, ssh when statement.writes",
    after: "deny a on sql when statement.writes",
  },
  "type-mismatch": {
    before: 'allow a on sql when statement.count > "1"',
    after: "allow a on sql when statement.count > 1",
  },
  "not-a-condition": {
    before: "allow a on sql when user.groups",
    after: 'allow a on sql when user.groups has "analyst"',
  },
  "unknown-enum-value": {
    before: "deny a on sql when statement.kind == drop_tabel",
    after: "deny a on sql when statement.kind == drop_table",
  },
  "optional-not-tested": {
    before: "deny a on sql when statement.row_limit > 100",
    after: "deny a on sql when exists statement.row_limit and statement.row_limit > 100",
  },
  "exists-always": { before: "allow a on sql when exists user.name", after: "allow a on sql when exists user.agent" },
  "bad-pattern": {
    before: "mask m on sql columns users.email with redact",
    after: "mask m on sql columns public.users.email with redact",
  },
  "unknown-mask": {
    before: "mask m on sql columns a.users.email with emial",
    after: "mask m on sql columns a.users.email with email",
  },
  "bad-number": { before: "limit l on sql to 0 rows", after: "limit l on sql to 1 rows" },
  "bad-cidr": {
    before: 'allow a on sql when client.address within cidr("10.0.0.0")',
    after: 'allow a on sql when client.address within cidr("10.0.0.0/8")',
  },
  "let-cycle": {
    before: "let a = not b\nlet b = not a\nallow r on sql when a",
    after: "let a = not b\nlet b = statement.writes\nallow r on sql when a",
  },
  "mask-entry-unused": {
    before: "mask m on sql\n  columns public.users.email\n  with { emial: email, *: redact }",
    after: "mask m on sql\n  columns public.users.email\n  with { email: email, *: redact }",
  },
  "unknown-field": {
    before: 'deny a on ssh when any c in command.commands : c.name == "rm"',
    after: 'deny a on ssh when any c in command.commands : c.program == "rm"',
  },
  "unknown-zone": {
    before: "deny night on sql when time.hour < 6",
    after: 'deny night on sql when time.hour("Europe/Vienna") < 6',
  },
  "bad-time": {
    before: 'allow freeze on sql when time < time("31.12.2026")',
    after: 'allow freeze on sql when time < time("2026-12-31T00:00:00Z")',
  },
  "plain-outside-never": {
    before: "deny raw on sql when plain users.ssn",
    after: 'never "raw numbers for contractors" on sql\n  when user.groups has "contractor" and plain users.ssn',
  },
  "unknown-detector": {
    before: "mask m on * values detect [creditcard] with redact",
    after: "mask m on * values detect [credit_card] with redact",
  },
  "bad-field-path": {
    before: 'mask m on http fields "customers.email" with redact',
    after: 'mask m on http fields "$.customers[*].email" with redact',
  },
  "bad-function-name": {
    before: 'mask m on sql columns a.b.c with redact trust "normalise"',
    after: 'mask m on sql columns a.b.c with redact trust "public.normalise"',
  },
  "no-because": {
    before: "deny drops on sql when statement.class == ddl",
    after: 'deny drops on sql\n  when statement.class == ddl\n  because "Objects are dropped by migrations."',
  },
  "unused-let": {
    before: 'let dba = user.groups has "dba"\nallow a on sql',
    after: 'let dba = user.groups has "dba"\nallow a on sql when dba',
  },
  "unused-columns": {
    before: "columns pii = public.users.email\nallow a on sql",
    after: "columns pii = public.users.email\nallow a on sql\nmask m on sql columns pii with redact",
  },
  "constant-condition": { before: "allow a on sql when 1 == 1", after: "allow a on sql when statement.count == 1" },
  "no-rules": {
    before: 'deny a on sql when statement.writes because "no"',
    after: 'allow b on sql\ndeny a on sql when statement.writes because "no"',
  },
  "unused-import": {
    before: {
      "people.policy": 'package people\nexport let dba = user.groups has "dba"',
      "shop.policy": "package shop\nimport { dba } from people\nallow a on sql",
    },
    after: {
      "people.policy": 'package people\nexport let dba = user.groups has "dba"',
      "shop.policy": "package shop\nimport { dba } from people\nallow a on sql when dba",
    },
  },
  "unused-detector": {
    before: "detector badge = /B-[0-9]{4}/\nallow a on sql",
    after: "detector badge = /B-[0-9]{4}/\nallow a on sql\nmask m on * values detect [badge] with redact",
  },
  "mask-conflict": {
    before:
      "mask short on sql columns public.users.ssn with last(4)\nmask none on sql columns public.users.* with redact",
    after:
      "mask short on sql columns public.users.ssn with last(4)\nmask none on sql columns public.users.{email, phone} with redact",
  },
  "clause-needs": {
    before: "mask m on * values detect [email] with redact predicates allow",
    after: "mask m on sql columns public.users.email with redact predicates allow",
  },
  "quorum-unreachable": {
    before: 'approve a on sql by user "lea", user "max" quorum 3',
    after: 'approve a on sql by user "lea", user "max" quorum 2',
  },
  "test-incomplete": {
    before: 'allow a on sql\ntest "t" {\n  user "ana"\n  sql "select 1"\n}',
    after: 'allow a on sql\ntest "t" {\n  user "ana"\n  sql "select 1"\n  expect allow by a\n}',
  },
  "unknown-rule": {
    before: 'allow reads on sql\ntest "t" {\n  user "ana"\n  sql "select 1"\n  expect allow by read\n}',
    after: 'allow reads on sql\ntest "t" {\n  user "ana"\n  sql "select 1"\n  expect allow by reads\n}',
  },
  "no-tests": {
    before: "allow a on sql",
    after: 'allow a on sql\ntest "t" {\n  user "ana"\n  sql "select 1"\n  expect allow by a\n}',
  },
  "unknown-variable": {
    before: 'allow a on sql\ntest "t" {\n  user ana\n  sql "select 1"\n  expect allow by a\n}',
    after: 'allow a on sql\ntest "t" {\n  user "ana"\n  sql "select 1"\n  expect allow by a\n}',
  },
  "unused-variable": {
    before:
      'allow a on sql\ntest "t" {\n  for who in ["ana", "bob"]\n  user "ana"\n  sql "select 1"\n  expect allow by a\n}',
    after:
      'allow a on sql\ntest "t" {\n  for who in ["ana", "bob"]\n  user who\n  sql "select 1"\n  expect allow by a\n}',
  },
  "too-many-cases": null,
  "empty-list": {
    before: "mask m on * values detect [] with redact",
    after: "mask m on * values detect [email] with redact",
  },
  "mixed-actions": {
    before: 'allow a on *\ntest "t" {\n  user "ana"\n  sql "select 1"\n  ssh "ls"\n  expect allow by a\n}',
    after: 'allow a on *\ntest "t" {\n  user "ana"\n  sql "select 1"\n  expect allow by a\n}',
  },
  "rule-never-applies": {
    before: "allow drops on sql when statement.kind == drop_table and statement.class == dcl",
    after: "allow drops on sql when statement.kind == drop_table",
  },
  "rule-only-unknown": {
    before: "deny busy on sql when statement.count > 10 and statement.count < 5",
    after: "deny busy on sql when statement.count > 10 or statement.count < 5",
  },
  "rule-covered": {
    before: "deny ddl on sql when statement.class == ddl\ndeny drops on sql when statement.kind == drop_table",
    after: "deny ddl on sql when statement.class == ddl",
  },
  "condition-part-always-true": {
    before: "deny a on sql when statement.kind == drop_table and statement.class == ddl",
    after: "deny a on sql when statement.kind == drop_table",
  },
  "condition-part-adds-nothing": {
    before: "deny a on sql when statement.class == ddl or statement.kind == drop_table",
    after: "deny a on sql when statement.class == ddl",
  },
  "rule-not-analysed": {
    before: "allow a on sql when user.name == target.name and user.name != target.name",
    after: "allow a on sql when user.name == target.name",
  },
  "covering-not-analysed": null,
};
