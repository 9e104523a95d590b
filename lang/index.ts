export { checkFiles, checkTrees, hasErrors, type CheckResult } from "./check/index.ts";
export type * from "./checked/index.ts";
export * from "./diagnostics/index.ts";
export {
  cidrContains,
  evaluate,
  ruleMatches,
  decideByOracle,
  regexFinds,
  regexIs,
  type FactMap,
} from "./evaluate/index.ts";
export { formatText } from "./format/index.ts";
export * from "./lint/index.ts";
export { importCedar, type CedarFault, type CedarImport } from "./cedar/index.ts";
export { placeOf, type SourceFile, type Span } from "./source/index.ts";
export { hasAnchor, parseFile, parseRegex, type CodeRange, type RegexNode } from "./syntax/index.ts";
