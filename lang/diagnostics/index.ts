export { catalogue, type Code, type Severity } from "./catalogue.ts";
export * from "./diagnostic.ts";
export * from "./render.ts";
