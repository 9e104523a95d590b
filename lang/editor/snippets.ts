import type { Completion } from "./completion.ts";

const snippet = (label: string, detail: string, insert: string): Completion => ({
  label,
  kind: "snippet",
  detail,
  insert,
  snippet: true,
});

export const EFFECT_WORDS: ReadonlySet<string> = new Set(["allow", "deny", "approve", "mask", "limit", "alert"]);

/** What a file is made of. */
export const ITEM_SNIPPETS: readonly Completion[] = [
  snippet("allow", "a rule: the action may go ahead", "allow ${1:name} on ${2:sql}\n  when ${0}"),
  snippet("deny", "a rule: the action is refused", 'deny ${1:name} on ${2:sql}\n  when ${3}\n  because "${0:why}"'),
  snippet(
    "approve",
    "a rule: the action waits for people",
    'approve ${1:name} on ${2:sql}\n  when ${3}\n  by group "${4:group}" quorum 1 within 15m valid once\n  because "${0:why}"',
  ),
  snippet(
    "mask",
    "a rule: what comes back is masked",
    "mask ${1:name} on ${2:sql}\n  columns ${3:schema.table.column}\n  with ${0:redact}",
  ),
  snippet(
    "limit",
    "a rule: past a limit the action is stopped",
    "limit ${1:name} on ${2:sql}\n  to ${3:1000} rows\n  when ${0}",
  ),
  snippet("let", "a name for a condition", "let ${1:name} = ${0}"),
  snippet("columns", "a name for a set of columns", "columns ${1:name} = ${0:schema.table.column}"),
  snippet(
    "test",
    "what a decision must be",
    'test "${1:what is shown}" {\n  user "${2:ana}" in "${3:analyst}"\n  target "${4:shop}" { ${5:env}: "${6:production}" }\n  sql "${7:select 1}"\n  expect ${0:allow}\n}',
  ),
  snippet("package", "the package of the file", "package ${0:name}"),
  snippet("import", "names of another package", "import { ${0} } from ${1:package}"),
  snippet("export", "what other packages may import", "export "),
  snippet("alert", "a rule: a notice is sent", 'alert ${1:name} on ${2:sql}\n  to "${3:channel}"\n  when ${0}'),
  snippet("detector", "a name for what is looked for in values", "detector ${1:name} = /${0}/"),
  snippet("never", "what no rule may ever allow", 'never "${1:what must not be}" on ${2:sql}\n  when ${0}'),
];

/** What may be exported. */
export const EXPORT_SNIPPETS: readonly Completion[] = ITEM_SNIPPETS.filter((one) =>
  ["let", "columns", "detector"].includes(one.label),
);

const SHARED = ["when", "unless", "because"];

/** Clauses by effect, in the order in which they are usually written. */
export const CLAUSES_OF: Readonly<Record<string, readonly string[]>> = {
  allow: SHARED,
  deny: SHARED,
  approve: [...SHARED, "by", "quorum", "within", "valid"],
  mask: ["columns", "fields", "values", "output", "with", "predicates", "trust", ...SHARED],
  limit: ["to", ...SHARED],
  alert: ["to", ...SHARED],
  never: [...SHARED, "even"],
};

const CLAUSE_TEXTS: Readonly<Record<string, readonly [insert: string, detail: string]>> = {
  when: ["when ${0}", "the rule applies only where this holds"],
  unless: ["unless ${0}", "the rule does not apply where this holds"],
  because: ['because "${0}"', "what the person at the client reads"],
  by: ['by group "${0}"', "who may approve"],
  quorum: ["quorum ${0:1}", "how many must approve"],
  within: ["within ${0:15m}", "how long it waits"],
  valid: ["valid ${0:once}", "how long a grant is good"],
  columns: ["columns ${0}", "columns that are masked"],
  with: ["with ${0:redact}", "what is shown instead"],
  to: ["to ${1:1000} ${0:rows}", "past what it is stopped"],
  fields: ['fields "${0:$.path}"', "paths into JSON and forms"],
  values: ["values detect [${0}]", "what is looked for in every value"],
  output: ["output", "the text that a command prints"],
  predicates: ["predicates ${0:refuse}", "what becomes of conditions over masked columns"],
  trust: ['trust "${0:schema.function}"', "functions that may see masked columns"],
  even: ["even approved", "not even when somebody approves it"],
};

export function clauseSnippet(word: string, effect: string): Completion {
  if (word === "to" && effect === "alert")
    return {
      label: "to",
      kind: "keyword",
      insert: 'to "${0:channel}"',
      snippet: true,
      detail: "where the notice goes",
      rank: 3,
    };
  const [insert, detail] = CLAUSE_TEXTS[word] ?? [word, ""];
  return { label: word, kind: "keyword", insert, snippet: true, detail, rank: 3 };
}
