export { checkFiles, checkTrees, hasErrors, type CheckResult } from "./check.ts";
export { packageOf } from "./packages.ts";
