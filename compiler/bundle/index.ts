export * from "./assemble.ts";
export { statedFacts, vectorsOf } from "./vectors.ts";
