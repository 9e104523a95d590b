export * from "./run.ts";
export { ExpressionMatcher } from "./expression.ts";
export * from "./cubes/index.ts";
export { inRange } from "./address.ts";
