export * from "./masks.ts";
export * from "./detectors.ts";
export * from "./manifest.ts";
export * from "./layout.ts";
export * from "./envelope.ts";
export * from "./decision-index.ts";
