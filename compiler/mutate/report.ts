import { placeOf, type SourceFile } from "../../lang/index.ts";
import { textsOf } from "../condition/index.ts";
import { showAction } from "../analyse/index.ts";
import { testTextOf, type MutantResult, type MutationResult } from "./run.ts";

function placeText({ mutant }: MutantResult, files: readonly SourceFile[]): string {
  const { line, column } = placeOf(textsOf(files)(mutant.span.file), mutant.span.start);
  return `${mutant.span.file}:${line}:${column}`;
}

/** For a person: each fault that no test notices with the test that would, then the score. */
export function mutationHuman(result: MutationResult, files: readonly SourceFile[], colour: boolean): string {
  const yellow = (text: string): string => (colour ? `\u001b[33m${text}\u001b[39m` : text);
  const lines: string[] = [];
  for (const one of result.mutants) {
    if (one.state !== "survived" && one.state !== "inconclusive") continue;
    const verdict =
      one.state === "survived" ? "no test notices" : "no test notices, and it is not proved that one could";
    lines.push(`${placeText(one, files)}: ${yellow(verdict)}: ${one.mutant.change}`);
    const text = testTextOf(one);
    if (one.action !== null)
      lines.push(
        "  this action shows it, but no test can state it:",
        ...showAction(one.action).map((fact) => `    ${fact}`),
      );
    if (text !== null)
      lines.push(
        "  this one would:",
        "",
        ...text
          .trimEnd()
          .split("\n")
          .map((line) => `    ${line}`),
        "",
      );
  }
  const all = result.mutants.length;
  lines.push(
    `${all} faults: ${result.killed} noticed, ${result.survived} not; ${result.equivalent} change no decision, ${result.inconclusive} not decided`,
    `mutation score: ${result.score} %`,
  );
  return `${lines.join("\n")}\n`;
}

/** For scripts; the shape is stable. */
export function mutationJson(result: MutationResult, files: readonly SourceFile[]): string {
  const { score, killed, survived, equivalent, inconclusive } = result;
  const mutants = result.mutants.map((one) => {
    const { span, mutation, change } = one.mutant;
    return {
      file: span.file,
      ...placeOf(textsOf(files)(span.file), span.start),
      mutation,
      change,
      state: one.state,
      killedBy: one.killedBy,
      test: testTextOf(one),
    };
  });
  return `${JSON.stringify({ score, killed, survived, equivalent, inconclusive, mutants }, null, 2)}\n`;
}
