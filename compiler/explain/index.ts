export * from "./explain.ts";
export * from "./cost.ts";
