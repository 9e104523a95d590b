import { gitGoesElsewhere } from "./git.ts";
import { given, has, known, valuesOf, type Given, type Options } from "./options.ts";
import { PROGRAM_OPTIONS } from "./program-options.ts";
import type { Settled } from "./words.ts";

/** What a program does with its arguments, as far as its name tells. */
export interface Touched {
  /** Null: an argument that decides it is not settled. */
  readonly reads: readonly Settled[];
  readonly writes: readonly Settled[];
}

type Words = readonly Settled[];
/** What the operands are; what options name comes on top. */
type Touches = (found: Given) => Touched;

/** What an option that is not known could make of a program at most: reads, reads and writes, or run another program. */
type Reach = "nothing" | "reads" | "writes" | "runs";

interface Program {
  readonly reach: Reach;
  readonly options: Options;
  readonly touches: Touches;
}

const UNKNOWN: Touched = { reads: [null], writes: [null] };

const nothing: Touches = () => ({ reads: [], writes: [] });
const reading: Touches = ({ operands }) => ({ reads: operands, writes: [] });
const writing: Touches = ({ operands }) => ({ reads: [], writes: operands });
const both: Touches = ({ operands }) => ({ reads: operands, writes: operands });

/** Reads, or takes the names of what it reads out of a file. */
const readingLists =
  (...options: readonly string[]): Touches =>
  (found) => ({ reads: has(found, ...options) ? [null] : found.operands, writes: [] });

/** The first operand is an expression, unless an option gave it. */
const readingAfterFirst =
  (...options: readonly string[]): Touches =>
  (found) => ({ reads: has(found, ...options) ? found.operands : found.operands.slice(1), writes: [] });
const searching: Touches = (found) => {
  const files = readingAfterFirst("-e", "-f", "--regexp", "--file")(found).reads;
  const recursive = has(found, "-r", "-R", "--recursive", "--dereference-recursive");
  return { reads: recursive && files.length === 0 ? ["."] : files, writes: [] };
};
/** `jq`: a filter may name other files. */
const filtering: Touches = (found) => {
  const [filter = null] = found.operands;
  const { reads } = readingAfterFirst("-f", "--from-file")(found);
  const more = has(found, "-f", "--from-file") || typeof filter !== "string" || /import|include/.test(filter);
  return { reads: more ? [...reads, null] : reads, writes: [] };
};
const writingAfterFirst: Touches = (found) => ({
  reads: [],
  writes: has(found, "--reference") ? found.operands : found.operands.slice(1),
});
const firstToSecond: Touches = ({ operands }) => ({ reads: operands.slice(0, 1), writes: operands.slice(1) });

/** `cp`, `ln`, `install`: the last operand, or the folder of `-t`, is written. `mv` writes what it moves, too. */
const copying =
  (moves: boolean): Touches =>
  (found) => {
    const { operands } = found;
    // What was there before is kept under a name that is not told; a suffix asks for that, too.
    if (has(found, "-b", "--backup", "-S", "--suffix")) return UNKNOWN;
    const folders = valuesOf(found, "-t", "--target-directory");
    if (folders.length > 1) return UNKNOWN;
    const [folder] = folders;
    const sources = folder === undefined && operands.length > 1 ? operands.slice(0, -1) : operands;
    // `ln` with one operand makes a link where one is.
    const target = folder ?? (operands.length > 1 ? operands.at(-1)! : ".");
    // Into a folder it goes under its own name; which of the two it is, only the target knows.
    const inside = sources.flatMap((source): Words => {
      if (typeof source !== "string" || typeof target !== "string") return [null];
      const name = source.replace(/\/+$/, "").split("/").at(-1) ?? "";
      return [`${target}/${name}`, ...(has(found, "--parents") ? [`${target}/${source}`] : [])];
    });
    return { reads: sources, writes: [target, ...inside, ...(moves ? sources : [])] };
  };

const installing: Touches = (found) => (has(found, "-d", "--directory") ? writing(found) : copying(false)(found));

/** `gzip` and its kin: what is packed goes, and what comes of it has another ending. */
const packing =
  (ending: string): Touches =>
  (found) => {
    if (has(found, "-c", "--stdout", "--to-stdout", "-l", "--list", "-t", "--test")) return reading(found);
    const made = found.operands.flatMap((one): Words => {
      if (typeof one !== "string") return [null];
      const bare = one.replace(/\.[^./]*$/, "");
      return [one, `${one}${ending}`, bare, `${bare}.tar`];
    });
    return { reads: found.operands, writes: made };
  };

const editing: Touches = (found) => {
  const files = has(found, "-e", "--expression", "-f", "--file") ? found.operands : found.operands.slice(1);
  if (!has(found, "-i", "--in-place")) return { reads: files, writes: [] };
  const kept = valuesOf(found, "-i", "--in-place").flatMap((ending) =>
    files.map((file) =>
      typeof file === "string" && typeof ending === "string" && !/[*/]/.test(ending) ? `${file}${ending}` : null,
    ),
  );
  return { reads: files, writes: [...files, ...kept] };
};

const DD = /^(if|of|bs|ibs|obs|cbs|count|skip|seek|iseek|oseek|conv|iflag|oflag|status)=(.*)$/s;
const dumping: Touches = ({ operands }) => {
  const parts = operands.map((one) => (typeof one === "string" ? DD.exec(one) : null));
  if (parts.includes(null)) return UNKNOWN;
  const named = (name: string): Words => parts.flatMap((part) => (part![1] === name ? [part![2]!] : []));
  return { reads: named("if"), writes: named("of") };
};

/** The far end of a copy over SSH, or the near one, of which any operand may be either. */
const remoteCopying: Touches = (found) =>
  has(found, "-f") ? reading(found) : has(found, "-t") ? writing(found) : both(found);

const synchronizing: Touches = (found) => {
  const plain = { ...found, operands: found.operands.filter((one) => one !== ".") };
  if (!has(found, "--server")) return both(found);
  return has(found, "--sender") ? reading(plain) : writing(plain);
};

/** `tar`: where it unpacks to is in the archive. */
const archiving: Touches = (found) => {
  const files = valuesOf(found, "-f", "--file");
  if (has(found, "-x", "--extract", "--get", "-C", "--directory")) return { reads: [...files, null], writes: [null] };
  if (has(found, "-t", "--list", "-d", "--diff", "--compare"))
    return { reads: [...files, ...found.operands], writes: [] };
  return { reads: found.operands, writes: files };
};

const removingFolders: Touches = (found) => (has(found, "-p", "--parents") ? UNKNOWN : writing(found));

/** How each program takes its operands. */
const TOUCHES: ReadonlyMap<string, readonly [Reach, Touches]> = new Map<string, readonly [Reach, Touches]>([
  ...(
    "echo printf true false : pwd id whoami uname uptime ps top free w who groups tty sleep seq exit return break continue " +
    "shift wait jobs kill pkill killall umask ulimit export unset readonly local declare typeset set shopt let history read " +
    "getopts times netstat ping nproc arch printenv which type expr tr cal ip"
  )
    .split(" ")
    .map((name) => [name, ["nothing", nothing]] as const),
  ...["test", "[", "basename", "dirname"].map((name) => [name, ["nothing", reading]] as const),
  ...["date", "hostname", "last", "dmesg"].map((name) => [name, ["reads", nothing]] as const),
  ...["ss", "journalctl"].map((name) => [name, ["writes", nothing]] as const),
  ["systemctl", ["runs", nothing]],
  ["service", ["runs", nothing]],
  ...(
    "cat ls stat diff cmp comm cut od hexdump strings nl tac rev df readlink realpath cd zcat column paste join fold fmt " +
    "namei getfacl lsblk mountpoint git-upload-pack git-upload-archive head tail"
  )
    .split(" ")
    .map((name) => [name, ["reads", reading]] as const),
  ...["wc", "du"].map((name) => [name, ["reads", readingLists("--files0-from")]] as const),
  ..."md5sum sha1sum sha224sum sha256sum sha384sum sha512sum cksum b2sum"
    .split(" ")
    .map((name) => [name, ["reads", readingLists("-c", "--check")]] as const),
  ...["grep", "egrep", "fgrep", "zgrep"].map((name) => [name, ["reads", searching]] as const),
  ["jq", ["reads", filtering]],
  ["file", ["writes", readingLists("-f", "--files-from")]],
  ["tree", ["writes", reading]],
  ["lsof", ["writes", reading]],
  ["xxd", ["writes", firstToSecond]],
  ["uniq", ["writes", firstToSecond]],
  ["sort", ["runs", readingLists("--files0-from")]],
  ...[
    "rm",
    "unlink",
    "mkfifo",
    "tee",
    "git-receive-pack",
    "shred",
    "truncate",
    "touch",
    "mkdir",
    "mknod",
    "setfacl",
  ].map((name) => [name, ["writes", writing]] as const),
  ["rmdir", ["writes", removingFolders]],
  ["gzip", ["writes", packing(".gz")]],
  ["gunzip", ["writes", packing(".gz")]],
  ["bzip2", ["writes", packing(".bz2")]],
  ["xz", ["writes", packing(".xz")]],
  ...["chmod", "chown", "chgrp", "chattr"].map((name) => [name, ["writes", writingAfterFirst]] as const),
  ["cp", ["writes", copying(false)]],
  ["ln", ["writes", copying(false)]],
  ["install", ["runs", installing]],
  ["mv", ["writes", copying(true)]],
  ["dd", ["writes", dumping]],
  ["sed", ["runs", editing]],
  ...["awk", "gawk", "mawk"].map((name) => [name, ["runs", readingAfterFirst()]] as const),
  ["scp", ["runs", remoteCopying]],
  ["rsync", ["runs", synchronizing]],
  ["tar", ["runs", archiving]],
]);

const PROGRAMS: ReadonlyMap<string, Program> = new Map(
  [...TOUCHES].map(([name, [reach, touches]]) => [
    name,
    { reach, touches, options: known(`--help --version ${PROGRAM_OPTIONS[name] ?? ""}`) },
  ]),
);

/** A program's arguments by what is known of its options; null for one of which nothing is. */
export function givenTo(program: string, args: Words): Given | null {
  const found = PROGRAMS.get(program);
  if (found === undefined) return null;
  // The old way to write what tar is to do: `tar xzf a`.
  const [first, ...rest] = args;
  if (program === "tar" && typeof first === "string" && /^[A-Za-z]/.test(first))
    return oldTar(first, rest, found.options);
  return given(args, found.options, FIRST.has(program));
}

/** Their options end at the first operand. */
const FIRST = new Set(["awk", "gawk", "mawk", "xxd"]);

/** Letters without a dash: their values are the next words, one after the other. */
function oldTar(letters: string, rest: Words, options: Options): Given {
  const words: Settled[] = [];
  let at = 0;
  for (const letter of letters) {
    words.push(`-${letter}`);
    if (options.get(`-${letter}`)?.takes === "value") words.push(rest[at++] ?? null);
  }
  return given([...words, ...rest.slice(at)], options);
}

/** Whether an argument that is not known may make a program run another. */
export const mayRun = (program: string, args: Words): boolean =>
  PROGRAMS.get(program)?.reach === "runs" && givenTo(program, args)!.unknown;

/** `find`: the folders to begin in, which `-delete` empties, and files that it writes lists to. */
function finding(args: Words): Touched {
  const end = args.findIndex((arg) => arg === null || (typeof arg === "string" && /^-[^HLPDO]|^[(!]/.test(arg)));
  const named = (end < 0 ? args : args.slice(0, end)).filter((arg) => typeof arg !== "string" || !arg.startsWith("-"));
  const starts = named.length === 0 ? ["."] : named;
  const after = (name: RegExp): Words =>
    args.flatMap((arg, i) => (typeof arg === "string" && name.test(arg) ? [args[i + 1] ?? null] : []));
  const lists = after(/^-f(print0?|printf|ls)$/);
  const reads = [...starts, ...after(/^-(newer..|[ac]?newer|samefile)$/)];
  return { reads, writes: args.includes("-delete") ? [...starts, ...lists] : lists };
}

/** Most letters of options in one word. */
const LETTERS_MAX = 64;
const URL = /^[a-z][a-z0-9+.-]*:\/\//;

/** A value in its option's own word may begin behind any letter: `-o/etc/x`, `-so/etc/x`, `-opasswd`. */
function attached(word: string): Words {
  const slash = word.indexOf("/");
  const last = slash < 0 ? word.length - 1 : slash;
  if (last > LETTERS_MAX) return [null];
  return Array.from({ length: Math.max(0, last - 1) }, (_, i) => word.slice(i + 2));
}

/** Of git's own short options none that is let pass has a path for its value. */
const isNoShortOption = (arg: Settled): boolean => typeof arg !== "string" || !/^-[^-]/.test(arg);

/** Every argument that could be a path, of a program that nothing is known of. */
function anything(args: Words): Touched {
  const paths = args.flatMap((arg): readonly Settled[] => {
    if (typeof arg !== "string") return [null];
    if (URL.test(arg)) return [];
    const value = /^[^/]*?=(.*\/.*)$/.exec(arg)?.[1];
    if (value !== undefined) return [value];
    if (arg.startsWith("-")) return arg.startsWith("--") ? [] : attached(arg);
    return arg === "" ? [] : [arg];
  });
  return { reads: paths, writes: paths };
}

export function touchedBy(program: string, args: Words): Touched {
  if (program === "find") return finding(args);
  if (program === "git") return gitGoesElsewhere(args) ? UNKNOWN : anything(args.filter(isNoShortOption));
  const found = PROGRAMS.get(program);
  if (found === undefined) return anything(args);
  const all = givenTo(program, args)!;
  const { reads, writes } = found.touches(all);
  const beyond = all.unknown ? found.reach : "nothing";
  return {
    reads: [...reads, ...all.reads, ...(beyond === "nothing" ? [] : [null])],
    writes: [...writes, ...all.writes, ...(beyond === "writes" || beyond === "runs" ? [null] : [])],
  };
}
