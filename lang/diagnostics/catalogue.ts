import { listing } from "../../base/text.ts";
import { habit } from "./habits.ts";

export type Severity = "error" | "warning";

export interface CatalogueEntry {
  readonly code: string;
  readonly severity: Severity;
  readonly message: (p: never) => string;
  readonly hint?: (p: never) => string | undefined;
  /** The misspelt word that `near` would take the place of, where the diagnostic's span begins with it. */
  readonly misspelt?: (p: never) => string;
  /** What `policyc explain` prints before the example of `examples.ts`: what it means and why it matters. */
  readonly explain: string;
}

const near = (p: { near?: string | undefined }): string | undefined =>
  p.near === undefined ? undefined : `did you mean \`${p.near}\`?`;

/** Every message of the language, once. Codes are stable: add rows, never renumber. */
export const catalogue = {
  "unknown-character": {
    code: "P0001",
    severity: "error",
    message: (p: { text: string }) => `${JSON.stringify(p.text)} is not part of the language`,
    hint: (p: { text: string }) => habit(p.text) ?? "remove it, or put it between quotes",
    explain: "The lexer met a character that begins no word, number, text or mark.",
  },
  syntax: {
    code: "P0002",
    severity: "error",
    message: (p: { found: string; expected: readonly string[] }) =>
      p.expected.length === 0 ? `${p.found} does not belong here` : `expected ${listing(p.expected)}, found ${p.found}`,
    hint: (p: { found: string }) => habit(p.found.replace(/^`(.*)`$/s, "$1")),
    explain:
      "The text does not follow the grammar at this place. What stood there and what could have stood there is named.",
  },
  "file-too-large": {
    code: "P0003",
    severity: "error",
    message: (p: { length: number; lengthMax: number }) =>
      `the file has ${p.length} characters; at most ${p.lengthMax} are read`,
    hint: () => "split it: files of one package are read together",
    explain:
      "A limit keeps every command's memory and time bounded. Split the file; rules have no order, so nothing changes.",
  },
  "nested-too-deep": {
    code: "P0004",
    severity: "error",
    message: (p: { depthMax: number }) => `brackets and \`not\`s are nested more than ${p.depthMax} deep`,
    hint: () => "name parts of the condition with `let`",
    explain: "Deeper nesting than a person can read is most likely a mistake or an attack on the compiler.",
  },
  "bad-escape": {
    code: "P0005",
    severity: "error",
    message: (p: { escape: string }) => `${p.escape} is not an escape that texts know`,
    hint: () => 'write \\\\ for a backslash; \\n, \\t, \\r, \\" and \\u{…} are the others',
    explain:
      "A backslash in a text begins an escape. One that means nothing is refused, so that a typing error in a pattern is seen.",
  },
  "bad-expression": {
    code: "P0006",
    severity: "error",
    message: (p: { why: string }) => `this expression can't be used: ${p.why}`,
    hint: () => "see `policyc explain P0006` for what expressions may have",
    explain:
      "Expressions are matched in time linear in the text, so what can't be matched that way is refused: looking ahead or behind, references to groups, word boundaries. There are characters, `.`, `[…]`, `\\d \\w \\s`, `^ $` for the ends of the text, groups, `|`, and `* + ? {m,n}`; `/…/i` ignores case.",
  },
  "expression-too-large": {
    code: "P0007",
    severity: "error",
    message: (p: { statesMax: number }) => `this expression needs an automaton of more than ${p.statesMax} states`,
    hint: () => "shorten its counted repetitions, or anchor it with `^`",
    explain:
      "Expressions are compiled when the policy is built, so that none is slow later. A few, such as a wildcard before a long counted repetition, would need more states than a gateway should hold.",
  },
  "hidden-character": {
    code: "P0008",
    severity: "error",
    message: (p: { name: string }) => `here is a character that is not seen: ${p.name}`,
    hint: () => "remove it; in a text write it as \\u{…}",
    explain:
      "Marks that turn the direction of text, characters without width and byte-order marks make a policy look other than it is read: a reviewer would approve one thing and the compiler take another. Save the file as UTF-8 without a byte-order mark, and write such characters in texts as escapes.",
  },
  "lone-carriage-return": {
    code: "P0009",
    severity: "error",
    message: () => "here is a carriage return without a line feed",
    hint: () => "save the file with line feeds (LF), or with CRLF throughout; policyc fmt writes LF",
    explain:
      "Some editors show a line break here and the language sees none, so that what looks like a rule may still be a part of the comment before it.",
  },
  "unterminated-text": {
    code: "P0010",
    severity: "error",
    message: () => "this text has no closing quote",
    hint: () => "close it on the same line; \\n stands for the end of a line within a text",
    explain: "A text begins and ends with a double quote, on one line.",
  },
  "unknown-scope": {
    code: "P0011",
    severity: "error",
    message: (p: { scope: string }) => `\`${p.scope}\` is not a protocol or family of protocols`,
    hint: near,
    misspelt: (p: { scope: string }) => p.scope,
    explain: "After `on` stands the protocol (`postgres`), family (`sql`) or `*` that the rule speaks of.",
  },
  "duplicate-name": {
    code: "P0012",
    severity: "error",
    message: (p: { what: string; name: string }) => `${p.what} \`${p.name}\` is declared twice`,
    hint: () => "give one of them another name",
    explain:
      "Rules, lets and column sets are referred to by name: in decisions, in the record, in tests. Two of one name could not be told apart.",
  },
  "duplicate-clause": {
    code: "P0013",
    severity: "error",
    message: (p: { clause: string }) => `clause \`${p.clause}\` is given twice`,
    hint: () => "join conditions with `and` or `or`",
    explain: "Each clause may stand at most once in a rule, in any order.",
  },
  "clause-not-allowed": {
    code: "P0014",
    severity: "error",
    message: (p: { clause: string; effect: string }) => `\`${p.effect}\` has no clause \`${p.clause}\``,
    explain:
      "Besides `when`, `unless` and `because`, each effect has its own clauses: approve has by, quorum, within, valid; mask has columns, with; limit has to.",
  },
  "clause-missing": {
    code: "P0015",
    severity: "error",
    message: (p: { clause: string; effect: string }) => `\`${p.effect}\` needs a clause \`${p.clause}\``,
    explain:
      "Without it the rule would have nothing to do: an approval needs someone to give it, a mask needs columns and what to show instead, a limit needs its number.",
  },
  "clause-not-for-scope": {
    code: "P0016",
    severity: "error",
    message: (p: { clause: string; protocol: string; known: string }) =>
      `\`${p.clause}\` means nothing on ${p.protocol}; it is for ${p.known}`,
    hint: () => "write a rule of its own for each family of protocols",
    explain:
      "Columns are found in results of databases, fields in bodies of HTTP, Kubernetes and MCP, output in streams of SSH and of Kubernetes. A rule may only speak of what all of its protocols have.",
  },
  "unknown-package": {
    code: "P0017",
    severity: "error",
    message: (p: { name: string }) => `there is no package \`${p.name}\` among the files that were read`,
    hint: (p: { near?: string | undefined }) =>
      near(p) ?? "give its folder to the command too: files of several packages are read together",
    explain:
      "`import { a } from company.people` looks for files that begin with `package company.people` among those given to the command.",
  },
  "not-exported": {
    code: "P0018",
    severity: "error",
    message: (p: { name: string; package: string }) => `\`${p.name}\` of ${p.package} is not exported`,
    hint: (p: { name: string; package: string }) => `write \`export\` before its declaration in ${p.package}`,
    explain: "A package says which of its names others may build on; the rest is its own to change.",
  },
  "import-cycle": {
    code: "P0019",
    severity: "error",
    message: (p: { path: readonly string[] }) => `packages import one another in a circle: ${p.path.join(" → ")}`,
    hint: () => "move what both need into a package of its own",
    explain: "A package that needs itself by a detour can't be read or changed alone.",
  },
  "unknown-name": {
    code: "P0020",
    severity: "error",
    message: (p: { name: string }) => `nothing is called \`${p.name}\``,
    hint: near,
    misspelt: (p: { name: string }) => p.name,
    explain: "The name is neither a fact of the rule's scope nor declared with `let`.",
  },
  "fact-not-in-scope": {
    code: "P0021",
    severity: "error",
    message: (p: { name: string; protocol: string }) => `\`${p.name}\` is not a fact of ${p.protocol}`,
    explain: "A rule on several protocols may only read facts that all of them have.",
  },
  "type-mismatch": {
    code: "P0022",
    severity: "error",
    message: (p: { expected: string; found: string; written?: string | undefined; hint?: string | undefined }) =>
      `expected ${p.expected}, found ${p.found}`,
    hint: (p: { near?: string | undefined; hint?: string | undefined }) => near(p) ?? p.hint,
    misspelt: (p: { written?: string | undefined }) => p.written ?? "",
    explain: "Every condition is typed before it runs, so that none can fail at run time.",
  },
  "not-a-condition": {
    code: "P0023",
    severity: "error",
    message: (p: { found: string }) => `a condition is true or false; this is ${p.found}`,
    explain: "`when`, `unless`, `and`, `or` and `not` take conditions.",
  },
  "unknown-enum-value": {
    code: "P0024",
    severity: "error",
    message: (p: { value: string; type: string }) => `\`${p.value}\` is not a ${p.type}`,
    hint: near,
    misspelt: (p: { value: string; type: string }) => p.value,
    explain: "The fact has a fixed set of values, and this is none of them, so the comparison could never be true.",
  },
  "optional-not-tested": {
    code: "P0025",
    severity: "error",
    message: (p: { path: string }) => `\`${p.path}\` may be absent here`,
    hint: (p: { path: string }) => `write \`exists ${p.path} and …\`, or give a default: \`${p.path} else …\``,
    explain: "An optional fact must be tested with `exists` before it is read, or be given a default with `else`.",
  },
  "exists-always": {
    code: "P0026",
    severity: "warning",
    message: (p: { path: string }) => `\`${p.path}\` always exists`,
    explain: "The test is always true and can go.",
  },
  "bad-pattern": {
    code: "P0027",
    severity: "error",
    message: (p: { why: string }) => `this column pattern can't be read: ${p.why}`,
    hint: () => "a column pattern is schema.table.column; any part may be `*` or `{a, b}`",
    explain:
      "Columns are named by schema, table and column. A name of one part must be a column set declared with `columns`.",
  },
  "unknown-mask": {
    code: "P0028",
    severity: "error",
    message: (p: { name: string }) => `\`${p.name}\` is not a mask`,
    hint: near,
    misspelt: (p: { name: string }) => p.name,
    explain: "Masks are: redact, null, email, hash, first(n), last(n).",
  },
  "bad-number": {
    code: "P0029",
    severity: "error",
    message: (p: { what: string; range: string }) => `${p.what} must be ${p.range}`,
    explain: "The number is outside of what makes sense or what a gateway can hold.",
  },
  "bad-cidr": {
    code: "P0030",
    severity: "error",
    message: (p: { text: string }) => `${JSON.stringify(p.text)} is not an address range`,
    hint: () => 'write address/bits, such as cidr("10.0.0.0/8")',
    explain: "Ranges are written in CIDR notation, IPv4 or IPv6.",
  },
  "let-cycle": {
    code: "P0031",
    severity: "error",
    message: (p: { name: string }) => `\`${p.name}\` is defined by itself`,
    explain: "A `let` may use others but not, even by a detour, itself.",
  },
  "mask-entry-unused": {
    code: "P0032",
    severity: "warning",
    message: (p: { column: string }) => `no column of this rule is called \`${p.column}\``,
    hint: near,
    explain: "The entry of `with` can never apply, for the rule's `columns` name no such column.",
  },
  "unknown-field": {
    code: "P0033",
    severity: "error",
    message: (p: { field: string; of: string }) => `${p.of} has no field \`${p.field}\``,
    hint: near,
    explain: "Elements of a list of records have the fields that the reference lists for them.",
  },
  "unknown-zone": {
    code: "P0034",
    severity: "error",
    message: (p: { part: string; zone: string }) =>
      p.zone === ""
        ? `\`${p.part}\` needs a time zone: the hour is another one elsewhere`
        : `${JSON.stringify(p.zone)} is not a time zone`,
    hint: (p: { part: string; near?: string | undefined }) =>
      near(p) ?? `write a name of the IANA database: time.${p.part}("Europe/Vienna"), or "UTC"`,
    explain:
      "A moment has an hour and a day only somewhere. The zone's rules are put into the bundle, so that every gateway has the same.",
  },
  "bad-time": {
    code: "P0035",
    severity: "error",
    message: (p: { text: string }) => `${JSON.stringify(p.text)} is not a moment`,
    hint: () => 'write date, time and offset: "2026-12-31T18:00:00Z" or "2026-12-31T19:00:00+01:00"',
    explain: "Moments are written as RFC 3339 has them, with their offset from UTC.",
  },
  "plain-outside-never": {
    code: "P0036",
    severity: "error",
    message: () => "`plain` may only stand in a `never`, joined with `and`",
    hint: () => "whether a column is masked is what rules decide, so a rule can't ask it",
    explain:
      "An invariant may speak of what comes out of all rules together; a rule may not, for it would decide about itself.",
  },
  "unknown-detector": {
    code: "P0037",
    severity: "error",
    message: (p: { name: string }) => `\`${p.name}\` is not a detector`,
    hint: (p: { near?: string | undefined }) => near(p) ?? "declare it: `detector name = /…/`",
    explain: "`values detect` takes built-in detectors and those that the package declares or imports.",
  },
  "bad-field-path": {
    code: "P0038",
    severity: "error",
    message: (p: { why: string }) => `this path can't be read: ${p.why}`,
    hint: () => 'write "$.customers[*].email", "$..ssn" or, for GraphQL, "User.email"',
    explain:
      "A path leads from the whole body, `$`, to the values to mask: `.name`, `..name` at any depth, `[*]` each element, `[0]` one of them, `.{a, b}` a choice.",
  },
  "bad-function-name": {
    code: "P0039",
    severity: "error",
    message: (p: { text: string }) => `${JSON.stringify(p.text)} does not name a function`,
    hint: () => 'write schema and name: trust "public.normalise_phone"',
    explain: "A function that the policy vouches for is named with its schema, so that no other can take its place.",
  },
  "no-because": {
    code: "P0040",
    severity: "warning",
    message: (p: { effect: string }) => `this \`${p.effect}\` does not say why`,
    hint: () => 'add `because "…"`: it is what the person at the client reads',
    explain: "A person who is stopped or made to wait should be told why and what to do instead.",
  },
  "unused-let": {
    code: "P0041",
    severity: "warning",
    message: (p: { name: string }) => `\`${p.name}\` is never used`,
    explain: "A name nobody uses is most likely left over, or misspelt where it was meant.",
  },
  "unused-columns": {
    code: "P0042",
    severity: "warning",
    message: (p: { name: string }) => `column set \`${p.name}\` is never used`,
    explain: "No mask names the set, so it protects nothing.",
  },
  "constant-condition": {
    code: "P0043",
    severity: "warning",
    message: (p: { value: string }) => `this condition is always ${p.value}`,
    explain: "It compares constants only. Remove it, or compare with a fact.",
  },
  "no-rules": {
    code: "P0044",
    severity: "warning",
    message: () => "there is no `allow` rule, so everything is denied",
    explain: "What no rule allows is denied. A package without an `allow` lets nothing through.",
  },
  "unused-import": {
    code: "P0045",
    severity: "warning",
    message: (p: { name: string }) => `imported \`${p.name}\` is never used`,
    explain: "An import that nothing uses makes the package depend on another for nothing.",
  },
  "unused-detector": {
    code: "P0046",
    severity: "warning",
    message: (p: { name: string }) => `detector \`${p.name}\` is never used`,
    explain: "No `values detect` names it, so it finds nothing. Export it if it is meant for other packages.",
  },
  "mask-conflict": {
    code: "P0047",
    severity: "warning",
    message: (p: { weaker: string; stricter: string; column: string; mask: string }) =>
      `where \`${p.stricter}\` applies too, ${p.column} is shown by ${p.mask}, not as \`${p.weaker}\` says`,
    hint: () => "make their conditions exclude each other, or give both the same mask",
    explain:
      "Masks of all matching rules apply together, and of two on one column the stricter wins, by the order in the language's reference. Whoever wrote the milder one may not expect that.",
  },
  "clause-needs": {
    code: "P0048",
    severity: "error",
    message: (p: { clause: string; other: string }) => `\`${p.clause}\` means something only beside \`${p.other}\``,
    explain: "`predicates` and `trust` say what may be done with masked columns, so the rule must name columns.",
  },
  "quorum-unreachable": {
    code: "P0049",
    severity: "error",
    message: (p: { quorum: number; users: number }) => `${p.quorum} people must grant, but only ${p.users} are named`,
    hint: () => "name a group, more users, or a lower quorum",
    explain: "One person is one vote, so a request under this rule could only expire.",
  },
  "test-incomplete": {
    code: "P0050",
    severity: "error",
    message: (p: { what: string }) => `the test has no ${p.what}`,
    explain: "A test says who acts (`user`), what is done (`sql` or `facts`) and what is expected (`expect`).",
  },
  "unknown-rule": {
    code: "P0051",
    severity: "error",
    message: (p: { name: string }) => `no rule is called \`${p.name}\``,
    hint: near,
    misspelt: (p: { name: string }) => p.name,
    explain: "`by` in an expectation names the rule that must have decided.",
  },
  "no-tests": {
    code: "P0052",
    severity: "warning",
    message: (p: { name: string }) => `no test expects anything of rule \`${p.name}\``,
    hint: () => "write a `test` that the rule decides",
    explain: "A rule without a test may do something else than meant, and nobody would notice when that changes.",
  },
  "unknown-variable": {
    code: "P0053",
    severity: "error",
    message: (p: { name: string }) => `no \`for ${p.name} in […]\` stands in this test`,
    hint: (p: { near?: string | undefined }) => near(p) ?? "put texts between quotes",
    explain: "A bare word in a test stands for the values of a table.",
  },
  "unused-variable": {
    code: "P0054",
    severity: "warning",
    message: (p: { name: string }) => `the table \`${p.name}\` is never used`,
    explain: "Each of its values makes one more case that does the same.",
  },
  "too-many-cases": {
    code: "P0055",
    severity: "error",
    message: (p: { count: number; countMax: number }) =>
      `its tables make ${p.count} cases; at most ${p.countMax} are run`,
    hint: () => "split the test",
    explain:
      "Tables are multiplied with one another; a test of thousands of cases is slow and nobody reads its failures.",
  },
  "empty-list": {
    code: "P0056",
    severity: "error",
    message: (p: { what: string }) => `${p.what} has no entries, so it would do nothing`,
    explain: "An empty list is most likely one whose entries were lost.",
  },
  "mixed-actions": {
    code: "P0057",
    severity: "error",
    message: (p: { first: string; second: string }) => `the test mixes actions on ${p.first} and on ${p.second}`,
    hint: () => "write a test for each",
    explain:
      "All actions of a test are decided with the same facts beside them, which only actions of one protocol share.",
  },
  "rule-never-applies": {
    code: "P0060",
    severity: "warning",
    message: (p: { effect: string; name: string }) => `${p.effect} \`${p.name}\` can never apply`,
    hint: () => "its conditions contradict each other; correct one of them, or take the rule out",
    explain:
      "No action makes the rule's condition true: it was proved, over all values of the facts. What it was meant to allow, stop or mask is not.",
  },
  "rule-only-unknown": {
    code: "P0061",
    severity: "warning",
    message: (p: { effect: string; name: string; facts: string }) =>
      `${p.effect} \`${p.name}\` applies only when ${p.facts} can't be established`,
    hint: () => "its conditions contradict each other for every known value; correct one of them",
    explain:
      "With known facts the condition is never true. Only because an unknown condition counts as met for rules that restrict does the rule ever fire, which is hardly what was meant.",
  },
  "rule-covered": {
    code: "P0062",
    severity: "warning",
    message: (p: { effect: string; name: string; by: string }) =>
      `${p.effect} \`${p.name}\` changes nothing: wherever it applies, ${p.by} ${p.by.includes(" and ") ? "between them do" : "does"} too`,
    hint: () => "take it out, or make it say what the others don't",
    explain:
      "Whatever the action, the decision is the same without this rule, because the rules that are named apply wherever it does and leave it nothing to do. It was proved over all actions; all rules that one run names can be taken out together. An allowance is covered by denials and approvals too, for they win over it.",
  },
  "condition-part-always-true": {
    code: "P0063",
    severity: "warning",
    message: (p: { name: string }) => `this part of \`${p.name}\` is always true beside the other parts`,
    hint: () => "leave it out, or correct it",
    explain: "Wherever the other parts that it is joined to with `and` hold, this one does too, so it narrows nothing.",
  },
  "condition-part-adds-nothing": {
    code: "P0064",
    severity: "warning",
    message: (p: { name: string }) => `this part of \`${p.name}\` adds nothing to the other parts`,
    hint: () => "leave it out, or correct it",
    explain: "Wherever this part holds, one of the others that it is joined to with `or` does too, or it never holds.",
  },
  "rule-not-analysed": {
    code: "P0065",
    severity: "warning",
    message: (p: { effect: string; name: string; why: string }) =>
      `whether ${p.effect} \`${p.name}\` ever matters could not be found out: ${p.why}`,
    hint: () => "nothing need be wrong with it; make the condition simpler if you want to know",
    explain:
      "The analysis of rules is exact for questions about one fact at a time. A condition that compares one fact with another, or that has very many cases, is beyond it. It never calls a rule useless that it did not prove to be.",
  },
  "covering-not-analysed": {
    code: "P0066",
    severity: "warning",
    message: (p: { count: number; countMax: number }) =>
      `with ${p.count} rules, those that others cover are not looked for; ${p.countMax} is the most`,
    hint: () => "check parts of the policy by themselves to find them",
    explain:
      "Whether a rule can ever apply is told for any number of rules. Whether others leave it nothing to do is asked against all of them, which would keep a check of very many rules waiting.",
  },
} as const satisfies Record<string, CatalogueEntry>;

export type Code = keyof typeof catalogue;
