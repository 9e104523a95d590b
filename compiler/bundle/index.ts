export * from "./assemble.ts";
export { protocolOf, statedFacts, vectorsOf } from "./vectors.ts";
