export { fixFiles, type FixResult } from "./fix.ts";
export { isSyntaxError, lintChecked, lintFiles, lintRule, type LintLevels, type LintResult } from "./lint.ts";
export { LINT_GROUPS, LINT_LEVELS, type LintGroup, type LintLevel, type LintRule } from "./lint-rule.ts";
export { withMends } from "./mends.ts";
export { LINT_RULES, lintPages, lintPageText } from "./rules.ts";
export { sameDecisions } from "./same-decisions.ts";
