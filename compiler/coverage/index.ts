export * from "./measure.ts";
export * from "./report.ts";
export * from "./html.ts";
