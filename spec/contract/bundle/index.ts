export * from "./manifest.ts";
export * from "./layout.ts";
export * from "./envelope.ts";
