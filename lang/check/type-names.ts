import type { FactType } from "../../spec/contract/facts/index.ts";

/** A type in words, for messages. */
export function typeName(type: FactType): string {
  switch (type.kind) {
    case "bool":
      return "a condition";
    case "int":
      return "a number";
    case "string":
      return "a text";
    case "duration":
      return "a duration";
    case "time":
      return "a time";
    case "address":
      return "an address";
    case "enum":
      return `a ${type.name}`;
    case "set":
    case "list":
      return `a ${type.kind} of ${plainName(type.of)}`;
    case "record":
      return `a ${type.name}`;
    case "map":
      return "a map (index it with a key)";
  }
}

function plainName(type: FactType): string {
  return type.kind === "enum" ? `${type.name} values` : type.kind === "string" ? "texts" : `${type.kind} values`;
}

export function sameType(a: FactType, b: FactType): boolean {
  if (a.kind === "enum" && b.kind === "enum") return a.name === b.name;
  if ((a.kind === "set" || a.kind === "list") && (b.kind === "set" || b.kind === "list")) return sameType(a.of, b.of);
  return a.kind === b.kind;
}
