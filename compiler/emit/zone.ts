import type { Constant } from "../../spec/contract/bundle/index.ts";
import { ZONE_YEARS } from "./limits.ts";

const MINUTE_MS = 60_000;
/** No zone changes its offset twice within so short a time. */
const STEP_MS = 12 * 86_400_000;

const known = new Map<string, Constant>();

/** The offsets of a zone as data, so that a gateway needs no calendar of its own. */
export function zoneConstant(name: string): Constant {
  const found = known.get(name);
  if (found !== undefined) return found;
  const format = new Intl.DateTimeFormat("en-US", { timeZone: name, timeZoneName: "longOffset" });
  const offsetAt = (ms: number): number => {
    const text = format.formatToParts(ms).find((part) => part.type === "timeZoneName")?.value ?? "";
    const parts = /^GMT([+-])(\d\d):(\d\d)/.exec(text);
    return parts === null ? 0 : (parts[1] === "-" ? -1 : 1) * (Number(parts[2]) * 60 + Number(parts[3]));
  };
  const end = Date.UTC(ZONE_YEARS.to, 0, 1);
  const from = [Date.UTC(ZONE_YEARS.from, 0, 1)];
  const minutes = [offsetAt(from[0]!)];
  for (let at = from[0]!; at < end; at += STEP_MS) {
    const before = minutes[minutes.length - 1]!;
    if (offsetAt(at + STEP_MS) === before) continue;
    // The change lies in this step; offsets change on whole minutes.
    let low = at;
    let high = at + STEP_MS;
    while (high - low > MINUTE_MS) {
      const middle = low + Math.floor((high - low) / 2 / MINUTE_MS) * MINUTE_MS;
      if (offsetAt(middle) === before) low = middle;
      else high = middle;
    }
    from.push(high);
    minutes.push(offsetAt(high));
  }
  const made: Constant = { kind: "zone", name, from, minutes };
  known.set(name, made);
  return made;
}
