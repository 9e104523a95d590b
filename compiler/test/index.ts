export * from "./run.ts";
export * from "./report.ts";
