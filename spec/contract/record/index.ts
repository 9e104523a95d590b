export * from "./canonical.ts";
export * from "./entry.ts";
export * from "./masked.ts";
export * from "./note.ts";
export * from "./tiles.ts";
