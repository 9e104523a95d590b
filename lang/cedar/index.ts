export { importCedar, type CedarImport } from "./convert.ts";
export type { CedarFault } from "./nodes.ts";
