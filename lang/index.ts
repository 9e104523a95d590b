export { checkFiles, hasErrors, type CheckResult } from "./check/index.ts";
export type * from "./checked/index.ts";
export * from "./diagnostics/index.ts";
export { cidrContains, decideByOracle, evaluate, ruleMatches, type FactMap } from "./evaluate/index.ts";
export { formatText } from "./format/index.ts";
export { placeOf, type SourceFile, type Span } from "./source/index.ts";
export { parseFile } from "./syntax/index.ts";
