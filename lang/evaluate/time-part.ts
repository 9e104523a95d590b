import type { TimePart } from "../checked/index.ts";

const formats = new Map<string, Intl.DateTimeFormat>();

/** Hour, minute or name of the day that clocks in a zone show, by the platform's own calendar. */
export function timePart(part: TimePart, timeMs: number, zone: string): number | string {
  let format = formats.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      hourCycle: "h23",
      hour: "numeric",
      minute: "numeric",
      weekday: "long",
    });
    formats.set(zone, format);
  }
  const found = format.formatToParts(timeMs).find((one) => one.type === part)?.value ?? "";
  return part === "weekday" ? found.toLowerCase() : Number(found);
}
