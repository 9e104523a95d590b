export * from "./emit.ts";
export { EXPRESSION_STATES } from "./limits.ts";
