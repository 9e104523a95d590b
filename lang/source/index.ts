export * from "./span.ts";
