import { clauseOf, groupsAsked, ruleAtoms, wordsIn } from "../input.ts";
import type { LintRule } from "../lint-rule.ts";

const DAY_MS = 86_400_000;

/** Words of the enumerations that name what can't be undone, or gives rights. */
const GRAVE =
  /^(drop_\w+|truncate|grant(_role)?|revoke(_role)?|alter_role|create_role|alter_default_privileges|reassign_owned|alter_system|dcl|delete|deletecollection|remove|remove_directory)$/;

export const APPROVAL_RULES: readonly LintRule[] = [
  {
    code: "L020",
    name: "approved-by-ones-own",
    group: "security",
    level: "warn",
    what: "The group that must approve is the group that the rule speaks of.",
    why: "Nobody may approve their own request, but two colleagues of one team approve each other's without a second look from outside. Let another group decide.",
    before:
      'approve dba_writes on sql\n  when user.groups has "dba" and statement.writes\n  by group "dba"\n  because "Writes are seen by two."',
    after:
      'approve dba_writes on sql\n  when user.groups has "dba" and statement.writes\n  by group "data-owners"\n  because "Writes are seen by two."',
    check(input, tell) {
      for (const rule of input.rules) {
        const by = clauseOf(rule, "by");
        if (by === undefined) continue;
        const asked = ruleAtoms(rule, input).flatMap((atom) => (atom.negated ? [] : groupsAsked(atom)));
        for (const approver of by.approvers) {
          const same = asked.find(({ value }) => approver.kind === "group" && value === approver.name.value);
          if (same !== undefined)
            tell(
              approver.name.span,
              `group ${JSON.stringify(approver.name.value)} approves its own members' requests`,
              {
                hint: "let another group approve",
                related: [{ span: same.span, label: "whose requests they are" }],
              },
            );
        }
      }
    },
  },
  {
    code: "L021",
    name: "grave-by-one",
    group: "security",
    level: "warn",
    what: "One person's yes is enough for what can't be undone or gives rights.",
    why: "Dropping a table or granting a role is where a second pair of eyes is worth its minutes, and where auditors ask for it.",
    before:
      'approve drops on sql\n  when statement.kind in [drop_table, drop_schema]\n  by group "dba-leads"\n  because "Drops are seen first."',
    after:
      'approve drops on sql\n  when statement.kind in [drop_table, drop_schema]\n  by group "dba-leads" quorum 2\n  because "Drops are seen first."',
    check(input, tell) {
      for (const rule of input.rules) {
        const by = clauseOf(rule, "by");
        const quorum = clauseOf(rule, "quorum");
        if (by === undefined || (quorum?.count.value ?? 1) > 1) continue;
        const grave = ruleAtoms(rule, input).flatMap(({ expr, negated }) =>
          !negated && expr.kind === "binary" ? wordsIn(expr.right).filter((word) => GRAVE.test(word)) : [],
        );
        if (grave.length > 0)
          tell((quorum ?? by).span, `one yes is enough for \`${grave[0]}\``, { hint: "write `quorum 2`" });
      }
    },
  },
  {
    code: "L022",
    name: "grant-too-long",
    group: "security",
    level: "warn",
    what: "A grant is valid for more than a day.",
    why: "What was approved for today's work can be used next week by whoever holds the session. Ask again tomorrow.",
    before:
      'approve writes on sql\n  when statement.writes\n  by group "dba-leads" within 15m valid 3d\n  because "Writes are seen first."',
    after:
      'approve writes on sql\n  when statement.writes\n  by group "dba-leads" within 15m valid 8h\n  because "Writes are seen first."',
    check(input, tell) {
      for (const rule of input.rules) {
        const duration = clauseOf(rule, "valid")?.duration ?? null;
        if (duration !== null && duration.ms > DAY_MS)
          tell(duration.span, "a grant is valid for more than a day", { hint: "at most 24h, or `once`" });
      }
    },
  },
  {
    code: "L023",
    name: "approver-is-a-person",
    group: "security",
    level: "warn",
    what: "Only named people can approve.",
    why: "People leave, sleep and go on holiday, and then every request runs out. A group keeps its meaning when its members change.",
    before: 'approve writes on sql\n  when statement.writes\n  by user "lea"\n  because "Writes are seen first."',
    after: 'approve writes on sql\n  when statement.writes\n  by group "dba-leads"\n  because "Writes are seen first."',
    check(input, tell) {
      for (const rule of input.rules) {
        const by = clauseOf(rule, "by");
        const [first] = by?.approvers ?? [];
        if (first !== undefined && by!.approvers.every((approver) => approver.kind === "user"))
          tell(by!.span, `only ${by!.approvers.map((one) => one.name.value).join(", ")} can approve`, {
            hint: 'name a group: `by group "…"`',
          });
      }
    },
  },
];
