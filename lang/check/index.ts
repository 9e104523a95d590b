export { checkFiles, checkTrees, hasErrors, type CheckResult } from "./check.ts";
export { environmentsOf, packageOf, type Environment } from "./packages.ts";
export { typeOfPart, zoneNames } from "./time.ts";
