export * from "./alerts.ts";
