import { planMasks, rewrite, type MaskedCatalog } from "../enforce/mask/index.ts";
import type { Analyser, Analysis, ReadingContext } from "../facts/index.ts";

/** The text with masked relations replaced; null when something else stands at their places. */
export function substituted(text: Buffer, analysis: Analysis, masked: MaskedCatalog): Buffer | null {
  // Of a text of a known shape the places are its own, so they are worked out for each.
  const plans = analysis.statements.map((statement) => planMasks(statement, masked));
  return rewrite(
    text,
    plans.flatMap((plan) => (plan.kind === "mask" ? (plan.substituted?.replacements ?? []) : [])),
  );
}

/** Before a rewritten text is sent it is read as any other: it must be as many statements with the same outputs. */
export async function provesSubstitution(
  rewritten: Buffer,
  analysis: Analysis,
  analyser: Analyser,
  context: ReadingContext,
): Promise<boolean> {
  const result = await analyser.analyse(rewritten, context);
  return result.ok && shapeOf(result.analysis) === shapeOf(analysis);
}

const shapeOf = ({ statements }: Analysis): string =>
  JSON.stringify(statements.map((one) => [one.units[0]?.kind, one.outputs?.map((output) => output.name)]));
