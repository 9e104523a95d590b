export { checkFiles, hasErrors, type CheckResult } from "./check.ts";
