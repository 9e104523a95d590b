export * from "./rates.ts";
