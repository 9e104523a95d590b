import type { StatementPlan } from "../protocol.ts";
import type { FieldDescription } from "./fields.ts";

/**
 * Compares what the server says of a result with what the analysis said of the statement. They disagree when the catalog
 * is stale or when gateway and server read the text differently; then nothing of the result may pass.
 *
 * @returns what is wrong, or null when the result may be masked by the plan
 */
export function checkResult(plan: StatementPlan, columns: readonly FieldDescription[]): string | null {
  const { mask, guarded, statement } = plan;
  // A rule of the relation that is written may give rows.
  if (guarded !== null && statement.returns !== "rows") return "it has rows where none were analysed";
  if (mask.kind !== "mask") {
    const leak = guarded === null ? undefined : columns.find((column) => guarded.has(column.relation));
    return leak === undefined
      ? null
      : `column ${JSON.stringify(leak.name)} comes from a relation with masked columns, unlike analysed`;
  }
  const outputs = statement.outputs;
  if (outputs === null || outputs.length !== columns.length) {
    return `it has ${columns.length} columns where ${outputs?.length ?? "none"} were analysed`;
  }
  for (const [i, column] of columns.entries()) {
    const output = outputs[i]!;
    // No name: it hangs on what only the server knows (a sub-select's star). Origin and place are checked all the same.
    if (output.name !== "" && column.name !== output.name) {
      return `column ${i + 1} is called ${JSON.stringify(column.name)} where ${JSON.stringify(output.name)} was analysed`;
    }
    if (column.relation === 0) continue;
    if (mask.substituted?.covered.has(`${column.relation}.${column.attribute}`) === true)
      return `column ${JSON.stringify(column.name)} comes from a column that the statement should see masked`;
    const known = (id: { relation: number; attribute: number }): boolean =>
      id.relation === column.relation && id.attribute === column.attribute;
    // A whole row of a table is announced as its column 0; it was analysed as something made of the table's columns.
    const wholeRow =
      column.attribute === 0 &&
      output.direct === null &&
      output.sources.some((source) => source.relation === column.relation);
    if (wholeRow) continue;
    if (output.direct !== null ? !known(output.direct) && !output.sources.some(known) : !output.sources.some(known)) {
      return `column ${JSON.stringify(column.name)} comes from another place than analysed`;
    }
  }
  return null;
}
