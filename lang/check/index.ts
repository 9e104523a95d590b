export { checkFiles, checkTrees, hasErrors, type CheckResult } from "./check.ts";
