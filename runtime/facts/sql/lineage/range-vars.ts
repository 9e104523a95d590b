import type { Body, Json } from "../tree.ts";

/** Everything in a tree that names a relation. A tree too deep for it is too deep for the walk, too. */
export function rangeVarsIn(b: Body): readonly Body[] {
  const found: Body[] = [];
  const look = (json: Json | undefined): void => {
    if (json === undefined || json === null || typeof json !== "object") return;
    if (Array.isArray(json)) {
      for (const item of json as readonly Json[]) look(item);
      return;
    }
    const inner = json as Body;
    if (typeof inner["relname"] === "string") found.push(inner);
    // FOR UPDATE OF names items of FROM again, by their aliases.
    for (const key in inner) if (key !== "lockedRels") look(inner[key]);
  };
  look(b);
  return found;
}
