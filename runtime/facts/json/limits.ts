/** Scalars of a body that facts hold. */
export const SCALARS_MAX = 10_000;
/** How deep a body may nest to be read for facts. */
export const DEPTH_MAX = 64;
