/** Cases in which one rule's cubes are held against its condition. */
export const PROBES_PER_RULE_MAX = 1000;
/** Such cases of all rules of a bundle: with many rules each gets fewer. */
export const PROBES_MAX = 50_000;
/** Values of one fact that such cases are made of. */
export const PROBE_VALUES_MAX = 24;
