export * from "./sql/index.ts";
export * from "./shell/index.ts";
