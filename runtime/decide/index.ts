export { combine, decideByConditions } from "./decide.ts";
export type { Executable } from "./executable.ts";
export { SessionPolicy, type ActionFacts, type FactReader } from "./session-policy.ts";
export { sqlFactReader, type ExecutionFacts } from "./sql-facts.ts";
export { reasonsOf } from "./reasons.ts";
