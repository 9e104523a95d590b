import { placeOf, type SourceFile } from "../../lang/index.ts";
import { sourceOf, textsOf, type TextOf } from "../condition/index.ts";
import { STYLE } from "./html-style.ts";
import {
  outcomesReached,
  percent,
  rulesReached,
  stateOf,
  type ConditionCoverage,
  type Coverage,
  type RuleCoverage,
  type Share,
} from "./measure.ts";
import { missingOf } from "./report.ts";

const escape = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

const STATES = { decided: "decided", matched: "only matched", never: "never" } as const;

type Reach = "full" | "part" | "none";
const reachOf = (one: ConditionCoverage): Reach => (["full", "part", "none"] as const)[missingOf(one).length]!;
const REACH_TEXT: Readonly<Record<Reach, string>> = {
  full: "true and false seen",
  part: "one outcome missing",
  none: "neither true nor false seen",
};

/** The page's address of a line. Files are numbered in their order. */
type Anchor = (file: string, offset: number) => string;

/** One self-contained page: no script, no network, readable in light and dark and by keyboard. */
export function coverageHtml(coverage: Coverage, files: readonly SourceFile[]): string {
  const textOf = textsOf(files);
  const numbers = new Map(files.map((file, i) => [file.path, i]));
  const anchor: Anchor = (file, offset) => `f${numbers.get(file) ?? 0}-${placeOf(textOf(file), offset).line}`;
  const touched = files.filter((file) =>
    [...coverage.rules.map((rule) => rule.nameSpan), ...coverage.conditions.map((one) => one.span)].some(
      (span) => span.file === file.path,
    ),
  );
  return [
    "<!doctype html>",
    '<html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
    `<title>Policy coverage</title><style>${STYLE}</style></head><body>`,
    '<a class="skip" href="#source">Skip to the source</a>',
    `<header><h1>Policy coverage</h1><p>${coverage.actions} actions of tests; ${coverage.deniedByDefault} of them were denied by default.</p></header>`,
    "<main>",
    `<div class="meters">${meter("Rules that decided an action", rulesReached(coverage))}${meter("Outcomes of conditions seen", outcomesReached(coverage))}</div>`,
    gaps(coverage, textOf, anchor),
    ruleTable(coverage.rules, textOf, anchor),
    conditionTable(coverage.conditions, textOf, anchor),
    `<section id="source"><h2>Source</h2>${legend()}${touched.map((file) => source(file, coverage, numbers.get(file.path)!, textOf)).join("")}</section>`,
    "</main></body></html>\n",
  ].join("\n");
}

function meter(label: string, share: Share): string {
  return `<div class="meter"><p class="label">${label}</p><p class="value">${percent(share)} %</p><div class="bar" role="img" aria-label="${share.reached} of ${share.all}"><span style="width:${percent(share)}%"></span></div><p class="of">${share.reached} of ${share.all}</p></div>`;
}

/** What is left to test, first of all. */
function gaps(coverage: Coverage, textOf: TextOf, anchor: Anchor): string {
  const conditions = coverage.conditions.filter((one) => missingOf(one).length > 0);
  if (conditions.length === 0) return "<section><h2>Gaps</h2><p>Every condition was seen true and false.</p></section>";
  const rows = conditions.map(
    (one) =>
      `<tr><td><a href="#${anchor(one.span.file, one.span.start)}">${escape(one.span.file)}:${placeOf(textOf(one.span.file), one.span.start).line}</a></td><td><code>${escape(sourceOf(one, textOf))}</code></td><td>${missingOf(one).join(", ")}</td><td>${one.rules.map(escape).join(", ")}</td></tr>`,
  );
  return `<section><h2>Gaps</h2><div class="scroll" tabindex="0" role="region" aria-label="Conditions with a missing outcome"><table><thead><tr><th scope="col">Place</th><th scope="col">Condition</th><th scope="col">Never</th><th scope="col">In rules</th></tr></thead><tbody>${rows.join("")}</tbody></table></div></section>`;
}

function ruleTable(rules: readonly RuleCoverage[], textOf: TextOf, anchor: Anchor): string {
  const rows = rules.map((rule) => {
    const state = stateOf(rule);
    const { line } = placeOf(textOf(rule.nameSpan.file), rule.nameSpan.start);
    return `<tr><td>${rule.effect}</td><td><a href="#${anchor(rule.nameSpan.file, rule.nameSpan.start)}">${escape(rule.name)}</a></td><td><span class="state ${state}">${STATES[state]}</span></td><td class="number">${rule.decided}</td><td class="number">${rule.matched}</td><td>${escape(rule.nameSpan.file)}:${line}</td></tr>`;
  });
  return `<section><h2>Rules</h2><div class="scroll" tabindex="0" role="region" aria-label="Rules"><table><thead><tr><th scope="col">Effect</th><th scope="col">Rule</th><th scope="col">Reached</th><th scope="col" class="number">Decided</th><th scope="col" class="number">Matched</th><th scope="col">Place</th></tr></thead><tbody>${rows.join("")}</tbody></table></div></section>`;
}

function conditionTable(conditions: readonly ConditionCoverage[], textOf: TextOf, anchor: Anchor): string {
  const rows = conditions.map(({ span, seen }) => {
    const { line } = placeOf(textOf(span.file), span.start);
    const counts = [seen.true, seen.false, seen.unknown].map((count) => `<td class="number">${count}</td>`).join("");
    return `<tr><td><a href="#${anchor(span.file, span.start)}">${escape(span.file)}:${line}</a></td><td><code>${escape(sourceOf({ span }, textOf))}</code></td>${counts}</tr>`;
  });
  return `<section><h2>Conditions</h2><details><summary>How often each of the ${conditions.length} came out true, false and unknown</summary><div class="scroll" tabindex="0" role="region" aria-label="Conditions"><table><thead><tr><th scope="col">Place</th><th scope="col">Condition</th><th scope="col" class="number">True</th><th scope="col" class="number">False</th><th scope="col" class="number">Unknown</th></tr></thead><tbody>${rows.join("")}</tbody></table></div></details></section>`;
}

const legend = (): string =>
  `<p class="legend">${(["full", "part", "none"] as const).map((reach) => `<span class="${reach}">${REACH_TEXT[reach]}</span>`).join(" ")} The number beside a rule says how many actions it decided.</p>`;

function source(file: SourceFile, coverage: Coverage, number: number, textOf: TextOf): string {
  const conditions = coverage.conditions.filter((one) => one.span.file === file.path);
  const decided = new Map(
    coverage.rules
      .filter((rule) => rule.nameSpan.file === file.path)
      .map((rule) => [placeOf(file.text, rule.nameSpan.start).line, rule]),
  );
  let start = 0;
  const rows = file.text
    .replace(/\n$/, "")
    .split("\n")
    .map((text, i) => {
      const rule = decided.get(i + 1);
      const count = rule === undefined ? "" : `<span class="state ${stateOf(rule)}">${rule.decided}</span>`;
      const row = `<tr id="f${number}-${i + 1}"><td class="line">${i + 1}</td><td class="count">${count}</td><td><code>${marked(text.replace(/\r$/, ""), start, conditions, textOf)}</code></td></tr>`;
      start += text.length + 1;
      return row;
    });
  return `<details open><summary>${escape(file.path)}</summary><div class="scroll" tabindex="0" role="region" aria-label="${escape(file.path)}"><table class="source"><tbody>${rows.join("")}</tbody></table></div></details>`;
}

/** One line with each stretch marked by the smallest condition around it. */
function marked(line: string, start: number, conditions: readonly ConditionCoverage[], textOf: TextOf): string {
  const end = start + line.length;
  const inside = conditions.filter((one) => one.span.start < end && one.span.end > start);
  const cuts = [...new Set([start, end, ...inside.flatMap(({ span }) => [span.start, span.end])])]
    .filter((cut) => cut >= start && cut <= end)
    .sort((a, b) => a - b);
  return cuts
    .slice(1)
    .map((to, i) => {
      const from = cuts[i]!;
      const text = escape(line.slice(from - start, to - start));
      const around = inside.filter(({ span }) => span.start <= from && span.end >= to);
      const smallest = around.sort((a, b) => a.span.end - a.span.start - (b.span.end - b.span.start))[0];
      if (smallest === undefined || text.trim() === "") return text;
      const { seen } = smallest;
      const title = `${sourceOf(smallest, textOf)}: true ${seen.true} times, false ${seen.false}, unknown ${seen.unknown}`;
      return `<span class="${reachOf(smallest)}" title="${escape(title)}">${text}</span>`;
    })
    .join("");
}
