export * from "./load.ts";
export * from "./active.ts";
export { counts, verdictOf } from "./verdict.ts";
