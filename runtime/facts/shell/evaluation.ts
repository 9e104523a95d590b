import type { Assignment, Command, SyntaxNode, Word } from "unbash";
import { OPERAND, settle, type Settled } from "./words.ts";

/**
 * Where bash takes a text for more than it looks: arithmetic and subscripts run the substitutions in what a variable holds, and
 * in what is quoted; and builtins set variables whose names are among their arguments.
 */

/** Variables that change which program runs, or what it does. */
const MEANINGFUL =
  /^(PATH|IFS|ENV|HOME|CDPATH|SHELL.*|PS[0-4]|TMPDIR|GLOBIGNORE|EXECIGNORE|FPATH|ZDOTDIR|FCEDIT|INPUTRC|POSIXLY_CORRECT|MAKEFLAGS|GZIP|LD_.*|DYLD_.*|BASH.*|PROMPT_.*|GIT_.*|PYTHON.*|PERL.*|RUBY.*|NODE_.*|LUA_.*|PHP.*|AWK.*|JAVA_.*|_JAVA.*|OPENSSL_.*|SSH_.*|RSYNC_.*|SYSTEMD_.*|XDG_.*|XZ_.*|TERMINFO.*|GCONV_PATH|LOCPATH|NLSPATH|MALLOC_.*|LESS.*|MAN.*|.*_OPTS|.*_OPTIONS|.*(EDITOR|PAGER|VISUAL|BROWSER|ASKPASS))$/;

export const changesMeaning = (variable: string): boolean => MEANINGFUL.test(variable);

/** Numbers of bash's own: what they are given is arithmetic. */
const COUNTING = /^(?:RANDOM|SRANDOM|SECONDS|OPTIND|HISTCMD|LINENO|EPOCH.*)$/;

const isPlainParameter = (name: string): boolean => !changesMeaning(name) && !COUNTING.test(name);

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** Whether a builtin may set this variable: a plain name, without a subscript, that changes nothing else. */
const isPlainName = (word: Settled | undefined): boolean =>
  typeof word === "string" && NAME.test(word) && isPlainParameter(word);

/** Arithmetic without a name in it. */
const NUMBERS = /^(?:[\d\s+\-*/%()<>=!&|^~?:,]|\$[#?$!]|\$\{#\})*$/;
const isNumbers = (text: string): boolean => NUMBERS.test(text);
const SUBSCRIPT = /^(?:[@*]|-?\d+|)$/;
const ARITHMETIC_TESTS = new Set(["-eq", "-ne", "-lt", "-le", "-gt", "-ge"]);

/** Whether a part of a command line may come to more than what stands in it. */
export function evaluates(node: SyntaxNode): boolean {
  switch (node.type) {
    // Also a word of bash's own: another shell runs what is inside of `((…))`.
    case "ArithmeticCommand":
    case "ArithmeticFor":
      return true;
    case "ArithmeticExpansion":
      return !isNumbers(node.text.replace(/^\$(?:\(\(|\[)/, "").replace(/(?:\)\)|\])$/, ""));
    case "ParameterExpansion": {
      const { operation, index, prefix } = node;
      if (index !== undefined && !SUBSCRIPT.test(index.text)) return true;
      // `${!x}` takes what x holds for a name.
      if (prefix === "!" && operation?.type !== "Names" && !/^[@*]$/.test(index?.text ?? "")) return true;
      switch (operation?.type) {
        case "Slice":
          return !isNumbers(operation.offset.text) || !isNumbers(operation.length?.text ?? "");
        case "Transform":
          return !/^[QULuaEKk]$/.test(operation.operand.text);
        case "Default":
          return operation.operator.endsWith("=") && !isPlainParameter(node.parameter);
        case "Unknown":
          return true;
        default:
          return false;
      }
    }
    case "TestUnary":
      return /^-[vR]$/.test(node.operator) && !(node.operand.parts === undefined && NAME.test(node.operand.text));
    case "TestBinary":
      return (
        // Another shell takes what stands in `[[ … > x ]]` for a redirection.
        node.operator === "<" ||
        node.operator === ">" ||
        (ARITHMETIC_TESTS.has(node.operator) && !(isNumbers(node.left.text) && isNumbers(node.right.text)))
      );
    case "For":
    case "Select":
    case "Coproc":
      return node.name !== undefined && !(node.name.parts === undefined && isPlainName(node.name.text));
    case "FileDescriptorVariable":
      return !isPlainName(node.name);
    case "Assignment":
      return (
        changesMeaning(node.name) ||
        (COUNTING.test(node.name) && !(node.value.type === "Word" && /^\d+$/.test(node.value.text))) ||
        (node.index !== undefined && !SUBSCRIPT.test(node.index.text))
      );
    case "ArrayValue":
      return node.elements.some(({ text }) => text.startsWith("[") && !/^\[\d+\]\+?=/.test(text));
    // `{a[x]}>f` is given a number, too.
    case "Word":
      return /^\{[A-Za-z_][A-Za-z0-9_]*\[.*\]\}$/s.test(node.text);
    default:
      return false;
  }
}

// ---- builtins --------------------------------------------------------------------------------------------------------

type Words = readonly Settled[];

const DECLARING = new Set(["declare", "typeset", "local", "readonly", "export"]);

/** The words of a command for `builtinEvaluates`: of an assignment that is what it seems only the name counts. */
export function builtinWords(node: Command, words: Words): Words {
  const program = node.name?.value ?? "";
  if (!DECLARING.has(program)) return words;
  return words.map((word, i) => {
    const part = node.args[i];
    return part?.type === "Assignment" && isPlainAssignment(part, program) ? part.name : word;
  });
}

function isPlainAssignment(part: Assignment, program: string): boolean {
  if (evaluates(part)) return false;
  if (part.value.type === "ArrayValue") return true;
  const value = settle(part.value, "~");
  // `declare` takes a value in brackets for a list, whose substitutions it runs; the other two do not.
  return typeof value === "string" ? !value.startsWith("(") : program === "export" || program === "readonly";
}

/** Goes through options; answers operands, and what the options of `named` name. Null: an option that is not known. */
function options(
  args: Words,
  flags: string,
  valued = "",
  named = "",
): { readonly operands: Words; readonly names: Words } | null {
  const names: Settled[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (arg === null) return null;
    if (arg === "--") return { operands: args.slice(i + 1), names };
    if (arg === OPERAND || !/^-./.test(arg)) return { operands: args.slice(i), names };
    for (let j = 1; j < arg.length; j++) {
      const letter = arg[j]!;
      if (flags.includes(letter)) continue;
      if (!valued.includes(letter) && !named.includes(letter)) return null;
      const value = j + 1 < arg.length ? arg.slice(j + 1) : (args[++i] ?? null);
      if (value === null) return null;
      if (named.includes(letter)) names.push(value);
      break;
    }
  }
  return { operands: [], names };
}

/** Whether the names that a builtin sets are not all plain ones. */
const setting =
  (flags: string, valued = "", named = "", only = (operands: Words): Words => operands) =>
  (args: Words): boolean => {
    const found = options(args, flags, valued, named);
    return found === null || ![...found.names, ...only(found.operands)].every(isPlainName);
  };

const declaring =
  (flags: string) =>
  (args: Words): boolean => {
    const found = options(args, flags);
    // In quotes it is no assignment for bash's grammar, but for the builtin.
    const nameOf = (word: Settled): Settled =>
      typeof word === "string" ? word.replace(/^([A-Za-z_][A-Za-z0-9_]*)\+?=(?!\().*$/s, "$1") : word;
    return found === null || !found.operands.map(nameOf).every(isPlainName);
  };

const BUILTINS: ReadonlyMap<string, (args: Words) => boolean> = new Map([
  ["let", () => true],
  ["printf", setting("", "", "v", () => [])],
  ["read", setting("ers", "dinNptu", "a")],
  ["unset", setting("fvn")],
  ["getopts", setting("", "", "", (operands) => operands.slice(1, 2))],
  ["wait", setting("nf", "", "p", () => [])],
  ["jobs", (args: Words) => options(args, "lnprs") === null],
  ["declare", declaring("aAfFglprtux")],
  ["typeset", declaring("aAfFglprtux")],
  ["local", declaring("aAglprtux")],
  ["readonly", declaring("aAfp")],
  ["export", declaring("fnp")],
  ["set", (args: Words) => isSetting(args)],
  ["shopt", (args: Words) => !args.every((arg) => typeof arg === "string" && HARMLESS_SHOPT.test(arg))],
  ["history", (args: Words) => !args.every((arg) => typeof arg === "string" && /^(\d+|-c)$/.test(arg))],
]);

const HARMLESS_SHOPT =
  /^(-[supq]+|nullglob|globstar|dotglob|failglob|nocaseglob|nocasematch|inherit_errexit|lastpipe)$/;

/** `set`: behind the options stand positional parameters. */
function isSetting(args: Words): boolean {
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (arg === "--" || arg === "-" || arg === OPERAND) return false;
    if (arg === null) return true;
    if (!/^[-+]/.test(arg)) return false;
    if (!/^[-+][aefnuvxCEhbT]*o?$/.test(arg)) return true;
    if (arg.endsWith("o")) {
      const name = args[++i] ?? "errexit";
      if (
        typeof name !== "string" ||
        !/^(errexit|errtrace|nounset|xtrace|pipefail|noglob|noclobber|noexec)$/.test(name)
      )
        return true;
    }
  }
  return false;
}

/** Whether a builtin of the shell evaluates an argument, or sets a variable that changes what runs. */
export const builtinEvaluates = (program: string, args: Words): boolean => BUILTINS.get(program)?.(args) === true;

// ---- test ------------------------------------------------------------------------------------------------------------

/** A word that is one word, whatever it comes to. */
const ONE = Symbol("one word");
type TestWord = string | null | typeof ONE;

const BINARY = new Set(["=", "==", "!=", "<", ">", "=~", ...ARITHMETIC_TESTS, "-nt", "-ot", "-ef"]);

/** Whether `test` or `[` may be made to look at a variable with a subscript: `test -v 'a[$(…)]'` runs what is inside. */
export function testEvaluates(args: readonly (Word | Assignment)[]): boolean {
  const words = args.map((arg): TestWord => {
    if (arg.type === "Assignment") return ONE;
    const settled = settle(arg, "~");
    return typeof settled === "string" ? settled : isOneWord(arg) ? ONE : null;
  });
  if (words.at(-1) === "]") words.pop();
  return evaluatesInTest(words);
}

/** The same of words of which nothing else is known. */
export const testWordsEvaluate = (args: Words): boolean =>
  evaluatesInTest((args.at(-1) === "]" ? args.slice(0, -1) : args).map((one) => (one === OPERAND ? null : one)));

function evaluatesInTest(words: readonly TestWord[]): boolean {
  if (words.includes(null)) return true;
  const found = words.some((word, i) => {
    const next = words[i + 1];
    return (word === "-v" || word === "-R") && next !== undefined && !(typeof next === "string" && NAME.test(next));
  });
  if (found) return true;
  if (!words.includes(ONE)) return false;
  // Quoted variables: what stands where an operator may be must be settled.
  const [first, second, third] = words;
  switch (words.length) {
    case 1:
      return false;
    case 2:
      return first === ONE;
    case 3:
      return !(BINARY.has(second as string) || (first === "!" && second !== ONE));
    case 4:
      return !(first === "!" && BINARY.has(third as string));
    default:
      return true;
  }
}

/** Wholly in double quotes, or a number of the shell's own. */
const isOneWord = ({ parts, text }: Word): boolean =>
  /^\$[?#$]$/.test(text) ||
  (parts?.every(
    (part) =>
      part.type === "Literal" ||
      part.type === "SingleQuoted" ||
      part.type === "AnsiCQuoted" ||
      (part.type === "DoubleQuoted" && !/\$\{?[^}]*@/.test(part.text)),
  ) ??
    true);
