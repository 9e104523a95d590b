import { changesMeaning } from "./evaluation.ts";
import { findRuns } from "./find.ts";
import { gitMayRun } from "./git.ts";
import { given, has, known, valuesOf, type Given, type Options } from "./options.ts";
import { givenTo, mayRun } from "./programs.ts";
import { OPERAND, type Settled } from "./words.ts";

/** What a program that runs others would run. */
export type Inner =
  /** A command, word by word. */
  | { readonly kind: "command"; readonly words: readonly Settled[] }
  /** A line for a shell. */
  | { readonly kind: "line"; readonly text: Settled }
  /** Nothing, but its own options name files. */
  | { readonly kind: "files"; readonly reads: readonly Settled[]; readonly writes: readonly Settled[] }
  /** Something that can't be told. */
  | { readonly kind: "opaque" };

type Words = readonly Settled[];
type Unwrap = (args: Words) => readonly Inner[];

const OPAQUE: readonly Inner[] = [{ kind: "opaque" }];
const NOTHING: readonly Inner[] = [];

const command = (words: Words): readonly Inner[] => (words.length === 0 ? NOTHING : [{ kind: "command", words }]);

/** What a program runs, and the files that it opens itself. */
const withFiles = (inner: readonly Inner[], { reads, writes }: Given): readonly Inner[] =>
  reads.length + writes.length === 0 ? inner : [...inner, { kind: "files", reads, writes }];

/** The operands behind a program's options; null when an option is not known: what follows it can't be told then. */
function behind(args: Words, options: Options): Words | null {
  const found = given(args, options, true);
  return found.unknown ? null : found.operands;
}

/** Behind assignments; null when one of them changes what runs. */
function behindAssignments(words: Words): Words | null {
  let at = 0;
  for (; at < words.length; at++) {
    const word = words[at]!;
    if (word === null) return null;
    const name = word === OPERAND ? null : /^([^=]*)=/.exec(word)?.[1];
    if (name === undefined) break;
    if (name === null || changesMeaning(name)) return null;
  }
  return words.slice(at);
}

/** A program with options, then perhaps assignments or other operands, then a command. */
const prefix = (text: string, { operands = 0, assignments = false } = {}): Unwrap => {
  const options = known(text);
  return (args) => {
    const found = behind(args, options);
    const words = found === null || !assignments ? found : behindAssignments(found);
    return words === null ? OPAQUE : command(words.slice(operands));
  };
};

const ENV = known("-i0v -u= --ignore-environment --null --unset=");
const env: Unwrap = (args) => {
  const found = given(args, ENV, true);
  const unset = valuesOf(found, "-u", "--unset");
  if (found.unknown || !unset.every((name) => typeof name === "string" && !changesMeaning(name))) return OPAQUE;
  const words = behindAssignments(found.operands);
  return words === null ? OPAQUE : command(words);
};

/** What comes in on the standard input, under its names as a file. */
const isInput = (path: Settled): boolean =>
  typeof path !== "string" || path === "-" || /^\/+(?:dev\/|proc\/)/.test(path) || path.includes("/../");

/** A shell: `-c` and its line, or a script, or what comes in on its standard input. */
const shell: Unwrap = (args) => {
  for (const [i, arg] of args.entries()) {
    if (typeof arg !== "string") return OPAQUE;
    if (arg === "--version" || arg === "--help") return NOTHING;
    if (/^-[a-zA-Z]*c[a-zA-Z]*$/.test(arg)) {
      // Options may stand between -c and its line.
      const line = args.slice(i + 1).find((one) => typeof one !== "string" || !/^(?:[-+][a-zA-Z]|--?$)/.test(one));
      return line === undefined || /[sOo]/.test(arg) ? OPAQUE : [{ kind: "line", text: line }];
    }
    if (arg === "--" || arg === "-") return isInput(args[i + 1] ?? null) ? OPAQUE : NOTHING;
    if (!/^[-+]/.test(arg)) return isInput(arg) ? OPAQUE : NOTHING; // a script, which is the program by its path
    if (arg.startsWith("--") || /[sOo]/.test(arg)) return OPAQUE;
  }
  return OPAQUE;
};

const SU = known("-lmpfP -c= -g= -G= --command= --login --preserve-environment --fast --group= --supp-group= --pty");
/** `su`: a line for the other one's shell, or that shell itself. */
const su: Unwrap = (args) => {
  const found = given(args, SU);
  const lines = valuesOf(found, "-c", "--command");
  if (found.unknown || lines.length !== 1 || found.operands.length > 2) return OPAQUE;
  return [{ kind: "line", text: lines[0]! }];
};

const line = (words: Words): readonly Inner[] => [
  { kind: "line", text: words.every((word) => typeof word === "string") ? words.join(" ") : null },
];
const joined = (text: string): Unwrap => {
  const options = known(text);
  return (args) => {
    const words = behind(args, options);
    return words === null ? OPAQUE : words.length === 0 ? NOTHING : line(words);
  };
};

const trap: Unwrap = (args) => {
  if (args.length === 1 && typeof args[0] === "string") return NOTHING;
  const words = args[0] === "--" ? args.slice(1) : args;
  if (words[0] === "-l" || words[0] === "-p") return NOTHING;
  return words.length < 2 ? NOTHING : [{ kind: "line", text: words[0]! }];
};

/** `find`: what `-exec` and its kin run; the file's name, which begins with the folder's, stands in for `{}`. */
const find: Unwrap = (args) => {
  const runs = findRuns(args);
  if (runs === null) return OPAQUE;
  const filled = (word: Settled): Settled =>
    typeof word === "string" && word.includes("{}") ? (word.startsWith("-") ? null : OPERAND) : word;
  return runs.map((words) => ({ kind: "command", words: words.map(filled) }));
};

const XARGS = known(
  "-0oprtx -a< -d= -E= -I= -i? -L= -l? -n= -P= -s= -e? --null --no-run-if-empty --interactive --verbose --exit --open-tty " +
    "--arg-file< --delimiter= --max-lines? --max-args= --max-procs= --max-chars= --replace?",
);
const xargs: Unwrap = (args) => {
  const found = given(args, XARGS, true);
  if (found.unknown) return OPAQUE;
  if (found.operands.length === 0) return NOTHING;
  if (!has(found, "-I", "-i", "--replace")) return withFiles(command([...found.operands, null]), found);
  const places = [...valuesOf(found, "-I", "-i", "--replace"), "{}"];
  if (!places.every((one) => typeof one === "string")) return OPAQUE;
  const filled = (word: Settled): Settled =>
    typeof word === "string" && places.some((place) => word.includes(place)) ? null : word;
  return withFiles(command(found.operands.map(filled)), found);
};

/** Interpreters: code on the command line can do anything; a script is known by its path. */
const interpreter = (text: string): Unwrap => {
  const options = known(`--version --help ${text}`);
  return (args) => {
    const found = given(args, options, true);
    if (found.unknown) return OPAQUE;
    if (has(found, "--version", "--help") || (has(found, "-V") && found.operands.length === 0)) return NOTHING;
    // Without a script the code comes in on the standard input.
    return isInput(found.operands[0] ?? null) ? OPAQUE : NOTHING;
  };
};

const awk: Unwrap = (args) => {
  const found = givenTo("awk", args)!;
  const [program = null] = found.operands;
  if (found.unknown || typeof program !== "string") return OPAQUE;
  return /system|getline|\||>|@/.test(program) ? OPAQUE : NOTHING;
};

/** Scripts of sed that can only print, delete and substitute. */
const SED_HARMLESS =
  /^(?:\s*(?:\d+|\$|\/[^/]*\/)?(?:,(?:\d+|\$|\/[^/]*\/))?!?(?:[pdqn=]|s([/|#,@])(?:(?!\1)[^\\\n]|\\.)*\1(?:(?!\1)[^\\\n]|\\.)*\1[gpi0-9]*)?\s*(?:;|$))+$/;
const sed: Unwrap = (args) => {
  const found = givenTo("sed", args)!;
  const expressions = valuesOf(found, "-e", "--expression");
  const scripts = expressions.length > 0 ? expressions : [found.operands[0] ?? null];
  if (found.unknown) return OPAQUE;
  return scripts.every((script) => typeof script === "string" && SED_HARMLESS.test(script)) ? NOTHING : OPAQUE;
};

const tar: Unwrap = (args) => {
  const found = givenTo("tar", args)!;
  const remote = valuesOf(found, "-f", "--file").some((file) => typeof file !== "string" || file.includes(":"));
  return found.unknown || (remote && !has(found, "--force-local")) ? OPAQUE : NOTHING;
};

/** A copy between two machines starts a program at the other one, and `-e` one at this. */
const rsync: Unwrap = (args) => {
  const found = givenTo("rsync", args)!;
  return found.unknown || (has(found, "-e") && !has(found, "--server")) ? OPAQUE : NOTHING;
};

const settledAll = (args: Words): args is readonly string[] => args.every((arg) => typeof arg === "string");

const IP_OBJECTS = new Set(["a", "addr", "address", "l", "link", "r", "ro", "route", "rule", "neigh", "maddr", "help"]);
const ip: Unwrap = (args) => {
  if (!settledAll(args)) return OPAQUE;
  const at = args.findIndex(
    (arg) => !/^-(?:[46osdhctjpr]|br|brief|color|json|pretty|details|stats?|statistics|oneline)$/.test(arg),
  );
  return at < 0 || IP_OBJECTS.has(args[at]!) ? NOTHING : OPAQUE;
};

const VERBS = new Set(
  (
    "status start stop restart reload try-restart reload-or-restart is-active is-enabled is-failed is-system-running show " +
    "cat list-units list-unit-files list-timers list-dependencies list-sockets list-jobs enable disable reenable mask unmask " +
    "daemon-reload daemon-reexec reset-failed kill get-default help"
  ).split(" "),
);
/** A unit that is named by a path may be any file. */
const systemctl: Unwrap = (args) => {
  const found = givenTo("systemctl", args)!;
  const { operands } = found;
  if (found.unknown || !settledAll(operands) || operands.some((one) => one.includes("/"))) return OPAQUE;
  return operands.length === 0 || VERBS.has(operands[0]!) ? NOTHING : OPAQUE;
};
const service: Unwrap = (args) =>
  settledAll(args) && args.every((arg) => arg === "--status-all" || /^[^/-][^/]*$/.test(arg)) ? NOTHING : OPAQUE;

const SSH = known("-1246AaCfGgKkMNnqsTtVvXxYy -b= -c= -D= -e= -E> -i< -L= -l= -m= -p= -Q= -R= -W= -w=");
/** What is run at the other machine counts, too. */
const ssh: Unwrap = (args) => {
  const found = given(args, SSH, true);
  const [host = null, ...words] = found.operands;
  if (found.unknown || typeof host !== "string") return OPAQUE;
  // Options may stand behind the host as well.
  if (typeof words[0] === "string" ? words[0].startsWith("-") : words.length > 0) return OPAQUE;
  return words.length === 0 ? NOTHING : withFiles(line(words), found);
};

const opaque: Unwrap = () => OPAQUE;
const names = (text: string, unwrap: Unwrap): readonly (readonly [string, Unwrap])[] =>
  text.split(" ").map((name) => [name, unwrap]);

const TABLE: ReadonlyMap<string, Unwrap> = new Map<string, Unwrap>([
  ...names("sh bash dash zsh ksh ash rbash mksh fish csh tcsh", shell),
  [
    "sudo",
    prefix(
      "-AbEHknPSv -u= -g= -p= -h= -C= -T= -r= -t= --preserve-env? --non-interactive --set-home --stdin --background " +
        "--reset-timestamp --validate --user= --group= --prompt= --host=",
      { assignments: true },
    ),
  ],
  ["doas", prefix("-n -u=")],
  ...names("su runuser", su),
  ["env", env],
  ["nohup", prefix("")],
  ["setsid", prefix("-cfw --ctty --fork --wait")],
  ["command", prefix("-pvV")],
  ["builtin", prefix("")],
  ["exec", prefix("-cl -a=")],
  ["nice", prefix("-0123456789 -n= --adjustment=")],
  ["ionice", prefix("-t -c= -n= -p= --class= --classdata= --ignore")],
  ["stdbuf", prefix("-i= -o= -e= --input= --output= --error=")],
  ["timeout", prefix("-v -k= -s= --preserve-status --foreground --verbose --kill-after= --signal=", { operands: 1 })],
  ["time", prefix("-pv -f=")],
  ["busybox", prefix("")],
  ["eval", joined("")],
  [
    "watch",
    joined(
      "-bcdegprtwx -n= -q= --beep --color --differences? --errexit --chgexit --interval= --equexit= --precise --no-rerun " +
        "--no-title --no-wrap --exec",
    ),
  ],
  ["trap", trap],
  ["find", find],
  ["xargs", xargs],
  ...names("awk gawk mawk", awk),
  ["sed", sed],
  ["tar", tar],
  ["rsync", rsync],
  ["ip", ip],
  ["systemctl", systemctl],
  ["service", service],
  ["ssh", ssh],
  ["git", (args) => (gitMayRun(args) ? OPAQUE : NOTHING)],
  ...names("python python2 python3 pypy3", interpreter("-BEIOPSVsuvxqbd -W= -X=")),
  ["perl", interpreter("-wWtTUuXs")],
  ["ruby", interpreter("-wWv")],
  ["node", interpreter("--no-warnings --trace-warnings --enable-source-maps --max-old-space-size=")],
  ["php", interpreter("-nq")],
  ["lua", interpreter("-W")],
  ...names(
    ". source alias enable parallel at batch script expect flock unshare nsenter bind mapfile readarray hash fc compgen " +
      "complete compopt coproc chroot strace ltrace gdb perf valgrind pkexec systemd-run dbus-run-session tclsh ld.so taskset " +
      "chrt setpriv prlimit numactl setarch capsh fakeroot unbuffer gosu su-exec sshpass entr run-parts start-stop-daemon " +
      "screen tmux socat nc ncat netcat m4 crontab sftp",
    opaque,
  ),
  // Editors and pagers run commands that are typed in them.
  ...names("vi vim view nano ed ex emacs less more most pg man info", opaque),
]);

/** What `program` would run; nothing for a program that runs no other. */
export const innerOf = (program: string, args: Words): readonly Inner[] =>
  TABLE.get(program)?.(args) ?? (mayRun(program, args) ? OPAQUE : NOTHING);
