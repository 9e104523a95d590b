export { compile, seal, type Compiled } from "./compile.ts";
export { protocolOf, statedFacts } from "./bundle/index.ts";
export * from "./test/index.ts";
export { explainDecision } from "./explain/index.ts";
