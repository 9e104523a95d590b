import { nearest } from "../../base/text.ts";
import { DETECTOR_CHECKS, isDetector } from "../../spec/contract/bundle/index.ts";
import type { DetectorDecl } from "../ast/index.ts";
import type { CheckedDetector } from "../checked/index.ts";
import { diagnostic } from "../diagnostics/index.ts";
import type { Report } from "./packages.ts";
import { checkSearched } from "./regex.ts";

/** A detector of the policy's own; null when its expression can't be read. */
export function checkDetector(decl: DetectorDecl, report: Report): CheckedDetector | null {
  const { name, check, expression } = decl;
  if (isDetector(name.text))
    report(diagnostic("duplicate-name", name.span, { what: "built-in detector", name: name.text }));
  const known = check === null ? null : (DETECTOR_CHECKS.find((one) => one === check.text) ?? undefined);
  if (known === undefined) {
    const near = nearest(check!.text, DETECTOR_CHECKS);
    report(diagnostic("unknown-enum-value", check!.span, { value: check!.text, type: "check of a detector", near }));
  }
  const regex = checkSearched(expression, report);
  return regex === null ? null : { name: name.text, regex, check: known ?? null, span: decl.name.span };
}
