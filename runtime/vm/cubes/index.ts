export * from "./cube-index.ts";
export type { Plane, Row } from "./plane.ts";
