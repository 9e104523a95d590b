/** What an answer is wanted in, after everything that masks and the record can't read was taken off. */
export interface Accepted {
  /** The field as it goes on; null: the client takes nothing that can be read. */
  readonly field: string | null;
  /** The client takes tables. */
  readonly tables: boolean;
}

/**
 * Leaves of an `Accept` field what is JSON: protobuf, CBOR and YAML are negotiated away, for the API server gives JSON of
 * everything it has. `as=Table` and `as=PartialObjectMetadata` stay.
 */
export function acceptJson(accept: string | undefined): Accepted {
  if (accept === undefined) return { field: "application/json", tables: false };
  const kept: string[] = [];
  for (const part of accept.split(",")) {
    const range = part.trim();
    const type = /^[^;\s]*/.exec(range)![0].toLowerCase();
    if (type === "application/json") kept.push(range);
    else if (type === "*/*" || type === "application/*") kept.push(range.replace(/^[^;\s]*/, "application/json"));
  }
  return {
    field: kept.length === 0 ? null : [...new Set(kept)].join(","),
    tables: kept.some((one) => /;\s*as=table\b/i.test(one)),
  };
}
