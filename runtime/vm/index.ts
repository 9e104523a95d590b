export * from "./run.ts";
export * from "./cubes/index.ts";
