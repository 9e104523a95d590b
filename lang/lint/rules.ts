import type { Page } from "../diagnostics/index.ts";
import type { LintRule } from "./lint-rule.ts";
import { APPROVAL_RULES } from "./rules/approvals.ts";
import { DOC_RULES } from "./rules/docs.ts";
import { MASK_RULES } from "./rules/masks.ts";
import { NAMING_RULES } from "./rules/naming.ts";
import { REDUNDANCY_RULES } from "./rules/redundancy.ts";
import { SECURITY_RULES } from "./rules/security.ts";
import { STYLE_RULES } from "./rules/style.ts";
import { TEST_RULES } from "./rules/tests.ts";

const nothing = (): void => undefined;

/** Told by the reader of ignores itself, after all others. */
const IGNORE_RULES: readonly LintRule[] = [
  {
    code: "L100",
    name: "ignore-without-reason",
    group: "ignores",
    level: "error",
    what: "A `lint-ignore` has no reason, or can't be read.",
    why: "Whoever reads it next year must be able to tell whether the reason still holds. Without one nothing is ignored.",
    before: '// lint-ignore L003\nallow admins on *\n  when user.groups has "admin"',
    after:
      '// lint-ignore L003: break-glass accounts, reviewed each quarter\nallow admins on *\n  when user.groups has "admin"',
    check: nothing,
  },
  {
    code: "L101",
    name: "unused-ignore",
    group: "ignores",
    level: "warn",
    what: "A `lint-ignore` ignores nothing.",
    why: "What it was for is mended, or moved away; left alone it would hide the next finding.",
    before: '// lint-ignore L003: break-glass accounts\nallow admins on sql\n  when user.groups has "admin"',
    after: 'allow admins on sql\n  when user.groups has "admin"',
    check: nothing,
  },
  {
    code: "L102",
    name: "ignore-of-nothing",
    group: "ignores",
    level: "error",
    what: "A `lint-ignore` names a code that no rule has.",
    why: "A mistyped code ignores nothing, and the finding it was for comes back as a surprise.",
    before: '// lint-ignore L903: break-glass accounts\nallow admins on sql\n  when user.groups has "admin"',
    after: 'allow admins on sql\n  when user.groups has "admin"',
    check: nothing,
  },
];

/** Every rule of the linter, in order of code. */
export const LINT_RULES: readonly LintRule[] = [
  ...SECURITY_RULES,
  ...APPROVAL_RULES,
  ...MASK_RULES,
  ...NAMING_RULES,
  ...DOC_RULES,
  ...STYLE_RULES,
  ...REDUNDANCY_RULES,
  ...TEST_RULES,
  ...IGNORE_RULES,
];

const indented = (text: string): string =>
  text
    .split("\n")
    .map((line) => (line === "" ? "" : `  ${line}`))
    .join("\n");

/** The page that `policyc explain` prints. */
export const lintPageText = (rule: LintRule): string =>
  [
    rule.what,
    rule.why,
    `before:\n${indented(rule.before.trimEnd())}`,
    `after:\n${indented(rule.after.trimEnd())}`,
    `Level: ${rule.level}. Another one in policyc.yaml: \`lint: { rules: { ${rule.code}: off } }\`. Once: \`// lint-ignore ${rule.code}: REASON\`.`,
  ].join("\n\n");

export const lintPages: readonly Page[] = LINT_RULES.map((rule) => ({
  code: rule.code,
  name: rule.name,
  severity: rule.level === "error" ? "error" : "warning",
  text: lintPageText(rule),
}));
