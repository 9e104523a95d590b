/** Instructions of one program. */
export const CODE_LENGTH_MAX = 100_000;
export const STACK_DEPTH_MAX = 256;
/** Quantifiers inside one another. */
export const QUANTIFIER_DEPTH_MAX = 8;
/** Elements of one fact that a quantifier looks at; a longer fact makes the condition unknown. */
export const ELEMENTS_MAX = 10_000;
/** Programs, constants, facts and rules of one bundle. */
export const TABLE_LENGTH_MAX = 200_000;
/** Steps that a decision may take in the worst case; a bundle that needs more is refused. */
export const STEPS_MAX = 1e12;
/** Constraints of one cube. */
export const CUBE_CONSTRAINTS_MAX = 1_000;
/** States of the automaton of one expression. */
export const EXPRESSION_STATES_MAX = 20_000;
