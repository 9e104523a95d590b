import type { Settled } from "./words.ts";

/** What a program that runs others would run. */
export type Inner =
  /** A command, word by word; `open`: more arguments come from elsewhere (xargs). */
  | { readonly kind: "command"; readonly words: readonly Settled[]; readonly open: boolean }
  /** A line for a shell. */
  | { readonly kind: "line"; readonly text: Settled }
  /** Something that can't be told. */
  | { readonly kind: "opaque" };

type Words = readonly Settled[];
type Unwrap = (args: Words) => readonly Inner[];

const OPAQUE: readonly Inner[] = [{ kind: "opaque" }];
const NOTHING: readonly Inner[] = [];

interface Options {
  /** Letters of options that take no value, and of those that do. */
  readonly flags: string;
  readonly valued: string;
  readonly long?: readonly string[];
  readonly longValued?: readonly string[];
}

/** Where the operands begin, or null when an option is not known: what follows it can't be told then. */
function skipOptions(args: Words, { flags, valued, long = [], longValued = [] }: Options): number | null {
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (arg === null) return null;
    if (arg === "--") return i + 1;
    if (!arg.startsWith("-") || arg === "-") return i;
    if (arg.startsWith("--")) {
      const [name] = arg.slice(2).split("=");
      if (longValued.includes(name!)) i += arg.includes("=") ? 0 : 1;
      else if (!long.includes(name!)) return null;
      continue;
    }
    for (let j = 1; j < arg.length; j++) {
      const letter = arg[j]!;
      if (valued.includes(letter)) {
        if (j === arg.length - 1) i++;
        break;
      }
      if (!flags.includes(letter)) return null;
    }
  }
  return args.length;
}

const command = (words: Words, open = false): readonly Inner[] =>
  words.length === 0 ? NOTHING : [{ kind: "command", words, open }];

/** A program with options, then perhaps assignments or other operands, then a command. */
const prefix =
  (options: Options, operands = 0, assignments = false): Unwrap =>
  (args) => {
    let at = skipOptions(args, options);
    if (at === null) return OPAQUE;
    while (assignments && args[at]?.includes("=") === true) at++;
    return command(args.slice(at + operands));
  };

const sudo: Unwrap = (args) => {
  const options: Options = {
    flags: "AbEHknPSv",
    valued: "ugphCTrt",
    long: ["preserve-env", "non-interactive", "set-home", "stdin", "background", "reset-timestamp", "validate"],
    longValued: ["user", "group", "prompt", "host", "chdir", "chroot"],
  };
  let at = skipOptions(args, options);
  if (at === null) return OPAQUE;
  while (args[at]?.includes("=") === true) at++;
  return command(args.slice(at));
};

/** A shell: `-c` and its line, or a script, or what comes in on its standard input. */
const shell: Unwrap = (args) => {
  for (const [i, arg] of args.entries()) {
    if (arg === null) return OPAQUE;
    if (arg === "--version" || arg === "--help") return NOTHING;
    if (/^-[a-zA-Z]*c[a-zA-Z]*$/.test(arg)) {
      // Options may stand between -c and its line.
      const line = args.slice(i + 1).find((one) => one === null || !/^[-+][a-zA-Z]/.test(one));
      return line === undefined ? OPAQUE : [{ kind: "line", text: line }];
    }
    if (arg === "--" || arg === "-") return i + 1 < args.length ? NOTHING : OPAQUE;
    if (!/^[-+]/.test(arg)) return NOTHING; // a script, which is the program by its path
    if (arg.startsWith("--") || /[sOo]/.test(arg)) return OPAQUE;
  }
  return OPAQUE;
};

/** `su`: a line for the other one's shell, or that shell itself. */
const su: Unwrap = (args) => {
  for (const [i, arg] of args.entries()) {
    if (arg === "-c" || arg === "--command") return [{ kind: "line", text: args[i + 1] ?? null }];
    if (arg?.startsWith("--command=") === true) return [{ kind: "line", text: arg.slice(10) }];
  }
  return OPAQUE;
};

const joined: Unwrap = (args) => [{ kind: "line", text: args.includes(null) ? null : args.join(" ") }];

/** `find`: what `-exec` and its kin run; the file's name stands in for `{}`. */
const find: Unwrap = (args) => {
  const inner: Inner[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (arg === null) return OPAQUE;
    if (!["-exec", "-execdir", "-ok", "-okdir"].includes(arg)) continue;
    const end = args.findIndex((one, at) => at > i && (one === ";" || one === "+"));
    if (end < 0) return OPAQUE;
    inner.push({
      kind: "command",
      words: args.slice(i + 1, end).map((one) => (one?.includes("{}") === true ? null : one)),
      open: false,
    });
    i = end;
  }
  return inner;
};

const xargs: Unwrap = (args) => {
  const at = skipOptions(args, {
    flags: "0oprtx",
    valued: "adEIiLlnPs",
    long: ["null", "no-run-if-empty", "interactive", "verbose", "exit", "open-tty"],
    longValued: ["arg-file", "delimiter", "max-lines", "max-args", "max-procs", "max-chars", "replace"],
  });
  if (at === null) return OPAQUE;
  return at >= args.length ? NOTHING : command(args.slice(at), true);
};

/** Interpreters: code on the command line can do anything; a script is known by its path. */
const interpreter =
  (code: RegExp): Unwrap =>
  (args) => {
    for (const arg of args) {
      if (arg === null || code.test(arg)) return OPAQUE;
      if (!arg.startsWith("-")) return NOTHING;
    }
    // Without a script the code comes in on the standard input.
    return args.some((arg) => arg === "--version" || arg === "-V" || arg === "-v" || arg === "--help")
      ? NOTHING
      : OPAQUE;
  };

const safeAwk: Unwrap = (args) => {
  if (args.some((arg) => arg === null || /^(-f|--file|-i|--include|-E|--exec|-l|--load)/.test(arg))) return OPAQUE;
  return args.some((arg) => /system|getline|\||>|\bprintf?\b.*&/.test(arg!)) ? OPAQUE : NOTHING;
};

/** Scripts of sed that can only print, delete and substitute. */
const SED_HARMLESS =
  /^(?:\s*(?:\d+|\$|\/[^/]*\/)?(?:,(?:\d+|\$|\/[^/]*\/))?!?(?:[pdqn=]|s([/|#,@])(?:(?!\1)[^\\\n]|\\.)*\1(?:(?!\1)[^\\\n]|\\.)*\1[gpi0-9]*)?\s*(?:;|$))+$/;
const safeSed: Unwrap = (args) => {
  if (args.some((arg) => arg === null || /^(-f|--file)/.test(arg))) return OPAQUE;
  const expressions = args.flatMap((arg, i) => (arg === "-e" || arg === "--expression" ? [args[i + 1] ?? null] : []));
  const scripts = expressions.length > 0 ? expressions : [args.find((arg) => !arg!.startsWith("-")) ?? null];
  return scripts.every((script) => script !== null && SED_HARMLESS.test(script)) ? NOTHING : OPAQUE;
};

const tar: Unwrap = (args) =>
  args.some(
    (arg) => arg === null || /^(-I|--use-comp|--to-com|--checkpoint-a|--info-s|--new-vol|-F|--rsh|--rmt)/.test(arg),
  )
    ? OPAQUE
    : NOTHING;

const opaque: Unwrap = () => OPAQUE;

const TABLE: ReadonlyMap<string, Unwrap> = new Map<string, Unwrap>([
  ...["sh", "bash", "dash", "zsh", "ksh", "ash", "rbash", "mksh", "fish", "csh", "tcsh"].map(
    (n) => [n, shell] as const,
  ),
  ["sudo", sudo],
  ["doas", prefix({ flags: "n", valued: "uC" })],
  ["su", su],
  ["runuser", su],
  [
    "env",
    prefix(
      { flags: "i0v", valued: "uC", long: ["ignore-environment", "null"], longValued: ["unset", "chdir"] },
      0,
      true,
    ),
  ],
  ["nohup", prefix({ flags: "", valued: "" })],
  ["setsid", prefix({ flags: "cfw", valued: "" })],
  ["command", prefix({ flags: "pvV", valued: "" })],
  ["builtin", prefix({ flags: "", valued: "" })],
  ["exec", prefix({ flags: "cl", valued: "a" })],
  ["nice", prefix({ flags: "0123456789", valued: "n", longValued: ["adjustment"] })],
  ["ionice", prefix({ flags: "t", valued: "cnp" })],
  ["stdbuf", prefix({ flags: "", valued: "ioe", longValued: ["input", "output", "error"] })],
  [
    "timeout",
    prefix(
      {
        flags: "v",
        valued: "ks",
        long: ["preserve-status", "foreground", "verbose"],
        longValued: ["kill-after", "signal"],
      },
      1,
    ),
  ],
  ["time", prefix({ flags: "pv", valued: "of" })],
  ["chroot", prefix({ flags: "", valued: "", longValued: ["userspec", "groups"] }, 1)],
  ["busybox", prefix({ flags: "", valued: "" })],
  ["strace", opaque],
  ["gdb", opaque],
  ["eval", joined],
  ["watch", joined],
  ["trap", (args) => (args.length < 2 ? NOTHING : [{ kind: "line", text: args[0] ?? null }])],
  ["find", find],
  ["xargs", xargs],
  ["awk", safeAwk],
  ["gawk", safeAwk],
  ["mawk", safeAwk],
  ["sed", safeSed],
  ["tar", tar],
  ...["python", "python2", "python3", "pypy3"].map((n) => [n, interpreter(/^-[a-zA-Z]*[cm]/)] as const),
  ...["perl", "ruby"].map((n) => [n, interpreter(/^-[a-zA-Z0-9]*[eE]/)] as const),
  ["node", interpreter(/^(-[ep]|--eval|--print|-r|--require|--import)/)],
  ["php", interpreter(/^-[rBRFE]/)],
  ["lua", interpreter(/^-[el]/)],
  ...[
    ".",
    "source",
    "alias",
    "enable",
    "parallel",
    "at",
    "batch",
    "script",
    "expect",
    "flock",
    "unshare",
    "nsenter",
    "bind",
    "mapfile",
    "hash",
    "pkexec",
    "systemd-run",
    "dbus-run-session",
    "tclsh",
    "ld.so",
    "vi",
    "vim",
    "nano",
    "ed",
    "ex",
    "emacs",
  ].map((n) => [n, opaque] as const),
]);

/** What `program` would run; nothing for a program that runs no other. */
export const innerOf = (program: string, args: Words): readonly Inner[] => TABLE.get(program)?.(args) ?? NOTHING;

/** Variables that change which program runs, or what it does. */
const MEANINGFUL =
  /^(PATH|IFS|ENV|HOME|CDPATH|SHELL.*|PS[0-4]|TMPDIR|GLOBIGNORE|LD_.*|DYLD_.*|BASH_.*|PROMPT_.*|GIT_.*|PYTHON.*|PERL.*|RUBY.*|NODE_.*|JAVA_.*|_JAVA.*|OPENSSL_.*|SSH_.*|GCONV_PATH|LOCPATH|NLSPATH|MALLOC_.*|LESS.*|MAN.*|.*(EDITOR|PAGER|VISUAL|BROWSER|ASKPASS))$/;

export const changesMeaning = (variable: string): boolean => MEANINGFUL.test(variable);
