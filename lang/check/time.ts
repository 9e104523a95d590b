import { enumOf, INT, type FactType } from "../../spec/contract/facts/index.ts";
import type { TimePart } from "../checked/index.ts";

export const WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] as const;
const WEEKDAY: FactType = enumOf("Weekday", WEEKDAYS);

export const typeOfPart = (part: TimePart): FactType => (part === "weekday" ? WEEKDAY : INT);

/** Names of zones are those of the IANA time zone database. */
export function isZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }) !== undefined && /^[A-Za-z]/.test(name);
  } catch {
    return false;
  }
}

export const zoneNames = (): readonly string[] => ["UTC", ...Intl.supportedValuesOf("timeZone")];

/** A moment as RFC 3339 writes it, with its offset; null for anything else. Milliseconds since 1970. */
export function momentOf(text: string): number | null {
  const form = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d)$/.exec(text);
  if (form === null) return null;
  const ms = Date.parse(text);
  if (!Number.isSafeInteger(ms)) return null;
  // `Date.parse` lets 30 February be 2 March.
  const [year, month, day] = [Number(form[1]), Number(form[2]), Number(form[3])];
  const date = new Date(Date.UTC(year, month - 1, day));
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? ms : null;
}
