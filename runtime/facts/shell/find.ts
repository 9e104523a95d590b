import type { Settled } from "./words.ts";

/** What `find` is asked to look at, by how many words follow it. */
const PRIMARIES: ReadonlyMap<string, number> = new Map([
  ...(
    "-print -print0 -ls -delete -prune -quit -depth -d -mount -xdev -follow -daystart -empty -executable -readable -writable " +
    "-nouser -nogroup -true -false -not -a -and -o -or ! ( ) , -noleaf -ignore_readdir_race -noignore_readdir_race -warn -nowarn " +
    "-help -version --help --version"
  )
    .split(" ")
    .map((name) => [name, 0] as const),
  ...(
    "-name -iname -path -ipath -wholename -iwholename -regex -iregex -regextype -type -xtype -size -mtime -atime -ctime -mmin " +
    "-amin -cmin -newer -anewer -cnewer -user -group -uid -gid -perm -links -inum -samefile -lname -ilname -maxdepth -mindepth " +
    "-printf -fstype -used -context -fprint -fprint0 -fls"
  )
    .split(" ")
    .map((name) => [name, 1] as const),
  ["-fprintf", 2],
]);

/** The commands that `find` runs, word by word; null when something in it is not known. */
export function findRuns(args: readonly Settled[]): readonly (readonly Settled[])[] | null {
  const runs: (readonly Settled[])[] = [];
  let expression = false;
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (arg === null) return null;
    if (!expression) {
      // Folders to begin in, and options before them.
      if (typeof arg !== "string" || /^-(?:[HLP]|O[0-3])$/.test(arg) || !/^(?:[-!(,)])/.test(arg)) continue;
      expression = true;
    }
    if (typeof arg !== "string") return null;
    if (arg === "-exec" || arg === "-ok") {
      // `+` ends it only behind `{}`.
      const end = args.findIndex((one, at) => at > i && (one === ";" || (one === "+" && args[at - 1] === "{}")));
      if (end < 0) return null;
      runs.push(args.slice(i + 1, end));
      i = end;
      continue;
    }
    const follow = PRIMARIES.get(arg) ?? (/^-newer[aBcm][aBcmt]$/.test(arg) ? 1 : null);
    if (follow === null || i + follow >= args.length) return null;
    i += follow;
  }
  return runs;
}
