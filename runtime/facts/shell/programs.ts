import type { Settled } from "./words.ts";

/** What a program does with its arguments, as far as its name tells. */
export interface Touched {
  /** Null: an argument that decides it is not settled. */
  readonly reads: readonly Settled[];
  readonly writes: readonly Settled[];
}

type Words = readonly Settled[];
type Touches = (args: Words) => Touched;

/** Arguments that are no options. Behind `--` all are. */
function operands(args: Words, valued: string = ""): readonly Settled[] {
  const found: Settled[] = [];
  let plain = false;
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (arg === null || plain || arg === "-" || !arg.startsWith("-")) found.push(arg);
    else if (arg === "--") plain = true;
    // An option whose value is a word of its own.
    else if (/^-[A-Za-z]+$/.test(arg) && valued.includes(arg.at(-1)!)) i++;
  }
  return found;
}

/** The value of an option, in any of its forms; undefined when it is not given, null when it is not settled. */
function optionValue(args: Words, short: string, long: string): Settled | undefined {
  for (const [i, arg] of args.entries()) {
    if (arg === null) continue;
    if (arg === "--") return undefined;
    if (arg === `--${long}`) return args[i + 1] ?? null;
    if (arg.startsWith(`--${long}=`)) return arg.slice(long.length + 3);
    if (short !== "" && /^-[A-Za-z]/.test(arg)) {
      const at = arg.indexOf(short, 1);
      if (at > 0) return at === arg.length - 1 ? (args[i + 1] ?? null) : arg.slice(at + 1);
    }
  }
  return undefined;
}

const nothing: Touches = () => ({ reads: [], writes: [] });
const reading =
  (valued = ""): Touches =>
  (args) => ({ reads: operands(args, valued), writes: [] });
/** The first operand is a pattern, an expression or a format. */
const readingAfterFirst =
  (valued = ""): Touches =>
  (args) => ({ reads: operands(args, valued).slice(1), writes: [] });
const writing =
  (valued = ""): Touches =>
  (args) => ({ reads: [], writes: operands(args, valued) });
const writingAfterFirst: Touches = (args) => ({ reads: [], writes: operands(args).slice(1) });

/** `cp`, `ln`, `install`: the last operand, or the folder of `-t`, is written. `mv` writes what it moves, too. */
const copying =
  (moves: boolean): Touches =>
  (args) => {
    const folder = optionValue(args, "t", "target-directory");
    const words = operands(args, "tSmog");
    const sources = folder === undefined ? words.slice(0, -1) : words;
    const target = folder === undefined ? (words.at(-1) ?? null) : folder;
    // Into a folder it goes under its own name; which of the two it is, only the target knows.
    const inside = sources.map((source) =>
      source === null || target === null ? null : `${target}/${source.split("/").at(-1) ?? ""}`,
    );
    return { reads: sources, writes: [target, ...inside, ...(moves ? sources : [])] };
  };

/** `find`: the folders to begin in, which `-delete` empties, and files that it writes lists to. */
const finding: Touches = (args) => {
  const end = args.findIndex((arg) => arg === null || /^-[^HLPDO]|^[(!]/.test(arg));
  const starts = (end < 0 ? args : args.slice(0, end)).filter((arg) => arg === null || !arg.startsWith("-"));
  const lists = args.flatMap((arg, i) =>
    arg !== null && /^-f(print0?|printf|ls)$/.test(arg) ? [args[i + 1] ?? null] : [],
  );
  const deletes = args.some((arg) => arg === null || arg === "-delete");
  return { reads: starts, writes: deletes ? [...starts, ...lists] : lists };
};

const assigned = (args: Words, name: string): readonly Settled[] =>
  args.flatMap((arg) => (arg === null ? [null] : arg.startsWith(`${name}=`) ? [arg.slice(name.length + 1)] : []));

const server =
  (sends: (args: Words) => boolean, valued = ""): Touches =>
  (args) => {
    const paths = operands(args, valued);
    return sends(args) ? { reads: paths, writes: [] } : { reads: [], writes: paths };
  };

/** Programs by what they do with paths. Of a program that is not here every argument counts as read and written. */
const TABLE: ReadonlyMap<string, Touches> = new Map<string, Touches>([
  ...(
    "echo printf true false : pwd date id whoami hostname uname uptime ps top free w who last groups tty sleep seq " +
    "exit return break continue shift wait jobs kill pkill killall umask ulimit export unset readonly local declare set " +
    "systemctl service journalctl dmesg ss netstat ip ping nproc arch printenv which type expr history read getopts times"
  )
    .split(" ")
    .map((name) => [name, nothing] as const),
  ...(
    "cat less more wc ls stat file md5sum sha1sum sha224sum sha256sum sha384sum sha512sum cksum b2sum diff cmp comm " +
    "cut od hexdump xxd strings nl tac rev du df readlink realpath basename dirname cd test [ [[ tree zcat column paste " +
    "join fold fmt lsof namei getfacl cal lsblk mountpoint git-upload-pack git-upload-archive"
  )
    .split(" ")
    .map((name) => [name, reading("dfnc")] as const),
  ["head", reading("nc")],
  ["tail", reading("nc")],
  ...["grep", "egrep", "fgrep", "zgrep", "jq"].map((name) => [name, readingAfterFirst("emABC")] as const),
  ["tr", nothing],
  [
    "sort",
    (args) => ({
      reads: operands(args, "oktST"),
      writes: [optionValue(args, "o", "output")].filter((v) => v !== undefined),
    }),
  ],
  ["uniq", (args) => ({ reads: operands(args, "fsw").slice(0, 1), writes: operands(args, "fsw").slice(1) })],
  ...["rm", "rmdir", "unlink", "mkfifo", "tee", "gzip", "gunzip", "bzip2", "xz", "git-receive-pack"].map(
    (name) => [name, writing("m")] as const,
  ),
  ["shred", writing("ns")],
  ["truncate", writing("sr")],
  ["touch", writing("drt")],
  ["mkdir", writing("m")],
  ["mknod", writing("m")],
  ...["chmod", "chown", "chgrp", "setfacl", "chattr"].map((name) => [name, writingAfterFirst] as const),
  ["cp", copying(false)],
  ["ln", copying(false)],
  ["install", copying(false)],
  ["mv", copying(true)],
  [
    "sed",
    (args) => {
      // Without -e the first operand is the script.
      const files = operands(args, "ef").slice(
        args.some((arg) => arg !== null && /^(-[a-zA-Z]*[ef]|--(expression|file))/.test(arg)) ? 0 : 1,
      );
      const inPlace = args.some((arg) => arg === null || /^(-[a-zA-Z]*i|--in-place)/.test(arg));
      return { reads: files, writes: inPlace ? files : [] };
    },
  ],
  ...["awk", "gawk", "mawk"].map((name) => [name, readingAfterFirst("Fv")] as const),
  ["find", finding],
  ["dd", (args) => ({ reads: assigned(args, "if"), writes: assigned(args, "of") })],
  ["scp", server((args) => args.some((arg) => arg !== null && /^-[a-zA-Z]*f/.test(arg)))],
  [
    "rsync",
    (args) =>
      args.includes("--server")
        ? server((all) => all.includes("--sender"))(args.filter((arg) => arg !== "."))
        : { reads: operands(args, "e"), writes: operands(args, "e") },
  ],
]);

const URL = /^[a-z][a-z0-9+.-]*:\/\//;

/** Every argument that could be a path, of a program that nothing is known of. */
const anything: Touches = (args) => {
  const paths = args.flatMap((arg): readonly Settled[] => {
    if (arg === null) return [null];
    if (URL.test(arg)) return [];
    const value = /^[^/]*?=(.*\/.*)$/.exec(arg)?.[1];
    if (value !== undefined) return [value];
    return arg === "" || arg.startsWith("-") ? [] : [arg];
  });
  return { reads: paths, writes: paths };
};

export const touchedBy = (program: string): Touches => TABLE.get(program) ?? anything;

/** Whether the name is in the table, so that what it does with its arguments is known. */
export const isListed = (program: string): boolean => TABLE.has(program);
