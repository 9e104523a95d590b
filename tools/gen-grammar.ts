import { readFileSync, writeFileSync } from "node:fs";
import { format, resolveConfig } from "prettier";
import { Comment, Duration, Identifier, Int, KEYWORDS, M, Regex, type Keyword } from "../lang/syntax/tokens.ts";

export const GRAMMAR = new URL("../editors/vscode/syntaxes/policy.tmLanguage.json", import.meta.url);

/** What a word is for the reader's eye. A word that is not here makes the generator fail, so none is forgotten. */
const SCOPES: Readonly<Record<Keyword, string>> = {
  ...scoped("keyword.control.effect", ["allow", "deny", "approve", "mask", "limit", "alert", "never"]),
  ...scoped("keyword.other.declaration", ["package", "import", "from", "export", "let", "detector", "test"]),
  ...scoped("keyword.other.clause", [
    // Before a name and `=` it declares: see below.
    "columns",
    ...([
      "on",
      "when",
      "unless",
      "because",
      "by",
      "quorum",
      "valid",
      "to",
      "with",
      "fields",
      "values",
      "output",
    ] as const),
    ...(["detect", "check", "even", "approved", "predicates", "trust", "per", "group"] as const),
  ]),
  ...scoped("keyword.operator.word", [
    ...(["and", "or", "not", "in", "has", "any", "all", "like", "matches", "starts", "ends", "within"] as const),
    ...(["exists", "else"] as const),
  ]),
  ...scoped("keyword.other.test", [
    ...([
      "expect",
      "for",
      "user",
      "target",
      "schema",
      "sql",
      "facts",
      "masked",
      "plain",
      "time",
      "ssh",
      "http",
    ] as const),
    ...(["kubectl", "tool", "header", "body", "approvers", "matched"] as const),
  ]),
  ...scoped("constant.language", ["true", "false", "once"]),
  ...scoped("support.constant.unit", ["rows", "bytes", "statements"]),
};

function scoped<K extends Keyword>(scope: string, words: readonly K[]): Record<K, string> {
  return Object.fromEntries(words.map((word) => [word, scope])) as Record<K, string>;
}

interface Rule {
  readonly name?: string;
  readonly match?: string;
  readonly begin?: string;
  readonly end?: string;
  readonly captures?: Readonly<Record<string, { readonly name: string }>>;
  readonly patterns?: readonly Rule[];
}

const sourceOf = (token: { readonly PATTERN?: unknown }): string => {
  if (!(token.PATTERN instanceof RegExp)) throw new Error("the token has no pattern");
  return token.PATTERN.source;
};

/** A TextMate grammar, as VS Code, Sublime Text and GitHub read it, made from the tokens of the language. */
export async function grammar(): Promise<string> {
  const words = [...KEYWORDS.reserved, ...KEYWORDS.contextual];
  const missing = words.filter((word) => SCOPES[word] === undefined);
  if (missing.length > 0) throw new Error(`no scope is stated for ${missing.join(", ")}`);
  const name = sourceOf(Identifier);
  const of = (scope: string): string => words.filter((word) => SCOPES[word] === scope).join("|");
  const named = (keywords: string, scope: string, keyword: string): Rule => ({
    match: `\\b(${keywords})\\s+(${name})`,
    captures: { "1": { name: `${keyword}.policy` }, "2": { name: `${scope}.policy` } },
  });
  const marks = Object.values(M)
    .map((token) => token.PATTERN as string)
    .filter((mark) => /^[=!<>]/.test(mark))
    .sort((a, b) => b.length - a.length);
  const patterns: Rule[] = [
    { name: "comment.line.double-slash.policy", match: sourceOf(Comment) },
    { name: "string.regexp.policy", match: sourceOf(Regex) },
    {
      name: "string.quoted.double.policy",
      begin: '"',
      // A text ends with its line, closed or not.
      end: '"|$',
      patterns: [{ name: "constant.character.escape.policy", match: "\\\\(u\\{[0-9a-fA-F]{1,6}\\}|.)" }],
    },
    {
      match: `(@)(${name})`,
      captures: { "1": { name: "punctuation.decorator.policy" }, "2": { name: "entity.name.decorator.policy" } },
    },
    // What `expect` is followed by is a verdict, not a rule.
    {
      match: "\\b(expect)\\s+(allow|deny|approve|limit)\\b",
      captures: { "1": { name: "keyword.other.test.policy" }, "2": { name: "keyword.control.effect.policy" } },
    },
    named("allow|deny|approve|mask|limit|alert", "entity.name.function", "keyword.control.effect"),
    named("let", "variable.other.constant", "keyword.other.declaration"),
    named("columns(?=\\s+[A-Za-z_][A-Za-z0-9_]*\\s*=)", "entity.name.type", "keyword.other.declaration"),
    named("detector", "entity.name.type", "keyword.other.declaration"),
    { name: "constant.numeric.duration.policy", match: `\\b${sourceOf(Duration)}` },
    { name: "constant.numeric.policy", match: `(?<![A-Za-z0-9_])${sourceOf(Int)}` },
    // Of a path only the first word can be a word of the language.
    { name: "variable.other.property.policy", match: `(?<=\\.)${name}` },
    { match: `\\b(${name})(?=\\.)`, name: "variable.other.object.policy" },
    ...[...new Set(Object.values(SCOPES))].map((scope): Rule => ({
      name: `${scope}.policy`,
      match: `\\b(${of(scope)})\\b`,
    })),
    { name: "keyword.operator.policy", match: marks.join("|") },
  ];
  const text = JSON.stringify({
    $schema: "https://raw.githubusercontent.com/martinring/tmlanguage/master/tmlanguage.json",
    name: "Sallyport policy",
    scopeName: "source.policy",
    fileTypes: ["policy"],
    patterns,
  });
  return format(text, { ...(await resolveConfig(GRAMMAR.pathname)), parser: "json" });
}

export const currentGrammar = (): string => readFileSync(GRAMMAR, "utf8");

if (import.meta.main) writeFileSync(GRAMMAR, await grammar());
