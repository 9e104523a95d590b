export * from "./analysis.ts";
export { Analyser, ReadingContext, type AnalyserOptions, type AnalysisResult, type CatalogHandle } from "./analyser.ts";
export {
  CATALOG_QUERIES,
  CATALOG_STATE_QUERY,
  buildCatalog,
  type Catalog,
  type CatalogColumn,
  type CatalogRelation,
  type CatalogRows,
} from "./catalog.ts";
export { STATEMENT_BYTES_MAX } from "./limits.ts";
