export * from "./build.ts";
export { buildDfa, type Dfa, type DfaMode } from "./dfa.ts";
