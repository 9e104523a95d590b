export * from "./clock.ts";
export * from "./random.ts";
export { FileLogStore } from "./file-store.ts";
export * from "./net.ts";
export { serveHttp } from "./http.ts";
export { lockFolder } from "./folder-lock.ts";
export { recordingsIn, type RecordingFile, type RecordingStore } from "./recordings.ts";
