export * from "./children.ts";
export * from "./observe.ts";
