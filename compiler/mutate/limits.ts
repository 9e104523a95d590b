/** Values of one fact that the search for a witness tries. */
export const CANDIDATES_MAX = 40;
/** Steps of one search for a witness. */
export const SEARCH_STEPS_MAX = 20_000;
/** Steps of a search that starts from one action of the tests. */
export const ACTION_STEPS_MAX = 2000;
/** Actions of the tests that a search starts from. */
export const ACTIONS_MAX = 60;
