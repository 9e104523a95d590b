export { checkFiles, checkTrees, hasErrors, type CheckResult } from "./check.ts";
export { environmentsOf, type Environment } from "./packages.ts";
export { typeOfPart, zoneNames } from "./time.ts";
