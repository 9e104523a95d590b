export { comparePolicies } from "./compare.ts";
export * from "./draft.ts";
export * from "./generate.ts";
export { mutantsOf, MUTATIONS, type Mutant, type Mutation } from "./operators.ts";
export * from "./report.ts";
export * from "./run.ts";
export type { Seed } from "./witness.ts";
