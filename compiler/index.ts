export { compile, seal, type Compiled } from "./compile.ts";
export { expressionFindings, protocolOf, statedFacts } from "./bundle/index.ts";
export * from "./test/index.ts";
export { explainDecision } from "./explain/index.ts";
export * from "./analyse/index.ts";
