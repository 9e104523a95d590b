export * from "./approvals.ts";
export * from "./digest.ts";
export * from "./store.ts";
export * from "./limits.ts";
