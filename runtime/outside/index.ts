export * from "./clock.ts";
export * from "./random.ts";
export { FileLogStore } from "./file-store.ts";
export * from "./net.ts";
export { serveHttp } from "./http.ts";
export { lockFolder } from "./folder-lock.ts";
