export * from "./value-mask.ts";
export * from "./plan.ts";
