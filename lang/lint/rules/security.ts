import type { Expr } from "../../ast/index.ts";
import { clauseOf, factOf, groupsAsked, ruleAtoms, textsIn } from "../input.ts";
import type { LintRule } from "../lint-rule.ts";
import { readPath, type Atom } from "../walk.ts";

/** Facts that hold what the client wrote as it wrote it, and what to ask instead. */
const AS_WRITTEN: Readonly<Record<string, string>> = {
  "command.text": "ask command.programs, command.arguments or command.writes, which are read as a shell would",
  "client.application": "ask user.groups or user.auth_method; a client may call itself anything",
  "request.headers": "ask what the gateway knows itself, such as user.groups or client.address",
  "graphql.name": "ask graphql.fields; a client may give an operation any name",
  "request.label_selector": "ask request.resource and request.namespace; a selector can be written in many ways",
  "request.field_selector": "ask request.name; a selector can be written in many ways",
};

const NAMES_OF_SQL = /^statement\.(schemas|tables|tables_read|tables_written|columns|functions)$/;

/** The comparisons whose outcome hangs on how a text is spelled. */
const SPELLED = ["==", "in", "has", "has any", "has all", "like", "starts with", "ends with", "matches"];

/** The fact that a part reads on its left, also through the variable of a quantifier. */
function readBy({ left, variables }: Atom): string | null {
  const over = left === null || variables.size === 0 ? undefined : variables.get(left);
  return over === undefined ? left : readPath(over);
}

const isEnum = (expr: Expr, rule: Parameters<typeof factOf>[0]): boolean => factOf(rule, expr)?.type.kind === "enum";

const OUTSIDERS = /contractor|vendor|external|freelance|temp(orary)?$|guest|partner|intern$|agency/i;

export const SECURITY_RULES: readonly LintRule[] = [
  {
    code: "L001",
    name: "dodged-by-spelling",
    group: "security",
    level: "warn",
    what: "A rule that restricts compares a text as the client wrote it.",
    why: "Another case, other quotes, one more space or a harmless prefix, and the comparison fails while the action is the same. Ask a fact that the gateway has read and normalised.",
    before:
      'deny no_rm on ssh\n  when exists command.text and command.text like "rm **"\n  because "Files are removed by jobs."',
    after: 'deny no_rm on ssh\n  when command.programs has "rm"\n  because "Files are removed by jobs."',
    check(input, tell) {
      for (const rule of input.rules) {
        if (rule.effect.text === "allow") continue;
        for (const atom of ruleAtoms(rule, input)) {
          const { expr, negated } = atom;
          const path = readBy(atom);
          if (negated || path === null || expr.kind !== "binary" || !SPELLED.includes(expr.op)) continue;
          const instead = Object.hasOwn(AS_WRITTEN, path) ? AS_WRITTEN[path] : undefined;
          if (instead !== undefined)
            tell(
              expr.span,
              `\`${path}\` is what the client wrote, so spelling it otherwise dodges \`${rule.name.text}\``,
              {
                hint: instead,
              },
            );
        }
      }
    },
  },
  {
    code: "L002",
    name: "upper-case-sql-name",
    group: "security",
    level: "warn",
    what: "A name of SQL is compared with a text that has upper case letters.",
    why: "Names that are not quoted in SQL are folded to lower case before policies see them, so the comparison holds only for a table that was created in quotes. A deny that never matches protects nothing.",
    before:
      'deny no_payroll on sql\n  when statement.tables has "HR.Payroll"\n  because "Payroll is read in its own system."',
    after:
      'deny no_payroll on sql\n  when statement.tables has "hr.payroll"\n  because "Payroll is read in its own system."',
    check(input, tell) {
      for (const rule of input.rules) {
        for (const atom of ruleAtoms(rule, input)) {
          const path = readBy(atom);
          if (path === null || !NAMES_OF_SQL.test(path) || atom.expr.kind !== "binary") continue;
          for (const { value, span } of textsIn(atom.expr.right)) {
            if (!/[A-Z]/.test(value)) continue;
            const lower = JSON.stringify(value.toLowerCase());
            tell(span, `\`${path}\` holds folded names, and ${JSON.stringify(value)} has upper case letters`, {
              hint: `write ${lower}, unless it was created in quotes`,
              fixes: [{ title: `write ${lower}`, edits: [{ span, text: lower }], safe: false }],
            });
          }
        }
      }
    },
  },
  {
    code: "L003",
    name: "allow-on-everything",
    group: "security",
    level: "warn",
    what: "An `allow` speaks of every protocol.",
    why: "It will also allow what a protocol that is added next year calls harmless. Name the protocols that were thought of.",
    before: 'allow admins on *\n  when user.groups has "admin"',
    after: 'allow admins on sql, ssh\n  when user.groups has "admin"',
    check(input, tell) {
      for (const rule of input.rules) {
        const star = rule.effect.text === "allow" ? rule.scopes.find((scope) => scope.text === "*") : undefined;
        if (star !== undefined)
          tell(star.span, `\`${rule.name.text}\` allows on every protocol, also on those still to come`, {
            hint: "name the protocols it is meant for",
          });
      }
    },
  },
  {
    code: "L004",
    name: "unconditional-allow",
    group: "security",
    level: "warn",
    what: "An `allow` without a condition stands in a package that masks columns.",
    why: "Whoever signs in gets everything that no other rule thought of. Where some columns are worth masking, reading should be given to somebody.",
    before: "allow everyone on sql\n\nmask pii on sql\n  columns public.users.email\n  with redact",
    after:
      'allow everyone on sql\n  when user.groups has "staff" and statement.read_only\n\nmask pii on sql\n  columns public.users.email\n  with redact',
    check(input, tell) {
      if (!input.rules.some((rule) => rule.effect.text === "mask")) return;
      for (const rule of input.rules) {
        const open = clauseOf(rule, "when") === undefined && clauseOf(rule, "unless") === undefined;
        if (rule.effect.text === "allow" && open)
          tell(rule.name.span, `\`${rule.name.text}\` allows everybody everything, in a package that masks columns`, {
            hint: 'add a condition, such as `when user.groups has "…"`',
          });
      }
    },
  },
  {
    code: "L005",
    name: "allow-glob-open-start",
    group: "security",
    level: "warn",
    what: "An `allow` compares with a pattern that begins with `*`.",
    why: "What stands in front is free, so a name or path that merely ends in the right way is let through: `evil/app` ends like `app`.",
    before: 'allow logs on ssh\n  when all p in command.reads : p like "**/log/*"',
    after: 'allow logs on ssh\n  when all p in command.reads : p like "/var/log/*"',
    check(input, tell) {
      for (const rule of input.rules) {
        if (rule.effect.text !== "allow") continue;
        for (const { expr, negated } of ruleAtoms(rule, input)) {
          if (negated || expr.kind !== "binary" || expr.op !== "like") continue;
          for (const { value, span } of textsIn(expr.right))
            if (/^\*/.test(value) && value !== "**")
              tell(span, `the pattern ${JSON.stringify(value)} of \`${rule.name.text}\` leaves its beginning open`, {
                hint: "begin it with what must stand there",
              });
        }
      }
    },
  },
  {
    code: "L006",
    name: "allow-all-but",
    group: "security",
    level: "warn",
    what: "An `allow` is given for every value of an enumeration but some.",
    why: "The enumerations grow: a kind of statement that the next version tells apart would be allowed without anybody deciding so. List what is meant.",
    before: "allow most on sql\n  when statement.kind != drop_table",
    after: "allow most on sql\n  when statement.kind in [select, insert, update]",
    check(input, tell) {
      for (const rule of input.rules) {
        if (rule.effect.text !== "allow") continue;
        const atoms = ruleAtoms(rule, input);
        const narrows = atoms.some(
          ({ expr, negated }) =>
            !negated && expr.kind === "binary" && (expr.op === "==" || expr.op === "in") && isEnum(expr.left, rule),
        );
        if (narrows) continue;
        for (const { expr, negated } of atoms) {
          if (expr.kind !== "binary" || !(isEnum(expr.left, rule) || isEnum(expr.right, rule))) continue;
          const excludes = negated ? expr.op === "==" || expr.op === "in" : expr.op === "!=";
          if (excludes)
            tell(expr.span, `\`${rule.name.text}\` allows every value but these, also those still to come`, {
              hint: "list the values that are meant: `in [a, b]`",
            });
        }
      }
    },
  },
  {
    code: "L007",
    name: "outsiders-without-limit",
    group: "security",
    level: "warn",
    what: "A group of outsiders may read, and no `limit` speaks of it.",
    why: "People from outside need a few rows, not the table. A limit keeps a copied laptop or a borrowed token from becoming a copied database.",
    before: 'allow contractors on sql\n  when user.groups has "contractor" and statement.read_only',
    after:
      'allow contractors on sql\n  when user.groups has "contractor" and statement.read_only\n\nlimit contractor_rows on sql\n  to 1000 rows\n  when user.groups has "contractor"\n  because "Contractors read samples."',
    check(input, tell) {
      const limits = input.rules.filter((rule) => rule.effect.text === "limit");
      const everybody = limits.some((rule) => clauseOf(rule, "when") === undefined);
      const limited = new Set(
        limits.flatMap((rule) =>
          ruleAtoms(rule, input).flatMap((atom) => (atom.negated ? [] : groupsAsked(atom).map((group) => group.value))),
        ),
      );
      if (everybody) return;
      for (const rule of input.rules) {
        if (rule.effect.text !== "allow") continue;
        for (const atom of ruleAtoms(rule, input)) {
          for (const { value, span } of atom.negated ? [] : groupsAsked(atom))
            if (OUTSIDERS.test(value) && !limited.has(value))
              tell(span, `group ${JSON.stringify(value)} looks like outsiders, and no limit speaks of it`, {
                hint: "add a `limit … to N rows` for it",
              });
        }
      }
    },
  },
  {
    code: "L008",
    name: "trust-in-claims",
    group: "security",
    level: "warn",
    what: "A right, or the way out of a restriction, hangs on what the client says of itself.",
    why: "`client.application` and the fields of a request are set by the client. Whoever knows the rule can meet its condition.",
    before:
      'deny no_bulk on sql\n  when statement.writes\n  unless (client.application else "") == "migrator"\n  because "Writes come from the migrator."',
    after:
      'deny no_bulk on sql\n  when statement.writes\n  unless user.groups has "migrator"\n  because "Writes come from the migrator."',
    check(input, tell) {
      const CLAIMS = ["client.application", "request.headers"];
      for (const rule of input.rules) {
        for (const { expr, left, negated } of ruleAtoms(rule, input)) {
          if (expr.kind !== "binary" || negated === (rule.effect.text === "allow")) continue;
          const path = expr.left.kind === "binary" && expr.left.op === "else" ? readPath(expr.left.left) : left;
          if (path !== null && CLAIMS.includes(path))
            tell(expr.span, `\`${path}\` is set by the client, so anybody can meet this condition`, {
              hint: "ask user.groups, user.auth_method or client.address",
            });
        }
      }
    },
  },
  {
    code: "L009",
    name: "every-address",
    group: "security",
    level: "warn",
    what: "A range of addresses holds every address.",
    why: "`0.0.0.0/0` and `::/0` narrow nothing; the condition only looks like one.",
    before: 'allow office on sql\n  when client.address within cidr("0.0.0.0/0")',
    after: 'allow office on sql\n  when client.address within cidr("10.20.0.0/16")',
    check(input, tell) {
      const calls: Call[] = [];
      for (const { expr } of input.conditions) addCalls(calls, expr);
      for (const call of calls)
        for (const { value, span } of call.args.flatMap(textsIn))
          if (/\/0+$/.test(value))
            tell(span, `${JSON.stringify(value)} holds every address`, { hint: "name the networks that are meant" });
    },
  },
  {
    code: "L010",
    name: "deny-everything",
    group: "security",
    level: "error",
    what: "A `deny` has no condition.",
    why: "A deny wins over every allow, so nothing of its protocol would ever pass. That is hardly ever what was meant; what no rule allows is denied anyway.",
    before:
      'allow staff on sql\n  when user.groups has "staff"\n\ndeny rest on sql\n  because "Everything else is closed."',
    after: 'allow staff on sql\n  when user.groups has "staff"',
    check(input, tell) {
      for (const rule of input.rules) {
        const open = clauseOf(rule, "when") === undefined && clauseOf(rule, "unless") === undefined;
        if (rule.effect.text === "deny" && open)
          tell(
            rule.name.span,
            `\`${rule.name.text}\` denies everything on ${rule.scopes.map((one) => one.text).join(", ")}`,
            {
              hint: "add a condition, or leave it out: what no rule allows is denied anyway",
            },
          );
      }
    },
  },
];

type Call = Extract<Expr, { kind: "call" }>;

function addCalls(found: Call[], expr: Expr): void {
  if (expr.kind === "call") found.push(expr);
  else if (expr.kind === "not") addCalls(found, expr.operand);
  else if (expr.kind === "binary") {
    addCalls(found, expr.left);
    addCalls(found, expr.right);
  }
}
