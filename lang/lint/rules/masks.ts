import type { ColumnPatternNode, RuleDecl } from "../../ast/index.ts";
import { clauseOf, type LintInput } from "../input.ts";
import type { LintRule } from "../lint-rule.ts";

const SHOWN_MAX = 4;
/** Columns that hold few different values, so that equal hashes tell them apart by counting. */
const FEW_VALUES =
  /(^|_)(gender|sex|age|country|state|status|blood_type|religion|married|band|grade|level|birth_year)$/;

export const MASK_RULES: readonly LintRule[] = [
  {
    code: "L030",
    name: "mask-shows-much",
    group: "security",
    level: "warn",
    what: "A mask leaves more than four characters in sight.",
    why: "Four digits are enough to recognise one's own card; more of them, beside a name and a date, is enough to guess the rest.",
    before: "mask cards on sql\n  columns public.payments.card_number\n  with last(8)",
    after: "mask cards on sql\n  columns public.payments.card_number\n  with last(4)",
    check(input, tell) {
      for (const rule of input.rules)
        for (const { mask } of clauseOf(rule, "with")?.masks ?? []) {
          const [first] = mask.args;
          const count = first?.kind === "int" ? first.value : 0;
          if ((mask.name.text === "first" || mask.name.text === "last") && count > SHOWN_MAX)
            tell(mask.span, `\`${mask.name.text}(${count})\` leaves ${count} characters in sight`, {
              hint: `show at most ${SHOWN_MAX}`,
            });
        }
    },
  },
  {
    code: "L031",
    name: "hash-of-few-values",
    group: "security",
    level: "warn",
    what: "A column with few different values is masked by `hash`.",
    why: "Equal values stay equal under a hash. Where there are only a handful, counting them tells which is which.",
    before: "mask people on sql\n  columns public.users.gender\n  with hash",
    after: "mask people on sql\n  columns public.users.gender\n  with redact",
    check(input, tell) {
      for (const rule of input.rules)
        for (const { column, mask } of clauseOf(rule, "with")?.masks ?? []) {
          if (mask.name.text !== "hash") continue;
          const names = column === "*" ? columnsOf(rule, input) : [column.text];
          const few = names.find((name) => FEW_VALUES.test(name));
          if (few !== undefined)
            tell(mask.span, `\`${few}\` has few different values, so equal hashes tell them apart`, {
              hint: "use `redact`",
            });
        }
    },
  },
  {
    code: "L032",
    name: "predicates-allowed",
    group: "security",
    level: "warn",
    what: "A mask lets conditions look at what it hides.",
    why: "With `predicates allow`, `where email like 'a%'` tells by its row count what the mask hides, one letter at a time. `substitute` compares with what is shown; `refuse` is the default.",
    before: "mask people on sql\n  columns public.users.email\n  with redact\n  predicates allow",
    after: "mask people on sql\n  columns public.users.email\n  with redact\n  predicates substitute",
    check(input, tell) {
      for (const rule of input.rules) {
        const clause = clauseOf(rule, "predicates");
        if (clause?.mode.text === "allow")
          tell(clause.span, `conditions may look at what \`${rule.name.text}\` hides`, {
            hint: "write `predicates substitute`, or leave it out",
          });
      }
    },
  },
];

/** Names of the columns that a rule masks, column sets opened. */
function columnsOf(rule: RuleDecl, input: LintInput): readonly string[] {
  const open = (pattern: ColumnPatternNode, opened: readonly string[]): readonly string[] => {
    const last = pattern.parts.at(-1);
    if (last === undefined || last.names === "*") return [];
    const names = last.names.map((name) => name.text);
    if (pattern.parts.length > 1 || opened.includes(names[0]!)) return names;
    const set = input.columnSets.find((one) => one.name.text === names[0]);
    return set?.patterns.flatMap((inner) => open(inner, [...opened, names[0]!])) ?? [];
  };
  return (clauseOf(rule, "columns")?.patterns ?? []).flatMap((pattern) => open(pattern, []));
}
