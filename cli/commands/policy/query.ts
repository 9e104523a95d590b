import {
  QUERY_VERDICTS,
  actionJson,
  query,
  showAction,
  type Grant,
  type QueryVerdict,
  type Way,
} from "../../../compiler/index.ts";
import {
  checkFiles,
  hasErrors,
  placeOf,
  renderTerminal,
  type CheckedPolicy,
  type SourceFile,
} from "../../../lang/index.ts";
import { PROTOCOLS, factAt, type ProtocolName } from "../../../spec/contract/facts/index.ts";
import { listing, plural } from "../../../base/text.ts";
import { readArguments } from "../../arguments.ts";
import { EXIT, UsageError, printable, type Io } from "../../io.ts";
import { policyFiles } from "./files.ts";

const HELP = `policyc query: who can do this, and on what conditions

  policyc query [--on PROTOCOL] [--when CONDITION] [--fact PATH=VALUE]… [--verdict VERDICT,…] [--json] [PATH…]

What is known of the action is given in parts; all the rest is left open, and the answer says on what it depends.

  --on PROTOCOL       postgres (default), mysql, ssh, http, kubernetes, mcp
  --when CONDITION    as a rule would say it: 'statement.kind == drop_table and target.labels["env"] == "production"'
  --fact PATH=VALUE   short for one condition: the fact is this; a set has this among others; target.labels.env=production
  --verdict VERDICT   allow, approve, mask; by default all three
  --json              for machines

Exit codes: 0 answered; 1 the policy or the condition has errors; 2 wrong use; 7 some rule could not be decided.
`;

/** The name that the condition's errors stand under. */
const QUESTION = "(the question)";

export function queryCommand(argv: readonly string[], io: Io): number {
  const { values, positionals } = readArguments(argv, {
    on: { type: "string" },
    when: { type: "string", multiple: true },
    fact: { type: "string", multiple: true },
    verdict: { type: "string" },
    json: { type: "boolean" },
  });
  if (values.help === true) {
    io.stdout(HELP);
    return EXIT.ok;
  }
  const protocol = PROTOCOLS.find((known) => known === (values.on ?? "postgres"));
  if (protocol === undefined) throw new UsageError(`--on takes ${listing(PROTOCOLS)}`);
  const verdicts = (values.verdict ?? QUERY_VERDICTS.join()).split(",").map((word) => {
    const known = QUERY_VERDICTS.find((verdict) => verdict === word.trim());
    if (known === undefined) throw new UsageError(`--verdict takes ${listing(QUERY_VERDICTS)}`);
    return known;
  });
  const files = policyFiles(positionals, io);
  const { policy, diagnostics } = checkFiles(files);
  if (hasErrors(diagnostics)) {
    io.stderr(renderTerminal(diagnostics, files, io.colour));
    return EXIT.findings;
  }
  const parts = [
    ...(values.when ?? []).map((one) => `(${one})`),
    ...(values.fact ?? []).map((one) => factCondition(one, protocol)),
  ];
  const given = readCondition(parts, protocol, io);
  if (given === undefined) return EXIT.findings;
  const answer = query(policy, { protocol, given, verdicts }, (span) => {
    const text =
      span.file === QUESTION ? parts.join(" and ") : (files.find((one) => one.path === span.file)?.text ?? "");
    return text.slice(span.start, span.end);
  });
  io.stdout(values.json === true ? json(answer) : human(answer, files, protocol));
  return answer.inconclusive.length > 0 ? EXIT.inconclusive : EXIT.ok;
}

/** The question's condition, checked like one of the policy; undefined when it has errors, which were printed. */
function readCondition(
  parts: readonly string[],
  protocol: ProtocolName,
  io: Io,
): CheckedPolicy["nevers"][number]["condition"] | undefined {
  if (parts.length === 0) return null;
  const file = { path: QUESTION, text: `never "asked" on ${protocol}\n  when ${parts.join("\n   and ")}\n` };
  const { policy, diagnostics } = checkFiles([file]);
  // Nothing mends a question but asking again.
  const errors = diagnostics.filter((one) => one.severity === "error").map((one) => ({ ...one, fixes: [] }));
  if (errors.length > 0) io.stderr(renderTerminal(errors, [file], io.colour));
  const [never] = policy.nevers;
  return errors.length > 0 || never === undefined ? undefined : never.condition;
}

/** `PATH=VALUE` as the language says it. */
function factCondition(text: string, protocol: ProtocolName): string {
  const equals = text.indexOf("=");
  if (equals <= 0) throw new UsageError(`--fact takes PATH=VALUE, not ${JSON.stringify(text)}`);
  const [path, value] = [text.slice(0, equals), text.slice(equals + 1)];
  const dot = path.lastIndexOf(".");
  const map = factAt(protocol, path.slice(0, dot));
  if (map?.type.kind === "map")
    return `${map.path}[${JSON.stringify(path.slice(dot + 1))}] == ${JSON.stringify(value)}`;
  const fact = factAt(protocol, path);
  if (fact === undefined) throw new UsageError(`${protocol} has no fact ${JSON.stringify(path)}; see --help`);
  const { type } = fact;
  const of = type.kind === "set" || type.kind === "list" ? type.of : type;
  const literal = of.kind === "string" || of.kind === "address" ? JSON.stringify(value) : value;
  if (of !== type) return `${path} has ${literal}`;
  if (type.kind === "time") return `${path} == time(${JSON.stringify(value)})`;
  return fact.optional ? `exists ${path} and ${path} == ${literal}` : `${path} == ${literal}`;
}

const MEANS: Readonly<Record<QueryVerdict, string>> = {
  allow: "Allowed",
  approve: "With approval",
  mask: "Masked",
};

function wayText({ who, when }: Way): string {
  const all = [...who, ...when];
  return all.length === 0 ? "always" : printable(all.join(" and "));
}

function human(answer: ReturnType<typeof query>, files: readonly SourceFile[], protocol: ProtocolName): string {
  const lines: string[] = [];
  for (const { rule, verdict, ways, except, action } of answer.grants) {
    const { line } = placeOf(files.find((one) => one.path === rule.span.file)?.text ?? "", rule.nameSpan.start);
    lines.push(`${MEANS[verdict]} by ${rule.name} (${rule.span.file}:${line})`);
    if (ways === null) lines.push("  when its condition holds, in more ways than can be shown");
    else lines.push(...ways.map((way, i) => `  ${i === 0 ? "when" : "or  "} ${wayText(way)}`));
    for (const other of except) {
      const how = other.rule.effect === "deny" ? "denies" : "asks for approval";
      const when = other.ways === null ? "in many ways" : other.ways.map(wayText).join(", or ");
      lines.push(`  unless ${other.rule.name} ${how}: ${when}`);
    }
    lines.push("  for example:", ...showAction(action).map((one) => `    ${printable(one)}`), "");
  }
  for (const { rule, why } of answer.inconclusive) lines.push(`Undecided: ${rule.effect} ${rule.name}: ${why}`);
  if (answer.grants.length === 0 && answer.inconclusive.length === 0)
    lines.push(`nobody: no rule grants this on ${protocol}, on any action`);
  else lines.push(`${plural(answer.grants.length, "rule")}, ${answer.inconclusive.length} undecided`);
  return `${lines.join("\n")}\n`;
}

function json(answer: ReturnType<typeof query>): string {
  const grant = ({ rule, verdict, ways, except, action, outcome }: Grant): object => ({
    rule: rule.name,
    verdict,
    ways,
    except: except.map((other) => ({ rule: other.rule.name, effect: other.rule.effect, ways: other.ways })),
    action: actionJson(action),
    outcome,
  });
  return `${JSON.stringify(
    {
      grants: answer.grants.map(grant),
      undecided: answer.inconclusive.map(({ rule, why }) => ({ rule: rule.name, why })),
    },
    null,
    2,
  )}\n`;
}
