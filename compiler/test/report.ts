import { placeOf, type CheckedRule, type SourceFile } from "../../lang/index.ts";
import { textsOf } from "../condition/index.ts";
import { actionText, spanOf } from "./cases.ts";
import { hasFailed, type CaseResult, type Failure } from "./run.ts";
import { whyLines } from "./why.ts";

/** What reports quote from. */
export interface ReportSource {
  readonly files: readonly SourceFile[];
  readonly rules: readonly CheckedRule[];
}

const escapeXml = (text: string): string =>
  text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    // XML has no way to write these.
    .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, "\uFFFD");

interface Placed extends Failure {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly details: readonly string[];
}

function placedFailures(result: CaseResult, { files, rules }: ReportSource): readonly Placed[] {
  const textOf = textsOf(files);
  return result.failures.map((failure) => {
    const span = spanOf(result.one, failure.expectation);
    const { line, column } = placeOf(textOf(span.file), span.start);
    return { ...failure, file: span.file, line, column, details: whyLines(result, failure, rules, textOf) };
  });
}

const at = (one: Placed): string => `${one.file}:${one.line}:${one.column}`;

function counts(results: readonly CaseResult[]): { readonly passed: number; readonly failed: number } {
  const failed = results.filter(hasFailed).length;
  return { passed: results.length - failed, failed };
}

/** For a person: failures with their places and reasons, then the count. */
export function reportHuman(results: readonly CaseResult[], source: ReportSource, colour: boolean): string {
  const paint = (code: number, text: string): string => (colour ? `\u001b[${code}m${text}\u001b[39m` : text);
  const lines: string[] = [];
  for (const result of results.filter(hasFailed)) {
    lines.push(paint(31, `not ok  ${result.one.title}`));
    for (const one of placedFailures(result, source)) {
      lines.push(`        ${at(one)}: ${one.why}`, ...one.details.map((detail) => `          ${detail}`));
    }
  }
  const { passed, failed } = counts(results);
  lines.push(paint(failed === 0 ? 32 : 31, `${passed} passed, ${failed} failed`));
  return `${lines.join("\n")}\n`;
}

const oneLine = (text: string): string => text.replaceAll(/\s*\n\s*/g, " ");

/** TAP 14: a line for each case, and a block of YAML for each that failed. */
export function reportTap(results: readonly CaseResult[], source: ReportSource): string {
  const lines = ["TAP version 14", `1..${results.length}`];
  for (const [i, result] of results.entries()) {
    const title = oneLine(result.one.title).replaceAll("\\", "\\\\").replaceAll("#", "\\#");
    lines.push(`${hasFailed(result) ? "not ok" : "ok"} ${i + 1} - ${title}`);
    if (!hasFailed(result)) continue;
    lines.push("  ---", "  failures:");
    for (const one of placedFailures(result, source)) {
      lines.push(`    - at: ${JSON.stringify(at(one))}`, `      message: ${JSON.stringify(one.why)}`);
      if (one.details.length > 0)
        lines.push("      why:", ...one.details.map((detail) => `        - ${JSON.stringify(detail)}`));
    }
    lines.push("  ...");
  }
  return `${lines.join("\n")}\n`;
}

/** JUnit XML as CI servers read it: a suite for each file. */
export function reportJunit(results: readonly CaseResult[], source: ReportSource): string {
  const byFile = Map.groupBy(results, (result) => result.one.test.file);
  const all = counts(results);
  const suites = [...byFile].map(([file, own]) => {
    const cases = own.map((result) => {
      const open = `    <testcase classname="${escapeXml(file)}" name="${escapeXml(result.one.title)}"`;
      if (!hasFailed(result)) return `${open}/>`;
      const text = placedFailures(result, source)
        .map((one) => [`${at(one)}: ${one.why}`, ...one.details.map((detail) => `  ${detail}`)].join("\n"))
        .join("\n");
      return `${open}><failure message="${escapeXml(result.failures[0]!.why)}">${escapeXml(text)}</failure></testcase>`;
    });
    return `  <testsuite name="${escapeXml(file)}" tests="${own.length}" failures="${counts(own).failed}">\n${cases.join("\n")}\n  </testsuite>\n`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites tests="${results.length}" failures="${all.failed}">\n${suites.join("")}</testsuites>\n`;
}

/** For scripts; the shape is stable. */
export function reportJson(results: readonly CaseResult[], source: ReportSource): string {
  return `${JSON.stringify(
    results.map((result) => ({
      test: result.one.test.name,
      file: result.one.test.file,
      line: placeOf(textsOf(source.files)(result.one.test.file), result.one.test.span.start).line,
      case: result.one.row.title,
      form: result.one.row.action.form,
      text: actionText(result.one.row.action),
      ok: !hasFailed(result),
      verdict: result.outcome?.verdict ?? null,
      deciding: result.outcome?.deciding ?? [],
      failures: placedFailures(result, source).map(({ file, line, column, why, details }) => ({
        file,
        line,
        column,
        message: why,
        why: details,
      })),
    })),
    null,
    2,
  )}\n`;
}

const forCommand = (text: string): string =>
  text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
const forProperty = (text: string): string => forCommand(text).replaceAll(":", "%3A").replaceAll(",", "%2C");

/** Workflow commands of GitHub Actions: each failure becomes a note at its line. */
export function reportGithub(results: readonly CaseResult[], source: ReportSource): string {
  const lines = results.flatMap((result) =>
    placedFailures(result, source).map(
      (one) =>
        `::error file=${forProperty(one.file)},line=${one.line},col=${one.column},title=${forProperty(oneLine(result.one.title))}::${forCommand([one.why, ...one.details].join("\n"))}`,
    ),
  );
  const { passed, failed } = counts(results);
  return `${[...lines, `${passed} passed, ${failed} failed`].join("\n")}\n`;
}
