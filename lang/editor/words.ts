import { listing, plural } from "../../base/text.ts";
import type { ColumnPattern, MaskSpec } from "../../spec/contract/bundle/index.ts";
import type { Fact, FactLifetime, FactType } from "../../spec/contract/facts/index.ts";
import type { CheckedRule } from "../checked/index.ts";

/** A type as the language reference writes it: `Set of SqlKind`. */
export function showType(type: FactType): string {
  switch (type.kind) {
    case "bool":
      return "Bool";
    case "int":
      return "Int";
    case "string":
      return "String";
    case "duration":
      return "Duration";
    case "time":
      return "Time";
    case "address":
      return "Address";
    case "enum":
    case "record":
      return type.name;
    case "set":
      return `Set of ${showType(type.of)}`;
    case "list":
      return `List of ${showType(type.of)}`;
    case "map":
      return `Map of String to ${showType(type.of)}`;
  }
}

const LIFETIMES: Readonly<Record<FactLifetime, string>> = {
  session: "set when the session starts",
  statement: "the same for the same text and catalog",
  execution: "may differ at each execution",
};

/** Type, whether it may be absent, and how long it keeps its value. */
export function showFact(fact: Fact): string {
  return `${showType(fact.type)}${fact.optional ? ", may be absent" : ""}; ${LIFETIMES[fact.lifetime]}`;
}

const UNITS: readonly (readonly [string, number])[] = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
  ["second", 1000],
];

function showDuration(ms: number): string {
  for (const [unit, size] of UNITS) if (ms >= size && ms % size === 0) return plural(ms / size, unit);
  return `${ms} ms`;
}

export function showMask({ kind, args }: MaskSpec): string {
  return args.length === 0 ? kind : `${kind}(${args.join(", ")})`;
}

export function showPattern({ schema, table, column }: ColumnPattern): string {
  return [schema, table, column].map((part) => part ?? "*").join(".");
}

/** What a rule does, in a sentence. */
export function effectInWords(rule: CheckedRule): string {
  const where = listing(rule.protocols, "and");
  switch (rule.effect) {
    case "allow":
      return `Lets actions on ${where} go ahead, where no rule denies them or wants them approved.`;
    case "deny":
      return `Refuses actions on ${where}, whatever else allows them.`;
    case "approve": {
      const spec = rule.approve;
      if (spec === null) return `Makes actions on ${where} wait for approval.`;
      const who = [
        ...spec.groups.map((group) => `the group “${group}”`),
        ...spec.users.map((user) => `the user “${user}”`),
      ];
      const valid = spec.validMs === 0 ? "once" : `for ${showDuration(spec.validMs)}`;
      return `Makes actions on ${where} wait up to ${showDuration(spec.withinMs)} for ${spec.quorum} of ${listing(who) || "nobody"}; a grant is good ${valid}.`;
    }
    case "mask": {
      const masks = (rule.mask?.with ?? []).map(
        (entry) => `${entry.name === null ? "everything" : `\`${entry.name}\``} as \`${showMask(entry.mask)}\``,
      );
      return `Masks what comes back on ${where}: ${listing(masks, "and") || "nothing yet"}.`;
    }
    case "limit": {
      const parts = [
        ...(typeof rule.limit?.rows === "number" ? [plural(rule.limit.rows, "row")] : []),
        ...(typeof rule.limit?.bytes === "number" ? [plural(rule.limit.bytes, "byte")] : []),
        ...(rule.limit?.rate != null
          ? [`${plural(rule.limit.rate.count, "statement")} per ${showDuration(rule.limit.rate.perMs)}`]
          : []),
      ];
      return `Stops actions on ${where} past ${listing(parts) || "a limit"}.`;
    }
    case "alert":
      return `Sends a notice of actions on ${where} to ${listing(rule.alertTo, "and") || "nobody"}; the actions are not changed.`;
  }
}
