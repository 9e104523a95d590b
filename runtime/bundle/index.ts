export * from "./load.ts";
export * from "./active.ts";
