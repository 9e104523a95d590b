import { clauseOf } from "../input.ts";
import type { LintRule } from "../lint-rule.ts";

/** Annotations are asked of every rule of an effect when at least this share of them has it. */
const SHARE = 0.5;
const RULES_MIN = 3;

export const DOC_RULES: readonly LintRule[] = [
  {
    code: "L050",
    name: "limit-without-because",
    group: "docs",
    level: "warn",
    what: "A `limit` does not say why.",
    why: "The person whose result is cut off reads the reason. Without one they ask, or run it again in parts.",
    before: 'limit few_rows on sql\n  to 100 rows\n  when user.groups has "contractor"',
    after:
      'limit few_rows on sql\n  to 100 rows\n  when user.groups has "contractor"\n  because "Contractors read samples; ask the data team for more."',
    check(input, tell) {
      for (const rule of input.rules)
        if (rule.effect.text === "limit" && clauseOf(rule, "because") === undefined)
          tell(rule.name.span, `limit \`${rule.name.text}\` does not say why`, { hint: 'add `because "…"`' });
    },
  },
  {
    code: "L051",
    name: "because-says-little",
    group: "docs",
    level: "warn",
    what: "A reason has fewer than three words.",
    why: '"Forbidden." tells the person nothing they did not know. Say why, and what to do instead.',
    before: 'deny no_drops on sql\n  when statement.kind == drop_table\n  because "Forbidden."',
    after:
      'deny no_drops on sql\n  when statement.kind == drop_table\n  because "Tables are dropped by migrations, never by hand."',
    check(input, tell) {
      for (const rule of input.rules) {
        const text = clauseOf(rule, "because")?.text;
        if (text !== undefined && text.value.trim().split(/\s+/).length < 3)
          tell(text.span, "this reason says little", { hint: "say why, and what to do instead" });
      }
    },
  },
  {
    code: "L052",
    name: "because-without-stop",
    group: "docs",
    level: "off",
    what: "A reason does not end like a sentence.",
    why: "Reasons stand one behind the other in messages when several rules match; without a full stop they run together.",
    before: 'deny no_drops on sql\n  when statement.kind == drop_table\n  because "Tables are dropped by migrations"',
    after: 'deny no_drops on sql\n  when statement.kind == drop_table\n  because "Tables are dropped by migrations."',
    check(input, tell) {
      for (const rule of input.rules) {
        const text = clauseOf(rule, "because")?.text;
        if (text === undefined || /[.!?…)]\s*$/.test(text.value) || text.value.trim() === "") continue;
        const end = { ...text.span, start: text.span.end - 1, end: text.span.end - 1 };
        tell(text.span, "this reason does not end with a full stop", {
          // A test may expect the text as it is.
          fixes: [{ title: "add a full stop", edits: [{ span: end, text: "." }], safe: false }],
        });
      }
    },
  },
  {
    code: "L053",
    name: "annotation-missing",
    group: "docs",
    level: "warn",
    what: "A rule lacks an annotation that most rules of its package have.",
    why: "A report by owner or by control is only as good as its gaps: a rule without `@owner` or `@soc2` falls out of it in silence.",
    before:
      '@owner("data")\nallow a_read on sql\n  when statement.read_only\n\n@owner("data")\nallow b_read on ssh\n  when channel.pty\n\nallow c_read on http\n  when request.method == GET',
    after:
      '@owner("data")\nallow a_read on sql\n  when statement.read_only\n\n@owner("data")\nallow b_read on ssh\n  when channel.pty\n\n@owner("web")\nallow c_read on http\n  when request.method == GET',
    check(input, tell) {
      if (input.rules.length < RULES_MIN) return;
      const counts = new Map<string, number>();
      for (const rule of input.rules)
        for (const key of new Set(rule.annotations.map((one) => one.key.text)))
          counts.set(key, (counts.get(key) ?? 0) + 1);
      for (const [key, count] of counts) {
        if (count / input.rules.length <= SHARE) continue;
        for (const rule of input.rules)
          if (!rule.annotations.some((one) => one.key.text === key))
            tell(rule.name.span, `\`${rule.name.text}\` has no @${key}, as most rules here have`, {
              hint: `add @${key}("…") before it`,
            });
      }
    },
  },
  {
    code: "L054",
    name: "let-without-comment",
    group: "docs",
    level: "off",
    what: "A `let` has no comment above it.",
    why: "A let is a word of your own language. One line says what the word means, so that nobody bends it.",
    before: 'let office = client.address within cidr("10.0.0.0/8")\nallow a_read on sql\n  when office',
    after:
      '// The networks of our buildings.\nlet office = client.address within cidr("10.0.0.0/8")\nallow a_read on sql\n  when office',
    check(input, tell) {
      for (const tree of input.trees) {
        const text = input.fileText(tree.path);
        for (const item of tree.items) {
          if (item.kind !== "let") continue;
          const commented = tree.comments.some(
            ({ span }) =>
              (span.end <= item.span.start && /^\s*$/.test(text.slice(span.end, item.span.start))) ||
              (span.start >= item.span.end && !text.slice(item.span.end, span.start).includes("\n")),
          );
          if (!commented) tell(item.name.span, `\`${item.name.text}\` has no comment that says what it means`);
        }
      }
    },
  },
];
