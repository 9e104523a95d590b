import type { Effect } from "../../spec/contract/bundle/index.ts";
import { UNKNOWN, type Truth } from "../../spec/contract/facts/index.ts";

/** Whether a rule counts as matched when its condition came out as `found`: what restricts does, what allows does not. */
export const counts = (effect: Effect, found: Truth): boolean => (found === UNKNOWN ? effect !== "allow" : found);

/** The verdict, by whether any rule that matches denies, asks for approval, or allows. */
export const verdictOf = (denies: boolean, approves: boolean, allows: boolean): "allow" | "approve" | "deny" =>
  denies ? "deny" : approves ? "approve" : allows ? "allow" : "deny";
