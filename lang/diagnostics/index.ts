export { catalogue, type Code, type Severity } from "./catalogue.ts";
export * from "./apply.ts";
export * from "./diagnostic.ts";
export * from "./diff.ts";
export * from "./render-github.ts";
export * from "./render-json.ts";
export * from "./render-sarif.ts";
export * from "./render-terminal.ts";
export { EXAMPLES, type Example } from "./examples.ts";
