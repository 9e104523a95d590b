import { hasErrors, type CheckResult } from "../check/index.ts";
import type { Diagnostic, Fix } from "../diagnostics/index.ts";
import type { SourceFile } from "../source/index.ts";
import { lintInput, type LintInput } from "./input.ts";
import { selfContained, wholeLines } from "./rewrite.ts";
import { within } from "./walk.ts";

/** The checker's diagnostics, with the fixes that need the tree around their places. */
export function withMends(files: readonly SourceFile[], check: CheckResult): readonly Diagnostic[] {
  const input = lintInput(files, check.trees);
  const broken = hasErrors(check.diagnostics);
  return check.diagnostics.map((one) => {
    const fixes = one.fixes.length > 0 ? one.fixes : mend(one, input, broken);
    return fixes.length === 0 ? one : { ...one, fixes };
  });
}

function mend(found: Diagnostic, input: LintInput, broken: boolean): readonly Fix[] {
  const { span } = found;
  switch (found.name) {
    case "unused-let":
    case "unused-columns": {
      const items = found.name === "unused-let" ? input.lets : input.columnSets;
      const item = items.find((one) => one.name.span.file === span.file && one.name.span.start === span.start);
      // While there are errors it may be what a misspelt name was meant to be.
      if (item === undefined || input.textOf(item.span).includes("//")) return [];
      return [{ title: "remove it", edits: [{ span: wholeLines(input, item), text: "" }], safe: !broken }];
    }
    case "optional-not-tested": {
      // The smallest comparison around it is what must wait for the test.
      const parts = input.conditions
        .flatMap(({ expr }) => within(expr))
        .filter(({ span: at }) => at.file === span.file);
      const around = parts
        .filter((part) => part.kind === "binary" && part.op !== "and" && part.op !== "or" && part.op !== "else")
        .filter(({ span: at }) => at.start <= span.start && at.end >= span.end)
        .sort((a, b) => a.span.end - a.span.start - (b.span.end - b.span.start))[0];
      if (around === undefined || !selfContained(input.textOf(around.span))) return [];
      const path = input.textOf(span);
      return [
        {
          title: `test it first: \`exists ${path} and …\``,
          edits: [{ span: around.span, text: `(exists ${path} and ${input.textOf(around.span)})` }],
          // What an absent fact should mean is for the writer to say.
          safe: false,
        },
      ];
    }
    default:
      return [];
  }
}
