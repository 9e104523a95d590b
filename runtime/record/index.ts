export * from "./recorder.ts";
export * from "./open.ts";
export * from "./session-log.ts";
export type { LogStore } from "./store.ts";
export { MemoryLogStore } from "./store-memory.ts";
export { readFrames } from "./frames.ts";
export { checkLog, readLog, type LogReport, type LogReader } from "./check.ts";
