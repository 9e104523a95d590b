export { Scanner, type DeclaredDetectors, type OnMatch } from "./scanner.ts";
export { StreamScanner, type StreamSink } from "./stream.ts";
export { scannerOf } from "./of-bundle.ts";
export { HOLD_BYTES_MAX } from "./limits.ts";
