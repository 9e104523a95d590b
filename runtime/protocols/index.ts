export * from "./protocol.ts";
export { ByteStream } from "./byte-stream.ts";
