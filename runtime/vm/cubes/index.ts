export * from "./cube-index.ts";
export { Plane, type Row } from "./plane.ts";
export type { Classes } from "./classes.ts";
