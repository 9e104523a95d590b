import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import type { ISerializedGast } from "chevrotain";
import { format, resolveConfig } from "prettier";
import { PolicyParser } from "../lang/syntax/parser.ts";
import { DETECTORS, MASKS, type MaskParameter } from "../spec/contract/bundle/index.ts";
import { PROTOCOLS, SCOPES, factsOf, type Fact, type FactType } from "../spec/contract/facts/index.ts";
import { railroad, type Shape } from "./railroad.ts";

/** Pages of the language's reference that are made from its tables: the grammar from the parser, facts from their schemas. */
const FOLDER = new URL("../spec/language/", import.meta.url);

interface Gast extends ISerializedGast {
  readonly name?: string;
  readonly label?: string;
  readonly separator?: Gast;
  readonly orgText?: string;
}

const slug = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
const partsOf = (gast: Gast): readonly Shape[] => ((gast.definition ?? []) as readonly Gast[]).map(shapeOf);
const sequenceOf = (parts: readonly Shape[]): Shape => (parts.length === 1 ? parts[0]! : { kind: "sequence", parts });

/** Names of tokens as a reader knows them: a keyword or mark as itself, the rest in words. */
const tokenText = (gast: Gast): string => (gast.label ?? gast.name ?? "").replace(/^`(.*)`$/, "$1");
const isWord = (gast: Gast): boolean => /^`.*`$/.test(gast.label ?? "");

function shapeOf(gast: Gast): Shape {
  const inner = (): Shape => sequenceOf(partsOf(gast));
  const separator = (): Shape | null => (gast.separator === undefined ? null : shapeOf(gast.separator));
  switch (gast.type) {
    case "NonTerminal":
      return { kind: "nonterminal", text: gast.name! };
    case "Terminal":
      return isWord(gast)
        ? { kind: "terminal", text: tokenText(gast) }
        : { kind: "nonterminal", text: tokenText(gast) };
    case "Option":
      return { kind: "optional", of: inner() };
    case "Repetition":
      return { kind: "optional", of: { kind: "repeat", of: inner(), separator: null } };
    case "RepetitionWithSeparator":
      return { kind: "optional", of: { kind: "repeat", of: inner(), separator: separator() } };
    case "RepetitionMandatory":
      return { kind: "repeat", of: inner(), separator: null };
    case "RepetitionMandatoryWithSeparator":
      return { kind: "repeat", of: inner(), separator: separator() };
    case "Alternation":
      return { kind: "choice", parts: partsOf(gast) };
    default:
      return inner();
  }
}

/** The same in EBNF: `{ x }` any number, `[ x ]` none or one, `x , …` one or more parted by commas. */
function ebnf(shape: Shape, inSequence = false): string {
  switch (shape.kind) {
    case "terminal":
      return `"${shape.text}"`;
    case "nonterminal":
      return shape.text.replaceAll(" ", "-");
    case "sequence":
      return shape.parts.map((part) => ebnf(part, true)).join(" ");
    case "choice": {
      const text = shape.parts.map((part) => ebnf(part)).join(" | ");
      return inSequence ? `( ${text} )` : text;
    }
    case "optional":
      return shape.of.kind === "repeat" && shape.of.separator === null
        ? `{ ${ebnf(shape.of.of)} }`
        : `[ ${ebnf(shape.of)} ]`;
    case "repeat": {
      const of = ebnf(shape.of, true);
      const one = shape.of.kind === "sequence" ? `( ${of} )` : of;
      return shape.separator === null ? `${one} { ${of} }` : `${one} { ${ebnf(shape.separator)} ${of} }`;
    }
  }
}

interface Files {
  readonly [path: string]: string;
}

function grammar(): Files {
  const rules = new PolicyParser({ recovery: true, validate: true }).getSerializedGastProductions() as readonly Gast[];
  const files: Record<string, string> = {};
  const order = ["file", ...rules.map((rule) => rule.name!).filter((name) => name !== "file")];
  const sections = order.map((name) => {
    const shape = sequenceOf(partsOf(rules.find((rule) => rule.name === name)!));
    files[`railroad/${slug(name)}.svg`] = railroad(name, shape);
    return `## ${name}\n\n![${name}](railroad/${slug(name)}.svg)\n\n\`\`\`ebnf\n${name.replaceAll(" ", "-")} = ${ebnf(shape)} ;\n\`\`\`\n`;
  });
  files["grammar.md"] = `# Grammar

Made from the parser by \`node tools/gen-language-pages.ts\`; a test keeps it so. Rounded: written as it stands. Square: a rule of this page, or a kind of word of [lexical.md](lexical.md). In EBNF \`{ x }\` is any number and \`[ x ]\` none or one.

**G1.** Each clause stands at most once in a rule, in any order.

**G2.** A quantifier's condition reaches as far to the right as it can.

**G3.** Besides \`when\`, \`unless\` and \`because\` each effect has clauses of its own: \`approve\` has \`by\`, \`quorum\`, \`within\`, \`valid\`; \`mask\` has \`columns\`, \`fields\`, \`values detect\`, \`output\`, \`with\`, \`predicates\`, \`trust\`; \`limit\` has \`to\` with numbers; \`alert\` has \`to\` with channels; \`never\` has \`even approved\`.

${sections.join("\n")}`;
  return files;
}

export function typeText(type: FactType): string {
  switch (type.kind) {
    case "bool":
      return "condition";
    case "int":
      return "number";
    case "string":
      return "text";
    case "set":
    case "list":
      return `${type.kind} of ${typeText(type.of)}`;
    case "map":
      return `map of ${typeText(type.of)}`;
    case "enum":
    case "record":
      return type.name;
    default:
      return type.kind;
  }
}

const cell = (text: string): string => text.replaceAll("|", "\\|");
const factRow = ({ path, type, optional, lifetime, doc }: Fact): string =>
  `| \`${path}\` | ${typeText(type)}${optional ? ", may be absent" : ""} | ${lifetime} | ${cell(doc)} |`;

function namedTypes(facts: readonly Fact[]): ReadonlyMap<string, FactType> {
  const found = new Map<string, FactType>();
  const visit = (type: FactType): void => {
    if (type.kind === "set" || type.kind === "list" || type.kind === "map") visit(type.of);
    if (type.kind === "enum" || type.kind === "record") found.set(type.name, type);
    if (type.kind === "record") for (const field of type.fields) visit(field.type);
  };
  for (const fact of facts) visit(fact.type);
  return found;
}

const parameter = ({ name, type, min, max, words }: MaskParameter): string =>
  type === "count"
    ? `${name}: ${min ?? 0} to ${max ?? "any"}`
    : type === "word"
      ? (words ?? []).join(" or ")
      : `${name}: text`;

function reference(): Files {
  const shared = factsOf("postgres").filter((fact) => PROTOCOLS.every((protocol) => factsOf(protocol).includes(fact)));
  const table = (facts: readonly Fact[]): string =>
    `| fact | type | lasts | meaning |\n| --- | --- | --- | --- |\n${facts.map(factRow).join("\n")}\n`;
  const own = PROTOCOLS.map((protocol) => ({
    protocol,
    facts: factsOf(protocol).filter((fact) => !shared.includes(fact)),
  }));
  const seen = new Set<string>();
  const sections = own.flatMap(({ facts }) => {
    const name = facts.map((fact) => fact.path).join();
    if (seen.has(name)) return [];
    seen.add(name);
    const alike = own
      .filter((other) => other.facts.map((fact) => fact.path).join() === name)
      .map((one) => one.protocol);
    return [`## ${alike.join(", ")}\n\n${table(facts)}`];
  });
  const types = [...namedTypes(PROTOCOLS.flatMap((protocol) => factsOf(protocol)))].sort(([a], [b]) =>
    a < b ? -1 : 1,
  );
  const typeSections = types.map(([name, type]) =>
    type.kind === "record"
      ? `**${name}** has the fields\n\n| field | type | meaning |\n| --- | --- | --- |\n${type.fields.map((field) => `| \`${field.name}\` | ${typeText(field.type)} | ${cell(field.doc)} |`).join("\n")}\n`
      : `**${name}**: ${type.kind === "enum" ? type.values.map((value) => `\`${value}\``).join(", ") : ""}\n`,
  );
  const text = `# Facts, masks, detectors

Made from \`contract/\` by \`node tools/gen-language-pages.ts\`; a test keeps it so. How long a fact lasts says what may be settled once: for the session, with a statement's text, or at each execution.

Scopes: ${Object.entries(SCOPES)
    .map(
      ([name, protocols]) =>
        `\`${name}\` is ${protocols.length === PROTOCOLS.length ? "all of them" : protocols.join(" and ")}`,
    )
    .join("; ")}.

## Every protocol

${table(shared)}
${sections.join("\n")}
## Types with a name

${typeSections.join("\n")}
## Masks

From the strictest to the mildest: of two on one value the one that stands earlier wins.

| mask | in brackets | shows |
| --- | --- | --- |
${(MASKS as readonly { name: string; parameters: readonly MaskParameter[]; doc: string }[]).map((one) => `| \`${one.name}\` | ${one.parameters.map(parameter).join(", ")} | ${cell(one.doc)} |`).join("\n")}

## Detectors

| detector | finds |
| --- | --- |
${DETECTORS.map((one) => `| \`${one.name}\` | ${cell(one.doc)} |`).join("\n")}
`;
  return { "facts.md": text };
}

/** Every page, by its path below the folder. */
export async function languagePages(): Promise<Files> {
  const files = { ...grammar(), ...reference() };
  const options = { ...(await resolveConfig(new URL("grammar.md", FOLDER).pathname)), parser: "markdown" };
  return Object.fromEntries(
    await Promise.all(
      Object.entries(files).map(
        async ([path, text]) => [path, path.endsWith(".md") ? await format(text, options) : text] as const,
      ),
    ),
  );
}

export function currentPages(): Files {
  const pages = [
    "grammar.md",
    "facts.md",
    ...readdirSync(new URL("railroad/", FOLDER)).map((name) => `railroad/${name}`),
  ];
  return Object.fromEntries(pages.map((path) => [path, readFileSync(new URL(path, FOLDER), "utf8")]));
}

if (import.meta.main) {
  rmSync(new URL("railroad/", FOLDER), { recursive: true, force: true });
  mkdirSync(new URL("railroad/", FOLDER), { recursive: true });
  for (const [path, text] of Object.entries(await languagePages())) writeFileSync(new URL(path, FOLDER), text);
}
