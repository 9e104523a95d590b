import { ABSENT, UNKNOWN, type FactValue } from "../../spec/contract/facts/index.ts";
import type { CheckedExpr } from "../../lang/index.ts";
import type { Candidate } from "./candidate.ts";
import { readsOf, type Conditions } from "./condition.ts";
import type { GroupValues } from "./group.ts";
import { REPAIRS_MAX, REPAIR_FACTS_MAX } from "./limits.ts";
import type { Literal, Place } from "./literal.ts";

/**
 * Other values for the facts that conditions taken whole speak of (`user.name == target.name`), so that they may come true:
 * each fact takes what the others and the conditions' constants are. A guess; whoever asks tries each and judges it.
 */
export function* repairs(
  literals: readonly Literal[],
  groups: ReadonlyMap<string, GroupValues>,
  candidate: Candidate,
  conditions: Conditions,
): Generator<ReadonlyMap<string, GroupValues>> {
  const wrong = literals.flatMap((literal) => literal.place.whole ?? []);
  const paths = new Set(wrong.flatMap((expr) => readsOf(expr).map((read) => read.path)));
  const places = conditions.literals.places.filter((place) => !place.known && paths.has(place.path));
  const varied = places.slice(0, REPAIR_FACTS_MAX);
  const texts = textsOf(wrong, places, candidate);
  const pools = varied.map((place) => poolOf(place, texts, candidate.valueOf(place)));
  let tried = 0;
  for (const choice of product(pools)) {
    if (++tried > REPAIRS_MAX) return;
    const next = new Map(groups);
    for (const [i, place] of varied.entries()) {
      const group = next.get(place.group);
      const values = new Map(group?.values ?? []);
      values.set(place, choice[i]!);
      next.set(place.group, { values, unknown: false });
    }
    yield next;
  }
}

function textsOf(wrong: readonly CheckedExpr[], places: readonly Place[], candidate: Candidate): readonly string[] {
  const found = new Set<string>();
  for (const place of places) {
    const value = candidate.valueOf(place);
    if (typeof value === "string") found.add(value);
    if (typeof value === "number") found.add(String(value));
    if (value instanceof Set) for (const one of value as ReadonlySet<string>) found.add(one);
  }
  const look = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    if ("kind" in value && value.kind === "const" && "value" in value) found.add(String(value.value));
    if ("kind" in value && value.kind === "constant-set" && "values" in value)
      for (const one of value.values as readonly (string | number)[]) found.add(String(one));
    for (const [key, inner] of Object.entries(value)) if (key !== "span" && key !== "type") look(inner);
  };
  for (const expr of wrong) look(expr);
  return [...found, "a", "b"];
}

function poolOf(place: Place, texts: readonly string[], now: FactValue): readonly FactValue[] {
  const absent: readonly FactValue[] = place.optional ? [ABSENT] : [];
  switch (place.type.kind) {
    case "bool":
      return [now, true, false, ...absent, UNKNOWN];
    case "string":
    case "address":
      return [now, ...texts, ...absent, UNKNOWN];
    case "enum":
      return [now, ...place.type.values.slice(0, 4), ...absent, UNKNOWN];
    case "int":
    case "time":
    case "duration": {
      const numbers = [...texts.map(Number).filter(Number.isSafeInteger), 0];
      return [now, ...new Set(numbers.flatMap((one) => [one, one + 1, one - 1])), ...absent, UNKNOWN];
    }
    case "set":
    case "list": {
      const { of } = place.type;
      if (of.kind !== "string" && of.kind !== "enum") return [now];
      const fits = of.kind === "enum" ? of.values.slice(0, 4) : texts;
      const old = now instanceof Set ? [...(now as ReadonlySet<string>)] : Array.isArray(now) ? (now as string[]) : [];
      const sets = [[], ...fits.map((one) => [one]), ...fits.map((one) => [...new Set([...old, one])])];
      return [now, ...sets.map((one) => (place.type.kind === "set" ? new Set(one) : one)), ...absent, UNKNOWN];
    }
    default:
      return [now];
  }
}

/** All choices of one from each, those with few changes from the first ones early. */
function* product(pools: readonly (readonly FactValue[])[]): Generator<readonly FactValue[]> {
  const longest = Math.max(0, ...pools.map((pool) => pool.length));
  for (let reach = 1; reach <= longest; reach++) {
    const walk = function* (
      i: number,
      chosen: readonly FactValue[],
      touched: boolean,
    ): Generator<readonly FactValue[]> {
      const pool = pools[i];
      if (pool === undefined) {
        if (touched) yield chosen;
        return;
      }
      for (const [j, value] of pool.slice(0, reach).entries())
        yield* walk(i + 1, [...chosen, value], touched || j === reach - 1);
    };
    yield* walk(0, [], false);
  }
}
