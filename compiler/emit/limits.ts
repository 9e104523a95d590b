/** States of the automaton that one expression may need. */
export const EXPRESSION_STATES = 4_000;
/** Years whose changes of a zone's offset a bundle carries; before and after, the first and last one hold. */
export const ZONE_YEARS = { from: 2000, to: 2060 } as const;
