export * from "./recorder.ts";
export { openRecorder, type OpenOptions } from "./open.ts";
export { openRecorderInThread } from "./writer-thread.ts";
export * from "./session-log.ts";
export type { LogReader, LogStore } from "./store.ts";
export { MemoryLogStore } from "./store-memory.ts";
export { readFrames } from "./frames.ts";
export { checkLog, type LogReport } from "./check.ts";
export { readLog } from "./read.ts";
export {
  TileMissing,
  consistencyProof,
  inclusionProof,
  proofFile,
  rangeRoots,
  verifyConsistency,
  verifyInclusion,
} from "./proof.ts";
