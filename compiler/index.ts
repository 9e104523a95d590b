export { compile, seal, type Compiled } from "./compile.ts";
export { expressionFindings, protocolOf, statedFacts } from "./bundle/index.ts";
export * from "./test/index.ts";
export { explainDecision, stepsOfRule } from "./explain/index.ts";
export * from "./coverage/index.ts";
export * from "./mutate/index.ts";
export { textsOf } from "./condition/index.ts";
export * from "./analyse/index.ts";
