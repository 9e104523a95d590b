import {
  CHANGES,
  actionJson,
  differences,
  showAction,
  type Change,
  type Difference,
  type Outcome,
  type Undecided,
} from "../../../compiler/index.ts";
import {
  checkFiles,
  hasErrors,
  placeOf,
  renderTerminal,
  type CheckedRule,
  type SourceFile,
} from "../../../lang/index.ts";
import { listing, plural } from "../../../base/text.ts";
import { readArguments } from "../../arguments.ts";
import { EXIT, UsageError, printable, type Io } from "../../io.ts";
import { policyFiles } from "./files.ts";

const HELP = `policyc diff: what changes in meaning between two policies

  policyc diff OLD NEW [--fail-on CHANGE,…] [--format human|json|github]

OLD and NEW are policy files or folders of them. Rules that were only moved, renamed or said in other words make no
difference. Each difference comes with an action on which it shows, and with the rules that decide it before and after.

  --fail-on CHANGE,…   changes that end with exit code 6; by default widened, mask-weakened, approval-weakened,
                       limit-raised; "none" for no change, "any" for all. Known are:
                       ${CHANGES.slice(0, 5).join(", ")},
                       ${CHANGES.slice(5).join(", ")}
  --format FORMAT      human (default); json; github: Markdown for a comment on a pull request

Exit codes: 0 no difference that matters; 1 a policy has errors; 2 wrong use; 6 a change of --fail-on;
7 some rule could not be decided.
`;

const FAILING: readonly Change[] = ["widened", "mask-weakened", "approval-weakened", "limit-raised"];

const TITLES: Readonly<Record<Change, string>> = {
  widened: "Access widened",
  narrowed: "Access narrowed",
  "mask-weakened": "Masks weakened",
  "mask-strengthened": "Masks strengthened",
  "approval-weakened": "Approvals weakened",
  "approval-strengthened": "Approvals strengthened",
  "limit-raised": "Limits raised",
  "limit-lowered": "Limits lowered",
  "alert-removed": "Alerts removed",
  "alert-added": "Alerts added",
};

interface Loaded {
  readonly files: readonly SourceFile[];
  readonly rules: readonly CheckedRule[];
}

export function diffCommand(argv: readonly string[], io: Io): number {
  const { values, positionals } = readArguments(argv, { format: { type: "string" }, "fail-on": { type: "string" } });
  if (values.help === true) {
    io.stdout(HELP);
    return EXIT.ok;
  }
  const [before, after, more] = positionals;
  if (before === undefined || after === undefined || more !== undefined)
    throw new UsageError("give two policies, the old one and the new one");
  const failing = failingOf(values["fail-on"]);
  const format = values.format ?? "human";
  if (format !== "human" && format !== "json" && format !== "github")
    throw new UsageError("--format takes human, json, github");
  const [old, now] = [load(before, io), load(after, io)];
  if (old === null || now === null) return EXIT.findings;
  const all = [...differences(old.rules, now.rules)];
  const found = all.filter((one): one is Difference => "action" in one);
  const undecided = all.filter((one): one is Undecided => !("action" in one));
  const report = { found, undecided, old, now };
  io.stdout(format === "json" ? json(report) : format === "github" ? github(report) : human(report));
  if (found.some((one) => failing.has(one.change))) return EXIT.widened;
  return undecided.some((one) => failing.has(one.change)) ? EXIT.inconclusive : EXIT.ok;
}

function failingOf(text: string | undefined): ReadonlySet<Change> {
  if (text === undefined) return new Set(FAILING);
  if (text === "none") return new Set();
  if (text === "any") return new Set(CHANGES);
  return new Set(
    text.split(",").map((word) => {
      const known = CHANGES.find((change) => change === word.trim());
      if (known === undefined) throw new UsageError(`--fail-on takes none, any, ${listing(CHANGES, "and")}`);
      return known;
    }),
  );
}

function load(path: string, io: Io): Loaded | null {
  const files = policyFiles([path], io);
  const { policy, diagnostics } = checkFiles(files);
  if (!hasErrors(diagnostics)) return { files, rules: policy.rules };
  io.stderr(
    renderTerminal(
      diagnostics.filter((one) => one.severity === "error"),
      files,
      io.colour,
    ),
  );
  return null;
}

interface Report {
  readonly found: readonly Difference[];
  readonly undecided: readonly Undecided[];
  readonly old: Loaded;
  readonly now: Loaded;
}

function where({ rule, side }: Difference | Undecided, { old, now }: Report): string {
  const { files } = side === "old" ? old : now;
  const { file, start } = rule.nameSpan;
  return `${file}:${placeOf(files.find((one) => one.path === file)?.text ?? "", start).line}`;
}

const WORDS = { allow: "allowed", approve: "needs approval", deny: "denied" } as const;
const decided = ({ verdict, deciding }: Outcome): string =>
  `${WORDS[verdict]} ${deciding.length === 0 ? "by default" : `by ${deciding.join(", ")}`}`;
const ruleText = ({ rule, side }: Difference | Undecided): string => `${side} ${rule.effect} ${rule.name}`;

function human(report: Report): string {
  const { found, undecided } = report;
  const lines: string[] = [];
  for (const change of CHANGES) {
    for (const one of found.filter((difference) => difference.change === change)) {
      lines.push(`${TITLES[change]}: ${ruleText(one)} (${where(one, report)}), on ${one.protocols.join(", ")}`);
      lines.push(`  before: ${decided(one.before)}`, `  after:  ${decided(one.after)}`);
      if (one.hidden.length > 0) lines.push(`  of:     ${one.hidden.join(", ")}`);
      const action = showAction(one.action);
      const unknown = action.some((line) => line.endsWith(": unknown"));
      lines.push(unknown ? "  for example, where a fact can't be established:" : "  for example:");
      lines.push(...action.map((line) => `    ${printable(line)}`), "");
    }
  }
  for (const one of undecided)
    lines.push(`Undecided: whether ${ruleText(one)} (${where(one, report)}) means "${TITLES[one.change]}": ${one.why}`);
  lines.push(
    found.length === 0 && undecided.length === 0
      ? "no difference in meaning"
      : `${plural(found.length, "difference")}, ${undecided.length} undecided`,
  );
  return `${lines.join("\n")}\n`;
}

function json(report: Report): string {
  const { found, undecided } = report;
  const of = (one: Difference | Undecided): object => ({
    change: one.change,
    rule: one.rule.name,
    effect: one.rule.effect,
    side: one.side,
    at: where(one, report),
  });
  const all = {
    differences: found.map((one) => ({
      ...of(one),
      protocols: one.protocols,
      action: actionJson(one.action),
      before: one.before,
      after: one.after,
      hidden: one.hidden,
    })),
    undecided: undecided.map((one) => ({ ...of(one), why: one.why })),
  };
  return `${JSON.stringify(all, null, 2)}\n`;
}

/** Markdown: one section for each change, each rule folded. Names and texts of the policy are code, so that nothing of them is markup. */
function github(report: Report): string {
  const { found, undecided } = report;
  const lines = ["### What this changes in meaning", ""];
  if (found.length === 0 && undecided.length === 0) lines.push("No decision changes.", "");
  const code = (text: string): string => `<code>${escapeHtml(printable(text))}</code>`;
  for (const change of CHANGES) {
    const own = found.filter((difference) => difference.change === change);
    if (own.length === 0) continue;
    lines.push(`#### ${TITLES[change]} (${own.length})`, "");
    for (const one of own) {
      lines.push(`<details><summary>${code(ruleText(one))} at ${code(where(one, report))}</summary>`, "<ul>");
      lines.push(
        `<li>before: ${escapeHtml(decided(one.before))}</li>`,
        `<li>after: ${escapeHtml(decided(one.after))}</li>`,
      );
      if (one.hidden.length > 0) lines.push(`<li>of ${one.hidden.map(code).join(", ")}</li>`);
      lines.push(
        "</ul>",
        `<pre>${showAction(one.action)
          .map((line) => escapeHtml(printable(line)))
          .join("\n")}</pre>`,
      );
      lines.push("</details>", "");
    }
  }
  if (undecided.length > 0) {
    lines.push(`#### Undecided (${undecided.length})`, "");
    for (const one of undecided)
      lines.push(`- ${code(ruleText(one))}, ${TITLES[one.change].toLowerCase()}: ${escapeHtml(one.why)}`);
    lines.push("");
  }
  return lines.join("\n");
}

const escapeHtml = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll("`", "&#96;");
