import { ABSENT, type FactValue } from "../../spec/contract/facts/index.ts";
import type { Place } from "./literal.ts";

/** A Monday morning: what a time is when nothing says otherwise. */
export const USUAL_TIME = Date.UTC(2026, 0, 5, 10);

/** Names that people can read, tried before the shortest that fits. */
const USUAL_TEXTS: Readonly<Record<string, readonly string[]>> = {
  "user.name": ["ana", "bob"],
  "user.groups[]": ["staff", "guests"],
  "target.name": ["db", "app"],
  "target.database": ["app", "db"],
  "target.account": ["app"],
  "session.id": ["s1"],
  "statement.schemas[]": ["public"],
  "statement.tables[]": ["public.t"],
  "statement.tables_read[]": ["public.t"],
  "statement.tables_written[]": ["public.t"],
  "statement.columns[]": ["public.t.c"],
  "request.path": ["/"],
  "request.host": ["host"],
};

export const usualTexts = (place: Place): readonly string[] =>
  USUAL_TEXTS[place.path] ?? (place.key === null && !place.path.includes("[]") ? [""] : ["x", "y"]);

const USUALLY_TRUE = new Set(["statement.filtered", "statement.read_only", "client.tls", "command.parsed"]);

/** What a fact is when nothing is asked of it. */
export function usualValue(place: Place): FactValue {
  if (place.optional) return ABSENT;
  switch (place.type.kind) {
    case "bool":
      return USUALLY_TRUE.has(place.path);
    case "int":
    case "duration":
      return 0;
    case "time":
      return USUAL_TIME;
    case "string":
      return usualTexts(place)[0]!;
    case "address":
      return "10.0.0.1";
    case "enum":
      return place.type.values[0]!;
    case "set":
      return new Set();
    case "list":
      return [];
    case "map":
      return new Map();
    case "record":
      return {};
  }
}
