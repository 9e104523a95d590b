export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

/** An object or list in the form that `Accept` asks for. */
export function shaped(value: { [key: string]: Json }, accept: string): Json {
  const items = Array.isArray(value["items"]) ? (value["items"] as { [key: string]: Json }[]) : null;
  const partial = (one: { [key: string]: Json }): Json => ({
    kind: "PartialObjectMetadata",
    apiVersion: "meta.k8s.io/v1",
    metadata: one["metadata"] ?? {},
  });
  if (/as=Table/.test(accept)) {
    const kind = String((items?.[0] ?? value)["kind"] ?? "").replace(/List$/, "");
    return {
      kind: "Table",
      apiVersion: "meta.k8s.io/v1",
      metadata: { resourceVersion: "1" },
      columnDefinitions: columnsOf(kind).map(([name, type]) => ({
        name,
        type,
        format: name === "Name" ? "name" : "",
        description: "",
        priority: 0,
      })),
      rows: (items ?? [value]).map((one) => ({ cells: cellsOf(kind, one), object: partial(one) })),
    };
  }
  if (/as=PartialObjectMetadata/.test(accept))
    return items === null
      ? partial(value)
      : { kind: "PartialObjectMetadataList", apiVersion: "meta.k8s.io/v1", metadata: {}, items: items.map(partial) };
  return value;
}

const columnsOf = (kind: string): readonly (readonly [string, string])[] =>
  kind === "Secret"
    ? [
        ["Name", "string"],
        ["Type", "string"],
        ["Data", "integer"],
      ]
    : kind === "ConfigMap"
      ? [
          ["Name", "string"],
          ["Data", "integer"],
        ]
      : kind === "Pod"
        ? [
            ["Name", "string"],
            ["Status", "string"],
            ["Node", "string"],
          ]
        : [["Name", "string"]];

function cellsOf(kind: string, one: { [key: string]: Json }): Json[] {
  const at = (name: string): { [key: string]: Json } => (one[name] as { [key: string]: Json } | undefined) ?? {};
  const name = at("metadata")["name"] ?? "";
  const count = Object.keys(at("data")).length;
  if (kind === "Secret") return [name, one["type"] ?? "Opaque", count];
  if (kind === "ConfigMap") return [name, count];
  if (kind === "Pod") return [name, at("status")["phase"] ?? "", at("spec")["nodeName"] ?? ""];
  return [name];
}

/** A merge patch (RFC 7396). */
export function merge(onto: Json, patch: Json): Json {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const out = typeof onto === "object" && onto !== null && !Array.isArray(onto) ? onto : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete out[key];
    else out[key] = merge(out[key] ?? null, value);
  }
  return out;
}
