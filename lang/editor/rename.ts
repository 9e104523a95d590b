import { err, ok, type Result } from "../../base/result.ts";
import { KEYWORD_TEXTS, tokenize } from "../syntax/index.ts";
import type { Span } from "../source/index.ts";
import { applyEdits, type Edit } from "./edits.ts";
import { occurrenceAt, type Occurrence } from "./names.ts";
import { openWorkspace, type Workspace } from "./workspace.ts";

const WHAT: Readonly<Record<Occurrence["kind"], string>> = {
  rule: "rule",
  let: "let",
  columns: "column set",
  detector: "detector",
  variable: "variable",
};

/** What would be renamed at an offset, or null where nothing can be. */
export function renameableAt(
  workspace: Workspace,
  file: string,
  offset: number,
): { readonly span: Span; readonly name: string } | null {
  const found = occurrenceAt(workspace.names, file, offset);
  if (found === undefined) return null;
  const declared = (workspace.names.bySymbol.get(found.symbol) ?? []).some((one) => one.definition);
  return declared ? { span: found.span, name: found.name } : null;
}

/**
 * The edits that rename what stands at an offset, in all files. Refused, with the reason, when the new name is none, is
 * taken, or would make anything mean something else: the edited files are read and checked again and compared.
 */
export function renameAt(
  workspace: Workspace,
  file: string,
  offset: number,
  name: string,
): Result<readonly Edit[], string> {
  const found = occurrenceAt(workspace.names, file, offset);
  const all = workspace.names.bySymbol.get(found?.symbol ?? "") ?? [];
  if (found === undefined || !all.some((one) => one.definition))
    return err("nothing that has a name of its own stands here");
  if (name === found.name) return ok([]);
  const why = nameFault(name);
  if (why !== null) return err(why);
  const broken = all.find(
    (one) => workspace.files.get(one.span.file)?.text.slice(one.span.start, one.span.end) !== found.name,
  );
  if (broken !== undefined)
    return err(`\`${found.name}\` is written in another way in ${broken.span.file}; write it alike everywhere first`);
  const edits = all.map((one) => ({ span: one.span, text: name }));
  const renamed = openWorkspace([...workspace.files.values()].map((one) => ({ ...one, text: applyEdits(one, edits) })));
  const change = difference(workspace, renamed, found, name);
  return change === null ? ok(edits) : err(change);
}

/** Why a text can't be a name, or null. */
function nameFault(name: string): string | null {
  const [token, ...rest] = tokenize(name);
  if (
    token === undefined ||
    rest.length > 0 ||
    token.text !== name ||
    (token.kind !== "name" && token.kind !== "keyword")
  )
    return `\`${name}\` is not a name: a name is letters, digits and \`_\`, and does not begin with a digit`;
  if (token.kind === "keyword" && KEYWORD_TEXTS.includes(name)) return `\`${name}\` is a word of the language`;
  return null;
}

/** What else a renaming would change, in words, or null when it changes the name alone. */
function difference(before: Workspace, after: Workspace, what: Occurrence, name: string): string | null {
  if (what.kind !== "variable" && isTaken(before, what, name))
    return `there is a ${WHAT[what.kind]} \`${name}\` already`;
  const known = new Set(before.result.diagnostics.map((one) => one.message.replaceAll(what.name, name)));
  const added = after.result.diagnostics.find(
    (one) => one.severity === "error" && !known.has(one.message.replaceAll(what.name, name)),
  );
  if (added !== undefined) return `as \`${name}\` it would be an error: ${added.message}`;
  // Each name must stand for what it stood for: `let select = …` would take the place of the value `select`.
  const places = (workspace: Workspace): readonly string[] => {
    const numbers = new Map([...workspace.names.bySymbol.keys()].map((symbol, i) => [symbol, i]));
    return workspace.names.occurrences.map((one) => `${one.kind} ${numbers.get(one.symbol)} ${one.definition}`);
  };
  const [old, fresh] = [places(before), places(after)];
  if (old.length !== fresh.length || old.some((one, i) => one !== fresh[i]))
    return `\`${name}\` stands for something else in these files; it would be mistaken for it`;
  if (shape(before, what.name, name) !== shape(after, what.name, name))
    return `as \`${name}\` it would change what the rules mean`;
  return null;
}

/** Whether the package has a thing of the kind that is called `name`; of rules and detectors, whether any package has. */
function isTaken({ names }: Workspace, { kind, symbol }: Occurrence, name: string): boolean {
  const packageOf = (one: Occurrence | undefined): string | undefined =>
    one === undefined || kind === "rule" || kind === "detector" ? "" : names.environments.get(one.span.file)?.package;
  const home = packageOf(names.bySymbol.get(symbol)?.find((one) => one.definition));
  return names.occurrences.some(
    (one) => one.definition && one.kind === kind && one.name === name && packageOf(one) === home,
  );
}

/** Where the checked policy has the names of rules and detectors. */
const NAMING = new Set(["name", "by", "rule"]);

/** What the rules mean, without places; the old name read as the new one where it names a rule or a detector. */
function shape(workspace: Workspace, old: string, fresh: string): string {
  return JSON.stringify(workspace.result.policy, (key, value: unknown) => {
    // Titles of a test's cases say the names of its tables.
    if (key === "span" || key === "nameSpan" || key === "title") return undefined;
    if (key === "detect" && Array.isArray(value))
      return value.map((one: unknown) => (one === old ? fresh : one)).sort();
    return NAMING.has(key) && value === old ? fresh : value;
  });
}
