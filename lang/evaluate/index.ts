export * from "./evaluate.ts";
export { globMatches } from "./glob.ts";
export { cidrContains } from "./cidr.ts";
