import type { CopyShape } from "../analysis.ts";
import { body, is, list, optionText, text, type Body } from "../tree.ts";

/** The form of a COPY's rows, as its options say. */
export function copyShape(b: Body, direction: "in" | "out"): CopyShape {
  const options = new Map(
    list(b["options"]).map((option) => {
      const given = body(is(option, "DefElem") ?? undefined);
      return [text(given["defname"]), given["arg"]] as const;
    }),
  );
  const value = (name: string): string | null => optionText(options.get(name));
  const format = value("format") ?? "text";
  const csv = format === "csv";
  const header = options.has("header") && !["false", "off", "0"].includes(value("header") ?? "true");
  const known = new Set([
    "format",
    "header",
    "delimiter",
    "quote",
    "escape",
    "null",
    "freeze",
    "on_error",
    "log_verbosity",
    "reject_limit",
  ]);
  return {
    direction,
    format: format === "csv" || format === "binary" ? format : "text",
    header,
    delimiter: value("delimiter") ?? (csv ? "," : "\t"),
    quote: value("quote") ?? '"',
    escape: value("escape") ?? value("quote") ?? '"',
    nullText: value("null") ?? (csv ? "" : "\\N"),
    unmodelled: [...options.keys()]
      .filter((name) => !known.has(name))
      .concat(["text", "csv", "binary"].includes(format) ? [] : ["format"]),
  };
}
