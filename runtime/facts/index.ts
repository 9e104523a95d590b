export * from "./sql/index.ts";
export * from "./json/index.ts";
export * from "./shell/index.ts";
