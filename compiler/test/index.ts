export * from "./outcome.ts";
export * from "./cases.ts";
export * from "./expect.ts";
export * from "./run.ts";
export * from "./report.ts";
