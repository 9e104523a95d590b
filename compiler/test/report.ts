import { placeOf, type SourceFile } from "../../lang/index.ts";
import type { CaseResult } from "./run.ts";

const escapeXml = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

const titleOf = (one: CaseResult): string =>
  one.one.title === "" ? one.test.name : `${one.test.name}: ${one.one.title}`;

function placeText(one: CaseResult, start: number, files: readonly SourceFile[]): string {
  const text = files.find((file) => file.path === one.test.file)?.text ?? "";
  const { line, column } = placeOf(text, start);
  return `${one.test.file}:${line}:${column}`;
}

/** For a person: failures with their places, then the count. */
export function reportHuman(results: readonly CaseResult[], files: readonly SourceFile[], colour: boolean): string {
  const red = (text: string): string => (colour ? `\u001b[31m${text}\u001b[39m` : text);
  const green = (text: string): string => (colour ? `\u001b[32m${text}\u001b[39m` : text);
  const lines: string[] = [];
  for (const one of results) {
    if (one.failures.length === 0) continue;
    lines.push(red(`not ok  ${titleOf(one)}`));
    for (const { expectation, why } of one.failures) {
      lines.push(`        ${placeText(one, (expectation?.span ?? one.test.span).start, files)}: ${why}`);
    }
  }
  const failed = results.filter((one) => one.failures.length > 0).length;
  const passed = results.length - failed;
  lines.push(failed === 0 ? green(`${passed} passed, 0 failed`) : red(`${passed} passed, ${failed} failed`));
  return `${lines.join("\n")}\n`;
}

export function reportTap(results: readonly CaseResult[]): string {
  const lines = ["TAP version 14", `1..${results.length}`];
  for (const [i, one] of results.entries()) {
    const title = titleOf(one).replaceAll(/[\n#\\]/g, " ");
    lines.push(`${one.failures.length === 0 ? "ok" : "not ok"} ${i + 1} - ${title}`);
    for (const { why } of one.failures) lines.push(`  # ${why.replaceAll("\n", " ")}`);
  }
  return `${lines.join("\n")}\n`;
}

export function reportJunit(results: readonly CaseResult[], files: readonly SourceFile[]): string {
  const failed = results.filter((one) => one.failures.length > 0).length;
  const cases = results.map((one) => {
    const name = escapeXml(titleOf(one));
    const file = escapeXml(one.test.file);
    if (one.failures.length === 0) return `    <testcase classname="${file}" name="${name}"/>`;
    const text = one.failures
      .map(({ expectation, why }) => `${placeText(one, (expectation?.span ?? one.test.span).start, files)}: ${why}`)
      .join("\n");
    return `    <testcase classname="${file}" name="${name}"><failure message="${escapeXml(one.failures[0]!.why)}">${escapeXml(text)}</failure></testcase>`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n  <testsuite name="policyc" tests="${results.length}" failures="${failed}">\n${cases.join("\n")}\n  </testsuite>\n</testsuites>\n`;
}

export function reportJson(results: readonly CaseResult[]): string {
  return `${JSON.stringify(
    results.map((one) => ({
      test: one.test.name,
      file: one.test.file,
      case: one.one.title,
      ok: one.failures.length === 0,
      failures: one.failures.map(({ why }) => why),
    })),
    null,
    2,
  )}\n`;
}
