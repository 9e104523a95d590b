/** Branches that one question may open; past it the answer is "inconclusive". */
export const BRANCHES_MAX = 4_000;
/** Branches of a question that asks for one element of a set. */
export const ELEMENT_BRANCHES_MAX = 400;
/** States of the product of patterns over one text. */
export const WORD_STATES_MAX = 20_000;
/** States of one expression's automaton. */
export const REGEX_STATES_MAX = 4_000;
/** Values tried together for conditions that compare one fact with another. */
export const REPAIRS_MAX = 400;
/** Facts that are varied together for such conditions. */
export const REPAIR_FACTS_MAX = 3;
/** Violated constraints that are weighed before one is chosen to branch on. */
export const WEIGHED_MAX = 12;
/** Covering rules up to which the smallest set is looked for by leaving out one after the other. */
export const CORE_SHRINK_MAX = 12;
/** Cubes that an answer to `query` shows for one rule. */
export const QUERY_CUBES_MAX = 12;
/** Columns that stand for the columns of one mask. */
export const COLUMNS_MAX = 256;
/** Steps that a time with a wanted hour, minute or weekday is looked for, from one beginning: a week of minutes. */
export const TIME_STEPS_MAX = 10_200;
/** Times from which that search begins, spread over a year, so that both sides of a change of the clock are seen. */
export const TIME_STARTS = 4;
/** Choices of one column for each `plain` of an invariant. */
export const COLUMN_CHOICES_MAX = 64;
/** Rules up to which `check` looks for those that others cover, which grows faster than their number. */
export const COVERED_RULES_MAX = 2_000;
