export * from "./evaluate.ts";
export { globMatches } from "./glob.ts";
export { cidrContains } from "./cidr.ts";
export * from "./regex.ts";
