/** Cubes of one rule; past it, a part of the condition is left to the bytecode. */
export const CUBES_PER_RULE_MAX = 24;
/** Conditions of the form `any x in set` that one cube asks of the same set; the rest is left to the bytecode. */
export const ANY_PER_SET_MAX = 3;
/** States of one automaton. Patterns that need more together are spread over several. */
export const AUTOMATON_STATES_MAX = 20_000;
/** States that one pattern may need by itself; never more than one automaton may have, so that each finds its place. */
export const PATTERN_STATES_MAX = 4_000;
