import type { PolicyFile } from "../ast/index.ts";
import { checkTrees, type CheckResult } from "../check/index.ts";
import type { CheckedRule, CheckedTest } from "../checked/index.ts";
import type { Diagnostic } from "../diagnostics/index.ts";
import { lintChecked, type LintLevels } from "../lint/index.ts";
import type { SourceFile } from "../source/index.ts";
import { parseFile } from "../syntax/index.ts";
import { namesOf, type NameTable } from "./names.ts";

/**
 * The policy files of one folder as they are at one moment, read and checked together. Everything an editor asks is
 * answered from one of these, so that an answer never mixes two texts.
 */
export interface Workspace {
  readonly files: ReadonlyMap<string, SourceFile>;
  readonly trees: ReadonlyMap<string, PolicyFile>;
  readonly result: CheckResult;
  /** What the linter finds; looked for when it is first asked for. */
  readonly lints: readonly Diagnostic[];
  readonly names: NameTable;
}

/** What reading a file gave, kept for as long as the file is: of many files only those that changed are read again. */
const parsed = new WeakMap<SourceFile, ReturnType<typeof parseFile>>();

function parseOnce(file: SourceFile): ReturnType<typeof parseFile> {
  let found = parsed.get(file);
  if (found === undefined) {
    found = parseFile(file);
    parsed.set(file, found);
  }
  return found;
}

/** Reads and checks; never throws for any text. `levels` are those of the linter, where they differ from its own. */
export function openWorkspace(files: readonly SourceFile[], levels: LintLevels = new Map()): Workspace {
  const ordered = [...files].sort((a, b) => (a.path < b.path ? -1 : 1));
  const read = ordered.map(parseOnce);
  const result = checkTrees(
    read.map(({ tree }) => tree),
    read.flatMap(({ diagnostics }) => diagnostics),
  );
  let lints: readonly Diagnostic[] | undefined;
  return {
    files: new Map(ordered.map((file) => [file.path, file])),
    trees: new Map(result.trees.map((tree) => [tree.path, tree])),
    result,
    get lints() {
      return (lints ??= lintChecked(ordered, result, levels));
    },
    names: namesOf(result.trees),
  };
}

/** All that is told of the files: of the language first, then of the linter. */
export const diagnosticsOf = (workspace: Workspace): readonly Diagnostic[] => [
  ...workspace.result.diagnostics,
  ...workspace.lints,
];

/** The rule whose name stands at a place. */
export function ruleNamedAt(workspace: Workspace, file: string, start: number): CheckedRule | undefined {
  return workspace.result.policy.rules.find((rule) => rule.nameSpan.file === file && rule.nameSpan.start === start);
}

/** Tests that expect something of a rule. */
export function testsOf(workspace: Workspace, rule: string): readonly CheckedTest[] {
  return workspace.result.policy.tests.filter((test) =>
    test.expectations.some((one) => ("by" in one ? one.by === rule : one.kind === "matched" && one.rule === rule)),
  );
}

/** What an editor knows of the world beside the policy files. All of it may be empty. */
export interface Surroundings {
  /** Columns of the schema files that tests name. */
  readonly columns: readonly { readonly schema: string; readonly table: string; readonly column: string }[];
  /** Files that may stand after `schema`, as they would be written in the file that is edited. */
  readonly schemaFiles: readonly string[];
  /** Most steps that a rule's condition takes, from the compiler's certificate; null when it does not compile. */
  readonly stepsOf: (rule: CheckedRule) => number | null;
}

export const NO_SURROUNDINGS: Surroundings = { columns: [], schemaFiles: [], stepsOf: () => null };
