import { forEachChild, parse, type Command, type ParsedScript, type Redirection, type SyntaxNode } from "unbash";
import { COMMANDS_MAX, COMMAND_LINE_BYTES_MAX, FOLDERS_MAX, NESTING_MAX } from "./limits.ts";
import { canonicalPath } from "./paths.ts";
import { builtinEvaluates, builtinWords, evaluates, testEvaluates, testWordsEvaluate } from "./evaluation.ts";
import { touchedBy, type Touched } from "./programs.ts";
import { OPERAND, settle, type Settled } from "./words.ts";
import { innerOf } from "./wrappers.ts";

/** One simple command, as far as its text tells. */
export interface ShellCommand {
  /** Without its folder. "" when it is not settled before the shell runs. */
  readonly program: string;
  readonly path: string;
  readonly arguments: readonly string[];
  /** Files that its redirections write. */
  readonly writes: readonly string[];
  /** Program and arguments are all settled. */
  readonly known: boolean;
}

/** What a command line would do. Of a line that is not `parsed` nothing else is known. */
export interface CommandLine {
  readonly parsed: boolean;
  readonly commands: readonly ShellCommand[];
  /** A program's name, or a line for another shell, is not settled: anything may run. */
  readonly expands: boolean;
  /** Null: some path is not settled. */
  readonly arguments: ReadonlySet<string> | null;
  readonly reads: ReadonlySet<string> | null;
  readonly writes: ReadonlySet<string> | null;
}

const UNREADABLE: CommandLine = {
  parsed: false,
  commands: [],
  expands: true,
  arguments: null,
  reads: null,
  writes: null,
};

/**
 * Reads a command line with bash's grammar, of which POSIX's is a part: what it would run, also inside of substitutions,
 * `sh -c`, `sudo`, `xargs` and their kin, and which paths it would touch. Nothing is run and no file is looked at: links are
 * not followed, and programs that are only known by name may do anything with their arguments.
 *
 * @param home where relative paths begin: absolute, or `~` when it is not known
 */
export function readCommandLine(text: string, home: string | null): CommandLine {
  if (Buffer.byteLength(text) > COMMAND_LINE_BYTES_MAX || /[\0\ufffd]/.test(text)) return UNREADABLE;
  const walker = new Walker(home ?? "~");
  return walker.line(text, 0) ? walker.result() : UNREADABLE;
}

/** Folders that a command may be run in; null when that can't be told. */
type Folders = ReadonlySet<string> | null;

class Walker {
  readonly #home: string;
  readonly #commands: ShellCommand[] = [];
  readonly #arguments = new Set<string>();
  readonly #reads = new Set<string>();
  readonly #writes = new Set<string>();
  #argumentsKnown = true;
  #readsKnown = true;
  #writesKnown = true;
  #expands = false;
  #folders: Folders;
  /** Where the last `cd` leads if it succeeds. */
  #arrived: Folders = null;

  constructor(home: string) {
    this.#home = home;
    this.#folders = new Set([home]);
  }

  result(): CommandLine {
    return {
      parsed: true,
      commands: this.#commands,
      expands: this.#expands,
      arguments: this.#argumentsKnown && !this.#expands ? this.#arguments : null,
      reads: this.#readsKnown && !this.#expands ? this.#reads : null,
      writes: this.#writesKnown && !this.#expands ? this.#writes : null,
    };
  }

  /** False when it can't be read. */
  line(text: string, depth: number): boolean {
    if (depth > NESTING_MAX) return false;
    let script: ParsedScript;
    try {
      script = parse(text);
    } catch {
      return false;
    }
    return this.#script(script, depth);
  }

  #script(script: ParsedScript, depth: number): boolean {
    if ((script.errors?.length ?? 0) > 0) return false;
    return script.commands.every((statement) => this.#node(statement, depth));
  }

  /** Goes through a construct in the order it would run; false when a part can't be read. */
  #node(node: SyntaxNode, depth: number): boolean {
    if (evaluates(node)) this.#expands = true;
    switch (node.type) {
      case "Script":
        return this.#apart(() => this.#script(node, depth));
      case "Command":
        return this.#command(node, depth);
      case "Statement":
        return node.background === true
          ? this.#apart(() => this.#node(node.command, depth))
          : this.#node(node.command, depth);
      case "Pipeline":
        return node.commands.every((command) =>
          node.commands.length > 1 ? this.#apart(() => this.#node(command, depth)) : this.#node(command, depth),
        );
      case "Subshell":
      case "Coproc":
      case "CommandExpansion":
      case "ProcessSubstitution":
        return this.#apart(() => this.#children(node, depth));
      case "AndOr": {
        const before = this.#folders;
        let fine = true;
        for (const [i, command] of node.commands.entries()) {
          fine &&= this.#node(command, depth);
          // Behind `cd x &&` one is there; otherwise it may have failed.
          if (node.operators[i] === "&&" && isChange(command)) this.#folders = this.#arrived;
        }
        // A chain may stop anywhere.
        this.#folders = union(before, this.#folders);
        return fine;
      }
      case "If":
      case "For":
      case "ArithmeticFor":
      case "Select":
      case "While":
      case "Case": {
        if (!changesFolder(node)) return this.#children(node, depth);
        this.#folders = null;
        const fine = this.#children(node, depth);
        this.#folders = null;
        return fine;
      }
      case "Function": {
        const before = this.#folders;
        this.#folders = null;
        const fine = this.#children(node, depth);
        this.#folders = changesFolder(node) ? null : before;
        return fine;
      }
      // Bash's own words: for another shell these are commands.
      case "TestLogical":
      case "TestGroup":
        this.#expands = true;
        return this.#children(node, depth);
      case "Redirected":
        for (const redirect of node.redirects) this.#redirect(redirect, []);
        return this.#children(node, depth);
      default:
        return this.#children(node, depth);
    }
  }

  #children(node: SyntaxNode, depth: number): boolean {
    let fine = true;
    forEachChild(node, (child) => {
      fine = fine && this.#node(child, depth);
    });
    return fine;
  }

  /** Runs in a process of its own: where that goes does not change where the rest runs. */
  #apart(walk: () => boolean): boolean {
    const before = this.#folders;
    const fine = walk();
    this.#folders = before;
    return fine;
  }

  #command(node: Command, depth: number): boolean {
    // Substitutions in any word run first.
    for (const part of [...(node.name === undefined ? [] : [node.name]), ...node.prefix, ...node.suffix])
      if (!this.#node(part, depth)) return false;
    const redirected: string[] = [];
    for (const redirect of node.redirects) this.#redirect(redirect, redirected);
    if (node.name === undefined) return true;
    const words = node.args.map((arg) => (arg.type === "Word" ? settle(arg, this.#home) : assignment(arg.text)));
    const { value } = node.name;
    const evaluating =
      value === "test" || value === "[" ? testEvaluates(node.args) : evaluated(value, builtinWords(node, words));
    return this.#run([settle(node.name, this.#home), ...words], redirected, depth, evaluating);
  }

  /** One command with its words, however it is run. */
  #run(
    words: readonly Settled[],
    redirected: readonly string[],
    depth: number,
    evaluating: boolean | null = null,
  ): boolean {
    if (this.#commands.length === COMMANDS_MAX || depth > NESTING_MAX) return false;
    const [name = null, ...args] = words;
    const path = typeof name === "string" ? name : "";
    const settled = args.filter((arg) => typeof arg === "string");
    const known = path !== "" && settled.length === args.length;
    const program = path.split("/").at(-1)!;
    if (program === "" || (evaluating ?? evaluated(program, args))) this.#expands = true;
    if (settled.length < args.length) this.#argumentsKnown = false;
    for (const arg of settled) this.#arguments.add(arg);
    this.#commands.push({ program, path, arguments: settled, writes: redirected, known });
    if (program === "cd") {
      this.#changeFolder(args);
      return true;
    }
    if (program === "pushd" || program === "popd") this.#folders = null;
    const inner = innerOf(program, args);
    // What runs another command touches what that one touches.
    if (inner.length === 0 || program === "find") this.#touch(touchedBy(program, args));
    for (const one of inner) {
      if (one.kind === "opaque") {
        this.#expands = true;
        this.#touch(touchedBy(program, args));
      } else if (one.kind === "files") this.#touch(one);
      else if (one.kind === "command") {
        if (!this.#run(one.words, [], depth + 1)) return false;
      } else {
        const { text } = one;
        if (typeof text !== "string") this.#expands = true;
        else if (!this.#apart(() => this.line(text, depth + 1))) return false;
      }
    }
    return true;
  }

  #touch({ reads, writes }: Touched): void {
    for (const path of reads) this.#note(path, "read");
    for (const path of writes) this.#note(path, "write");
  }

  #redirect(redirect: Redirection, redirected: string[]): void {
    if (redirect.type !== "Redirect" || redirect.target === undefined) return;
    const { operator, target } = redirect;
    const path = settle(target, this.#home);
    // `2>&1`, `>&-`: no file.
    if ((operator === ">&" || operator === "<&") && typeof path === "string" && /^(\d+-?|-)$/.test(path)) return;
    if (operator === "<" || operator === "<&") return this.#note(path, "read");
    if (path === "/dev/null") return;
    if (operator === "<>") this.#note(path, "read");
    this.#note(path, "write");
    for (const full of this.#canonical(path) ?? []) redirected.push(full);
  }

  #note(path: Settled, how: "read" | "write"): void {
    const found = path === "-" ? [] : this.#canonical(path);
    if (found === null) {
      if (how === "read") this.#readsKnown = false;
      else this.#writesKnown = false;
      return;
    }
    for (const one of found) (how === "read" ? this.#reads : this.#writes).add(one);
  }

  /** A path in every folder that it may be meant from; null when that can't be told. */
  #canonical(path: Settled): readonly string[] | null {
    if (typeof path !== "string") return null;
    if (path.startsWith("/")) return [canonicalPath(path, "/")!];
    const found: string[] = [];
    for (const folder of this.#folders ?? [null]) {
      const full = folder === null ? null : canonicalPath(path, folder);
      if (full === null) return null;
      found.push(full);
    }
    return found;
  }

  #changeFolder(args: readonly Settled[]): void {
    const words = args.filter((arg) => arg !== "--" && arg !== "-P" && arg !== "-L");
    const [path = this.#home] = words;
    const found = words.length > 1 || path === "-" ? null : this.#canonical(path);
    this.#arrived = found === null || found.length > FOLDERS_MAX ? null : new Set(found);
    // It may fail, and what comes next runs where one was.
    this.#folders = union(this.#folders, this.#arrived);
  }
}

const evaluated = (program: string, args: readonly Settled[]): boolean =>
  program === "test" || program === "[" ? testWordsEvaluate(args) : builtinEvaluates(program, args);

/** An assignment among the arguments (`export A=b`) is one of them. */
const assignment = (text: string): Settled => (/[$`\\"'*?[{~(]/.test(text) ? OPERAND : text);

const union = (a: Folders, b: Folders): Folders => {
  if (a === null || b === null) return null;
  const all = new Set([...a, ...b]);
  return all.size > FOLDERS_MAX ? null : all;
};

const isChange = (node: SyntaxNode): boolean => node.type === "Command" && node.name?.value === "cd";

/** Whether a command in it changes the folder, or may. */
function changesFolder(node: SyntaxNode): boolean {
  if (node.type === "Command") {
    const name = node.name?.value ?? "";
    if (["cd", "pushd", "popd", "eval", "builtin", "command"].includes(name) || (node.name?.parts?.length ?? 0) > 0)
      return true;
  }
  let found = false;
  forEachChild(node, (child) => {
    found ||= changesFolder(child);
  });
  return found;
}
