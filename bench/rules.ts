/** Rules of a believable policy as data, so that one set can be written for every engine of the bench. */
export interface BenchRule {
  readonly name: string;
  readonly effect: "allow" | "deny" | "approve";
  readonly groups: readonly string[];
  readonly kinds: readonly string[];
  /** Of some table; null: any statement. */
  readonly table: string | null;
  readonly env: string | null;
  readonly network: string | null;
}

/** One action: whoever is connected, and what the statement is. */
export interface BenchAction {
  readonly user: string;
  readonly groups: readonly string[];
  readonly env: string;
  readonly address: string;
  readonly kind: string;
  readonly tables: readonly string[];
}

const KINDS = ["select", "insert", "update", "delete", "truncate", "drop_table", "alter_table", "create_index"];
const SCHEMAS = ["public", "billing", "audit", "hr", "ops"];
const ENVIRONMENTS = ["production", "staging", "development"];

/** The same numbers every time: a linear congruential generator. */
function chance(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Teams own tables; most rules name one, some a whole schema, some an environment or a network. */
export function benchRules(count: number): readonly BenchRule[] {
  const next = chance(42);
  const pick = <T>(from: readonly T[]): T => from[next(from.length)]!;
  const teams = Math.max(10, Math.floor(count / 20));
  return Array.from({ length: count }, (_, i): BenchRule => {
    const effect = next(100) < 55 ? "allow" : next(100) < 70 ? "deny" : "approve";
    const form = next(100);
    const schema = pick(SCHEMAS);
    const table =
      form < 70
        ? `${schema}.t${next(count)}`
        : form < 85
          ? `${schema}.p${next(50)}_**`
          : form < 92
            ? `${schema}.**`
            : null;
    return {
      name: `r${i}`,
      effect,
      groups: Array.from({ length: 1 + next(2) }, () => `team-${next(teams)}`),
      kinds: [...new Set(Array.from({ length: 1 + next(3) }, () => pick(KINDS)))],
      table,
      env: next(100) < 50 ? pick(ENVIRONMENTS) : null,
      network: next(100) < 15 ? `10.${next(200)}.0.0/16` : null,
    };
  });
}

export function benchActions(rules: readonly BenchRule[], count: number): readonly BenchAction[] {
  const next = chance(7);
  const pick = <T>(from: readonly T[]): T => from[next(from.length)]!;
  return Array.from({ length: count }, (_, i): BenchAction => {
    // Half of the actions aim at a rule; the others hit what they hit.
    const aim = pick(rules);
    const table = aim.table === null ? "public.t1" : aim.table.replace("**", `x${next(100)}`);
    return {
      user: `user-${i}`,
      groups: [...new Set([...(next(2) === 0 ? aim.groups : []), `team-${next(50)}`, "everybody"])],
      env: aim.env ?? pick(ENVIRONMENTS),
      address: `10.${next(200)}.3.${next(250)}`,
      kind: next(2) === 0 ? pick(aim.kinds) : pick(KINDS),
      tables: next(3) === 0 ? [table, `public.t${next(1000)}`] : [table],
    };
  });
}

const list = (items: readonly string[]): string => items.map((item) => JSON.stringify(item)).join(", ");

export const asPolicy = (rules: readonly BenchRule[]): string =>
  rules
    .map((rule) => {
      const parts = [`user.groups has any [${list(rule.groups)}]`, `statement.kind in [${rule.kinds.join(", ")}]`];
      if (rule.table !== null)
        parts.push(
          rule.table.includes("*")
            ? `any t in statement.tables : t like ${JSON.stringify(rule.table)}`
            : `statement.tables has ${JSON.stringify(rule.table)}`,
        );
      // A quantifier takes all that follows it, so it stands last.
      if (rule.network !== null) parts.unshift(`client.address within cidr("${rule.network}")`);
      if (rule.env !== null) parts.unshift(`target.labels["env"] == "${rule.env}"`);
      const by = rule.effect === "approve" ? ' by group "leads"' : "";
      return `${rule.effect} ${rule.name} on sql\n  when ${parts.join(" and ")}\n ${by} because "b"\n`;
    })
    .join("");

/** Cedar's `like` knows one `*`, for any run: what `**` is here. */
export const asCedar = (rules: readonly BenchRule[]): string =>
  rules
    .map((rule) => {
      const conditions = [
        `context.groups.containsAny([${list(rule.groups)}])`,
        `[${list(rule.kinds)}].contains(context.kind)`,
      ];
      if (rule.table !== null) {
        const of = (name: string): string =>
          `(context has ${name} && context.${name} like ${JSON.stringify(rule.table!.replace("**", "*"))})`;
        conditions.push(`(${of("table0")} || ${of("table1")})`);
      }
      if (rule.env !== null) conditions.push(`context.env == "${rule.env}"`);
      if (rule.network !== null) conditions.push(`context.address.isInRange(ip("${rule.network}"))`);
      const effect = rule.effect === "allow" ? "permit" : "forbid";
      return `@id("${rule.name}")\n${effect}(principal, action, resource) when { ${conditions.join(" && ")} };\n`;
    })
    .join("");

/** CEL without extensions: networks by the first two numbers of the address. */
export const asCel = (rule: BenchRule): string => {
  const conditions = [`groups.exists(g, g in [${list(rule.groups)}])`, `kind in [${list(rule.kinds)}]`];
  if (rule.table !== null)
    conditions.push(
      rule.table.includes("*")
        ? `tables.exists(t, t.startsWith(${JSON.stringify(rule.table.replace("**", ""))}))`
        : `${JSON.stringify(rule.table)} in tables`,
    );
  if (rule.env !== null) conditions.push(`env == "${rule.env}"`);
  if (rule.network !== null) conditions.push(`address.startsWith("${rule.network.split(".").slice(0, 2).join(".")}.")`);
  return conditions.join(" && ");
};

/** What somebody would write by hand for the same rule. */
export const asCode = (rule: BenchRule): string => {
  const conditions = [
    `(${rule.groups.map((group) => `a.groups.has(${JSON.stringify(group)})`).join(" || ")})`,
    `(${rule.kinds.map((kind) => `a.kind === ${JSON.stringify(kind)}`).join(" || ")})`,
  ];
  if (rule.table !== null)
    conditions.push(
      rule.table.includes("*")
        ? `some(a.tables, ${JSON.stringify(rule.table.replace("**", ""))})`
        : `a.tables.has(${JSON.stringify(rule.table)})`,
    );
  if (rule.env !== null) conditions.push(`a.env === ${JSON.stringify(rule.env)}`);
  if (rule.network !== null)
    conditions.push(`a.address.startsWith("${rule.network.split(".").slice(0, 2).join(".")}.")`);
  return conditions.join(" && ");
};
