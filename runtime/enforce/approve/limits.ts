/** Requests that may wait at the same time; more are refused, so that nobody can bury an approver. */
export const PENDING_MAX = 1_000;
/** Requests of one person that may wait at the same time. */
export const PENDING_OF_ONE_MAX = 50;
/** The least time that a grant can be used after it was given, so that one given in the last second is worth something. */
export const GRANT_MS_MIN = 60_000;
/** Requests that a list shows at most, the newest first. */
export const LIST_MAX = 500;
