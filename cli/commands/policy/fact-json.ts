import { err, ok, type Result } from "../../../base/result.ts";
import { listing, nearest } from "../../../base/text.ts";
import {
  ABSENT,
  PROTOCOLS,
  UNKNOWN,
  factAt,
  factsOf,
  type FactRecord,
  type FactType,
  type FactValue,
  type ProtocolName,
} from "../../../spec/contract/facts/index.ts";

/** What `policyc decide` is asked: the facts of one action. */
export interface FactRequest {
  readonly protocol: ProtocolName;
  readonly facts: ReadonlyMap<string, FactValue>;
}

export const FACTS_BYTES_MAX = 4 * 1024 * 1024;

/**
 * Reads `{ "protocol": "postgres", "facts": { "user.name": "ana", … } }`. A fact that is `null`, or that must always be there
 * and is not given, is unknown; an optional one that is not given is absent. Sets and lists are arrays, maps and records
 * objects, times RFC 3339 texts or milliseconds since 1970, durations milliseconds.
 *
 * @returns the request, or everything that is wrong with it
 */
export function readFacts(text: string): Result<FactRequest, readonly string[]> {
  if (text.length > FACTS_BYTES_MAX) return err([`the facts are longer than ${FACTS_BYTES_MAX} characters`]);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (fault) {
    return err([`the facts are not JSON: ${(fault as Error).message}`]);
  }
  if (!isObject(json)) return err(['the facts must be an object: { "protocol": "postgres", "facts": { … } }']);
  const faults: string[] = [];
  for (const key of Object.keys(json))
    if (key !== "protocol" && key !== "facts")
      faults.push(`there is no ${JSON.stringify(key)} here; known are protocol and facts`);
  const protocol = PROTOCOLS.find((one) => one === json["protocol"]);
  if (protocol === undefined) faults.push(`"protocol" must be ${listing(PROTOCOLS)}`);
  const given = json["facts"];
  if (!isObject(given)) faults.push('"facts" must be an object of facts by path');
  if (protocol === undefined || !isObject(given)) return err(faults);
  const facts = new Map<string, FactValue>(
    factsOf(protocol).map((fact) => [fact.path, fact.optional ? ABSENT : UNKNOWN]),
  );
  for (const [path, value] of Object.entries(given)) {
    const fact = factAt(protocol, path);
    if (fact === undefined) {
      const near = nearest(
        path,
        factsOf(protocol).map((one) => one.path),
      );
      faults.push(`${protocol} has no fact ${path}${near === undefined ? "" : `; did you mean ${near}?`}`);
      continue;
    }
    const read = value === null ? ok<FactValue>(UNKNOWN) : valueOf(value, fact.type);
    if (read.ok) facts.set(path, read.value);
    else faults.push(`${path} must be ${read.error}`);
  }
  return faults.length > 0 ? err(faults) : ok({ protocol, facts });
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The value of a type, or what it must be. */
function valueOf(value: unknown, type: FactType): Result<FactValue, string> {
  switch (type.kind) {
    case "bool":
      return typeof value === "boolean" ? ok(value) : err("true or false");
    case "int":
      return Number.isSafeInteger(value) ? ok(value as number) : err("a whole number");
    case "duration":
      return Number.isSafeInteger(value) && (value as number) >= 0 ? ok(value as number) : err("milliseconds");
    case "time": {
      const ms = typeof value === "string" && /^\d{4}-\d\d-\d\dT/.test(value) ? Date.parse(value) : value;
      return Number.isSafeInteger(ms) ? ok(ms as number) : err('a time such as "2026-03-01T10:00:00Z"');
    }
    case "string":
    case "address":
      // Policies compare in NFC, so facts come in it too.
      return typeof value === "string" ? ok(value.normalize("NFC")) : err("a text");
    case "enum":
      return typeof value === "string" && type.values.includes(value)
        ? ok(value)
        : err(`a ${type.name}${typeof value === "string" ? nearestOf(value, type.values) : ""}`);
    case "set":
    case "list": {
      if (!Array.isArray(value)) return err("an array");
      const items: FactValue[] = [];
      for (const item of value as readonly unknown[]) {
        const read = valueOf(item, type.of);
        if (!read.ok) return err(`an array, each of it ${read.error}`);
        items.push(read.value);
      }
      return ok(type.kind === "set" ? new Set(items as string[]) : (items as readonly string[]));
    }
    case "map": {
      if (!isObject(value)) return err("an object");
      const entries: [string, string][] = [];
      for (const [key, inner] of Object.entries(value)) {
        if (typeof inner !== "string") return err("an object of texts");
        entries.push([key, inner.normalize("NFC")]);
      }
      return ok(new Map(entries));
    }
    case "record": {
      if (!isObject(value)) return err("an object");
      const record: Record<string, FactRecord[string]> = {};
      for (const field of type.fields) {
        const read = valueOf(value[field.name], field.type);
        if (!read.ok) return err(`an object whose ${field.name} is ${read.error}`);
        record[field.name] = (read.value instanceof Set ? [...read.value] : read.value) as FactRecord[string];
      }
      return ok(record);
    }
  }
}

function nearestOf(value: string, values: readonly string[]): string {
  const near = nearest(value, values);
  return near === undefined ? "" : `; did you mean ${near}?`;
}
