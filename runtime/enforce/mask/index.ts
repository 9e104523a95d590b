export * from "./value-mask.ts";
export * from "./plan.ts";
export * from "./statement-text.ts";
export * from "./sample-rows.ts";
export * from "./request-text.ts";
