import { differences, fatesOf, ruleFindings, type RuleFate } from "../compiler/index.ts";
import { checkFiles, type CheckedRule } from "../lang/index.ts";

const KINDS = [
  "insert",
  "update",
  "delete",
  "merge",
  "truncate",
  "drop_table",
  "alter_table",
  "create_index",
  "select",
  "copy_to",
];
const ENVIRONMENTS = ["production", "staging", "development"];

/** Rules as a company with forty teams, twelve applications and three hundred tables writes them. The same every time. */
export function believableRules(count: number): string {
  let seed = 7;
  const below = (limit: number): number => ((seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) >>> 8) % limit;
  const table = (): string => {
    const i = below(300);
    return `app${i % 12}.table${i}`;
  };
  const rules: string[] = [];
  for (let i = 0; i < count; i++) {
    const [team, at, kind] = [`team-${below(40)}`, ENVIRONMENTS[below(3)]!, KINDS[below(10)]!];
    const because = 'because "x"';
    switch (below(8)) {
      case 0:
      case 1:
        rules.push(
          `allow r${i} on sql when user.groups has "${team}" and statement.read_only and statement.tables has "${table()}"`,
        );
        break;
      case 2:
        rules.push(
          `allow r${i} on sql when user.groups has "${team}" and statement.kind in [${kind}, ${KINDS[below(10)]!}] and target.labels["env"] == "${at}"`,
        );
        break;
      case 3:
        rules.push(
          `deny r${i} on sql when statement.kind == ${kind} and statement.tables has "${table()}" unless user.groups has "dba" ${because}`,
        );
        break;
      case 4:
        rules.push(
          `deny r${i} on sql when target.labels["env"] == "${at}" and any t in statement.tables_written : t like "app${below(12)}.table${below(30)}*" ${because}`,
        );
        break;
      case 5:
        rules.push(
          `approve r${i} on sql when target.labels["env"] == "${at}" and statement.writes and statement.tables_written has any ["${table()}", "${table()}"] by group "g${below(5)}" ${because}`,
        );
        break;
      case 6:
        rules.push(`mask r${i} on sql columns ${table()}.{email, phone} with redact unless user.groups has "${team}"`);
        break;
      default:
        rules.push(
          `limit r${i} on sql to ${100 * (1 + below(50))} rows when user.groups has "${team}" and client.address within cidr("10.${below(200)}.0.0/16")`,
        );
        break;
    }
  }
  return `${rules.join("\n")}\n`;
}

export function rulesFrom(text: string): readonly CheckedRule[] {
  const { policy, diagnostics } = checkFiles([{ path: "bench.policy", text }]);
  if (diagnostics.some((one) => one.severity === "error")) throw new Error("the bench policy has errors");
  return policy.rules;
}

/** Wall and processor time of a call, in ms: medians of `rounds` calls after a first one, which is told apart. */
function timed(
  call: () => void,
  rounds: number,
): { readonly first: number; readonly median: number; readonly cpu: number } {
  const times: number[] = [];
  const cpu: number[] = [];
  for (let i = 0; i <= rounds; i++) {
    const [began, busy] = [process.hrtime.bigint(), process.cpuUsage()];
    call();
    times.push(Number(process.hrtime.bigint() - began) / 1e6);
    cpu.push(process.cpuUsage(busy).user / 1000);
  }
  const middle = (of: readonly number[]): number => [...of].sort((a, b) => a - b)[of.length >> 1]!;
  return { first: times[0]!, median: middle(times.slice(1)), cpu: middle(cpu.slice(1)) };
}

/** What the analysis of rules costs: to be under 500 ms for 1,000 rules. */
export function benchAnalyse(say: (line: string) => void, counts: readonly number[] = [100, 1000]): void {
  say("\nAnalysis of rules (first call, median, processor time of the median):");
  for (const count of counts) {
    const rules = rulesFrom(believableRules(count));
    const row = (name: string, call: () => void): void => {
      const { first, median, cpu } = timed(call, 3);
      say(`  ${count} rules, ${name}: ${first.toFixed(0)} ms, ${median.toFixed(0)} ms, ${cpu.toFixed(0)} ms`);
    };
    let fates: readonly RuleFate[] = [];
    row("unreachable and covered", () => void (fates = fatesOf(rules)));
    row("all findings of check", () => void ruleFindings(rules));
    const changed = rules.filter((_, i) => i % 100 !== 0);
    row("difference to itself without every hundredth rule", () => {
      for (const one of differences(rules, changed)) if ("why" in one) say(`    undecided: ${one.why}`);
    });
    const kinds = new Map<string, number>();
    for (const fate of fates) kinds.set(fate.kind, (kinds.get(fate.kind) ?? 0) + 1);
    say(`    ${[...kinds].map(([kind, found]) => `${found} ${kind}`).join(", ")}`);
  }
}
