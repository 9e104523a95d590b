/** Values of one fact that the search for a witness tries. */
export const CANDIDATES_MAX = 64;
/** Steps of all searches for one witness together, once over statements of the tests and once over facts. */
export const SEARCH_STEPS_MAX = 3000;
/** Steps of a search that starts from one statement of the tests. */
export const STATEMENT_STEPS_MAX = 500;
/** Statements of the tests that a search starts from. */
export const STATEMENTS_MAX = 60;
