export const DATE_UNITS = ["decade", "year", "quarter", "month", "day", "hour"] as const;
export type DateUnit = (typeof DATE_UNITS)[number];

const FORM = /^(\d{4,7})-(\d\d)-(\d\d)(?:([ T])(\d\d):\d\d:\d\d(?:\.\d+)?(Z|[+-]\d\d(?::?\d\d){0,2})?)?( BC)?$/;

/**
 * A date, or date and time, in ISO form, cut to the beginning of its unit; a time zone stays as it is written. Infinity has no
 * parts to hide. Null when the text is in another form.
 */
export function truncateDate(text: string, unit: DateUnit): string | null {
  if (text === "infinity" || text === "-infinity") return text;
  const match = FORM.exec(text);
  if (match === null) return null;
  const [, year, month, day, between, hour, zone, era] = match;
  const place = DATE_UNITS.indexOf(unit);
  let y = year!;
  if (unit === "decade") {
    // Years before Christ count backwards: the decade begins with the higher number.
    const value = Number(y);
    const first = era === undefined ? value - (value % 10) : Math.ceil(value / 10) * 10;
    y = String(Math.max(first, 1)).padStart(y.length, "0");
  }
  const m =
    unit === "quarter"
      ? String(Math.floor((Number(month) - 1) / 3) * 3 + 1).padStart(2, "0")
      : place >= DATE_UNITS.indexOf("month")
        ? month!
        : "01";
  const d = place >= DATE_UNITS.indexOf("day") ? day! : "01";
  const time = between === undefined ? "" : `${between}${unit === "hour" ? hour! : "00"}:00:00${zone ?? ""}`;
  return `${y}-${m}-${d}${time}${era ?? ""}`;
}
