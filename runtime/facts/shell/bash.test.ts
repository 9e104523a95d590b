import { spawnSync } from "node:child_process";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { readCommandLine } from "./index.ts";

/** What is told of a line, beside what a real bash does with it: nothing may be written that is not told. */
let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sallyport-bash-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const FILES = { a: "3\n1\n1\n2\n", b: "b\n", "d/c": "c\n" };
function fill(): void {
  for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true, force: true });
  mkdirSync(join(folder, "d"));
  for (const [name, text] of Object.entries(FILES)) writeFileSync(join(folder, name), text);
}
beforeEach(fill);

function state(at = folder, found = new Map<string, string>()): Map<string, string> {
  for (const name of readdirSync(at)) {
    const path = join(at, name);
    const { mode, mtimeMs } = lstatSync(path);
    const kind = mode & 0o170000;
    if (kind === 0o040000) state(path, found.set(path, `folder ${mode}`));
    else if (kind === 0o120000) found.set(path, `link ${readlinkSync(path)}`);
    else found.set(path, `${mode} ${kind === 0o100000 ? `${mtimeMs} ${readFileSync(path, "latin1")}` : ""}`);
  }
  return found;
}

/** What a line changes, when a bash runs it. */
function changed(text: string): readonly string[] {
  const before = state();
  const env = { PATH: process.env["PATH"] ?? "", HOME: folder, LC_ALL: "C" };
  spawnSync("bash", ["-c", text], { cwd: folder, env, stdio: "ignore", timeout: 20_000 });
  const after = state();
  return [...new Set([...before.keys(), ...after.keys()])].filter((path) => before.get(path) !== after.get(path));
}

/** What of it is not told: not itself, nor the folder that all of it is written in, nor what is made with folders above it. */
function untold(text: string, paths: readonly string[]): readonly string[] {
  const { writes } = readCommandLine(text, folder);
  if (writes === null) return [];
  return paths.filter(
    (path) => ![...writes].some((one) => `${path}/`.startsWith(`${one}/`) || one.startsWith(`${path}/`)),
  );
}

const HIDDEN: readonly (readonly [title: string, lines: readonly string[]])[] = [
  [
    "arithmetic takes what is quoted for more",
    [
      "[[ 'a[$(touch M)]' -eq 0 ]]",
      "[[ 0 -lt 'a[$(touch M)]' ]]",
      "x='a[$(touch M)]'; [[ $x -eq 0 ]]",
      "x='a[$(touch M)]'; [[ x -eq 0 ]]",
      "x='a[$(touch M)]'; echo $((x))",
      "x='a[$(touch M)]'; echo $((1 + $x))",
      "x='a[$(touch M)]'; echo $[x]",
      "x='a[$(touch M)]'; echo \"$((x))\"",
      "x='a[$(touch M)]'; cat <<E\n$((x))\nE",
      "x='a[$(touch M)]'; ((x))",
      "x='a[$(touch M)]'; for ((x;0;)); do :; done",
      "set -- 'a[$(touch M)]'; echo $(($1))",
      "x='a[$(touch M)]'; y=abc; echo ${y:x}",
      "x='a[$(touch M)]'; y=abc; echo ${y:0:x}",
      "x='b[$(touch M)]'; echo ${a[x]}",
      "a=(1); echo ${a['$(touch M)']}",
      "a['$(touch M)']=1",
      "x='b[$(touch M)]'; a[x]=1",
      "a=(['$(touch M)']=1)",
      "a+=(['$(touch M)']=1)",
      "declare -a a=(['$(touch M)']=1)",
      "export a=(['$(touch M)']=1)",
      "x='b[$(touch M)]'; a=([x]=1)",
      "RANDOM='a[$(touch M)]'",
      "OPTIND='a[$(touch M)]'",
      "HISTCMD='a[$(touch M)]'",
      "for SECONDS in 'a[$(touch M)]'; do :; done",
      "printf -v RANDOM %s 'a[$(touch M)]'",
      "read -r RANDOM <<< 'a[$(touch M)]'",
      "export RANDOM='a[$(touch M)]'",
      "export 'RANDOM=a[$(touch M)]'",
      ": ${OPTIND:='a[$(touch M)]'}",
      "unset RANDOM; : ${RANDOM:='a[$(touch M)]'}",
      "echo ${@:'a[$(touch M)]'}",
      "exec {a[$(touch M)]}>f",
      "x='b[$(touch M)]'; exec {a[x]}>f",
      "x='a[$(touch M)]'; echo ${!x}",
      "x='$(touch M)'; echo \"${x@P}\"",
      "let 'a[$(touch M)]'",
      "let a=1 'a[$(touch M)]'",
    ],
  ],
  [
    "builtins evaluate names",
    [
      "[[ -v 'a[$(touch M)]' ]]",
      "test -v 'a[$(touch M)]'",
      "[ -v 'a[$(touch M)]' ]",
      "[ ! -v 'a[$(touch M)]' ]",
      "[ a = a -a -v 'a[$(touch M)]' ]",
      "x='-v a[$(touch${IFS}M)]'; [ $x ]",
      'x=-v; y=\'a[$(touch M)]\'; [ "$x" "$y" ]',
      "builtin test -v 'a[$(touch M)]'",
      "printf -v 'a[$(touch M)]' x",
      "printf '-va[$(touch M)]' x",
      "x='-va[$(touch M)]'; printf \"$x\" x",
      "command printf -v 'a[$(touch M)]' x",
      "read 'a[$(touch M)]' <<< 1",
      "read -r x 'a[$(touch M)]' <<< '1 2'",
      "x=1; unset 'x[$(touch M)]'",
      "true & wait -n -p 'a[$(touch M)]'",
      "declare -i i='a[$(touch M)]'",
      "declare -i i; i='a[$(touch M)]'",
      "declare -n r='a[$(touch M)]'; echo $r",
      "declare 'a[$(touch M)]=1'",
      "typeset 'a[$(touch M)]=1'",
      "f() { local 'a[$(touch M)]=1'; }; f",
      "x=(1); declare 'x=($(touch M))'",
      "x=(1); y='($(touch M))'; declare x=$y",
      "y='($(touch M))'; declare -a x=$y",
    ],
  ],
  [
    "builtins run what they are told",
    [
      "compgen -W '$(touch M)'",
      "jobs -x touch M",
      "mapfile -C 'touch M #' -c 1 x <<< a",
      "readarray -C 'touch M #' -c 1 x <<< a",
      "trap -- 'touch M' EXIT",
      "trap 'touch M' EXIT",
      "eval -- touch M",
      "hash -p /bin/touch zz; zz M",
      "shopt -s expand_aliases\nalias zz=touch\nzz M",
      "bash -c -- 'touch M'",
      "bash -c -e 'touch M'",
      "bash -ec 'touch M'",
      "echo touch M | bash",
      "echo touch M | bash /dev/stdin",
      "echo touch M | bash -- /dev/fd/0",
      "bash <(echo touch M)",
    ],
  ],
  ...[
    "PATH=$PWD/bin",
    "export PATH=$PWD/bin",
    "export 'PATH=bin'",
    "declare PATH=bin",
    "typeset -x PATH=bin",
    "readonly PATH=bin",
    "printf -v PATH bin",
    "printf -vPATH bin",
    "read PATH <<< bin",
    "read -r x PATH <<< 'a bin'",
    "read -a PATH <<< bin",
    "for PATH in bin; do :; done",
    "mapfile PATH <<< bin",
    "readarray -t PATH <<< bin",
    "builtin printf -v PATH bin",
    "command export PATH=bin",
    "unset PATH; PATH=bin",
    "eval PATH=bin",
    ": ${PATH:=bin}",
    "unset PATH; : ${PATH=bin}",
    "let PATH=5",
    "getopts bin: PATH -b",
    "coproc PATH { :; }",
    "exec {PATH}>f",
    "select PATH in bin; do break; done <<< 1",
    "set -k",
  ].map((text) => [`${text} changes what runs`, [`mkdir bin; ln -s /bin/touch bin/zz; ${text}; zz M`]] as const),
  [
    "what runs others does so behind any option",
    [
      "env touch M",
      "env -u X A=1 touch M",
      "mkdir bin; ln -s /bin/touch bin/zz; env PATH=bin zz M",
      "env -S 'touch M'",
      "env --split='touch M'",
      "env -C d touch M",
      "env --chdir=d touch M",
      "nice touch M",
      "nice --adj=3 touch M",
      "timeout --foreg 9 touch M",
      "echo touch M | xargs env",
      "echo touch M | xargs nice -n 3",
      "echo touch M | xargs -I% sh -c %",
      "echo touch M | xargs -i sh -c {}",
      "echo touch M | xargs --repl=% sh -c %",
      "echo M | xargs touch",
      "echo M | xargs -d '\\n' touch",
      "find a -exec touch M \\;",
      "find d -execdir touch M \\;",
      "find a -fprintf M x",
      "find a -fprint M",
      "find a -fls M",
      "find a -exec sh -c 'touch M' \\;",
      "find a '(' -name a -exec touch M ';' ')'",
      "find a -exec touch {} + -exec touch M ';'",
      "find d -delete",
      "cd d && find -delete",
    ],
  ],
  [
    "sed",
    [
      "sed '1e touch M' a",
      "sed -e '1e touch M' a",
      "sed '-e1e touch M' a",
      "sed -ne'1e touch M' a",
      "sed --expression='1e touch M' a",
      "sed --expr='1e touch M' a",
      "sed --expr '1e touch M' a",
      "echo '1e touch M' > s; sed -f s a",
      "echo '1e touch M' > s; sed -fs a",
      "echo '1e touch M' > s; sed -nf s a",
      "echo '1e touch M' > s; sed --file=s a",
      "echo '1e touch M' > s; sed --fil=s a",
      "sed 's/1/touch M/e' a",
      "sed 'w M' a",
      "sed 's/1/x/w M' a",
      "sed -n '/1/w M' a",
      "sed -i s/1/x/ a",
      "sed --in-place s/1/x/ a",
      "sed --in-pl s/1/x/ a",
      "sed -i.old s/1/x/ a",
      "sed --in-place=.old s/1/x/ a",
      "sed '-id/*' s/1/x/ a",
      "sed -Ei s/1/x/ a",
      "sed -e p a -i",
      "x='-e1e touch M'; sed \"$x\" a",
    ],
  ],
  [
    "other programs with options that run or write",
    [
      "sort -o M a",
      "sort -oM a",
      "sort --output=M a",
      "sort --out=M a",
      "sort --out M a",
      "sort a -uo M",
      "printf 'touch M' > p; chmod +x p; seq 99999 | sort -S 16k --compress-program=./p",
      "printf 'touch M' > p; chmod +x p; seq 99999 | sort -S 16k --comp=./p",
      "uniq a M",
      "uniq -c a M",
      "cp --target=d a",
      "cp -t d a",
      "cp -td a",
      "cp a M",
      "cp --parents d/c a d",
      "cp --backup a b",
      "cp -bS.x a b",
      "cp -S.x a b",
      "mv --suffix=.x a b",
      "rsync -b a b",
      "mv --targ=d a",
      "mv a M",
      "ln -s b/M",
      "ln -s a M",
      "install -m 600 a M",
      "install --mode=600 -t d a",
      "install -d M N",
      "printf 'touch M' > p; chmod +x p; install -s --strip-program=./p a N",
      "printf 'touch M' > p; chmod +x p; install -s --strip-prog=./p a N",
      "tar -cf M a",
      "tar cf M a",
      "tar -c --file=M a",
      "tar -c --fil=M a",
      "tar cf t a; rm a; tar xf t",
      "tar cf t a; rm a; tar -xft",
      "tar cf t a; tar xf t -C d",
      "tar cf t a; tar -x --to-command='touch M' -f t",
      "tar cf t a; tar -x --to-c='touch M' -f t",
      "tar cf t --checkpoint=1 --checkpoint-action='exec=touch M' a",
      "tar cf t --checkpoint=1 --checkpoint-act='exec=touch M' a",
      "tar cf t -I 'touch M;:' a",
      "tar cfI t 'touch M' a",
      "tar cIf 'touch M' t a",
      "tar -cvIftouch -f t a",
      "tar cf t --use-compress-prog='touch M' a",
      "tar cf t --use-comp='touch M' a",
      "echo '--checkpoint-action=exec=touch M' > l; echo a >> l; tar cf t --checkpoint=1 -T l",
      "tar cf t --remove-files a",
      "gzip a",
      "gzip -k a",
      "gzip a; gunzip a.gz",
      "gzip -c a > z.tgz; gunzip z.tgz",
      "xz -k a",
      "awk 'BEGIN { system(\"touch M\") }'",
      "awk 'BEGIN { print 1 > \"M\" }'",
      "awk 'BEGIN { \"touch M\" | getline }'",
      "awk 'BEGIN { print | \"touch M\" }'",
      "echo 'BEGIN { system(\"touch M\") }' > p; awk -f p",
      "echo 'BEGIN { system(\"touch M\") }' > p; awk -fp",
      "echo 'BEGIN { system(\"touch M\") }' > p; awk -F: -f p",
      "perl -e 'open F, \">M\"'",
      "perl -we 'open F, \">M\"'",
      "perl '-Mstrict;open F,\">M\"' a",
      "perl -nE 'open F, \">M\"' a",
      "echo 'open F, \">M\"' | perl",
      "echo 'open F, \">M\"' | perl - a",
      "echo 'open F, \">M\"' | perl /dev/stdin",
      'python3 -c \'open("M","w")\'',
      'python3 -Ic \'open("M","w")\'',
      'echo \'open("M","w")\' | python3 - a',
      'echo \'open("M","w")\' | python3 -',
      "git -c alias.x='!touch M' x",
      "git -c core.pager='touch M' -p --version",
      "git init -q r; git -C r config alias.x '!touch ../M'; git -C r x",
      "git init -q M",
      "git init -q r; git clone -q -u 'touch M;' r N",
      "git init -q r; git clone -q --upload-pack 'touch M;' r N",
      "git init -q r; git clone -q --upload-p='touch M;' r N",
      "git ls-remote --upload-pack='touch M;' r",
      "git ls-remote 'ext::touch M'",
      "git -c protocol.ext.allow=always ls-remote 'ext::touch M'",
      "git grep -O'touch M' --no-index 1",
      "git diff --no-index --output=M a b",
      "git init -q r; cd r; git bisect run touch ../M",
      "git --exec-path=bin status",
      "dd if=a of=M status=none",
      "x='of=M'; dd $x status=none if=a",
      "tee M < a",
      "touch -r a M",
      "truncate -s 0 a",
      "mkdir -p M/N",
      "mkdir -p M/N; rmdir -p M/N",
      "chmod -R 700 d",
      "chmod -x a",
      "chmod --ref=b a; chmod 600 a",
      "chmod --reference=d a",
      "rsync a M",
      "rsync -a --remove-source-files a d/",
      "rsync -a --log-file=M a N",
      "rsync -a --log-f=M a N",
      "rsync -e 'touch M;' x:a N",
      "rsync --rsh='touch M;' x:a N",
      "xxd a M",
      "file -C -m a",
      "ssh -o ProxyCommand='touch M' -o BatchMode=yes x",
      "ssh -oProxyCommand='touch M' x",
      "ssh x -oProxyCommand='touch M'",
      "scp -S ./p x:a N",
      "vim -es -c 'w M' -c q a",
      "less -o M a",
      "date -f a > M",
    ],
  ],
];

/** Lines that did what they say in the bash that is here. */
const working = new Set<string>();

describe.each(HIDDEN)("%s", (_title, lines) => {
  it.each(lines)("%s", (text) => {
    const paths = changed(text);
    if (paths.some((path) => path.endsWith("/M"))) working.add(text);
    expect(untold(text, paths)).toEqual([]);
  });
});

describe("the lines themselves", () => {
  it("mostly do what they say", () => {
    const lines = HIDDEN.flatMap(([, all]) => all).filter((text) => text.includes("touch M"));
    expect(lines.filter((text) => working.has(text)).length).toBeGreaterThan(lines.length / 2);
  });
});

describe("fuzz", () => {
  const LONG: Readonly<Record<string, readonly string[]>> = {
    cp: [
      "--target-directory=d",
      "--target=d",
      "--parents",
      "--backup=t",
      "--suffix=.x",
      "--recursive",
      "--link",
      "--no-t",
    ],
    mv: ["--target-directory=d", "--ta=d", "--backup=t", "--no-clobber", "--no-target-directory"],
    ln: ["--symbolic", "--target-directory=d", "--force", "--backup", "--rel"],
    sort: ["--output=M", "--o=M", "--unique", "--reverse", "--check", "--files0-from=b"],
    uniq: ["--count", "--skip-fields=1", "--uniq"],
    tee: ["--append", "--app"],
    touch: ["--reference=b", "--no-create", "--ref=b"],
    sed: ["--in-place", "--in-place=.o", "--in", "--expression=p", "--quiet", "--expr=wM"],
    gzip: ["--keep", "--stdout", "--suffix=.x", "--best", "--kee"],
    rm: ["--recursive", "--force", "--dir"],
    chmod: ["--reference=d", "--recursive", "--ref=d"],
    tar: ["--create", "--extract", "--file=M", "--fi=M", "--directory=d", "--remove-files", "--list"],
    mkdir: ["--parents", "--mode=700"],
    install: ["--directory", "--mode=600", "--target-directory=d", "--backup"],
    truncate: ["--size=1", "--si=1", "--reference=b"],
    find: ["-delete", "-fprint M", "-exec rm {} ;", "-name a", "-maxdepth 1", "-newer b"],
    dd: ["of=M", "if=a", "status=none", "count=0"],
    xxd: ["-r", "-p", "-c 8"],
    shred: ["--remove", "--size=4", "--iterations=1"],
  };
  const short = fc.stringMatching(/^-[a-zA-Z]{1,3}(M|d|1|\.x)?$/);
  const line = fc
    .constantFrom(...Object.keys(LONG))
    .chain((program) =>
      fc
        .array(
          fc.oneof(
            fc.constantFrom(...LONG[program]!),
            short,
            fc.constantFrom("a", "b", "d", "M", "d/c", "s/1/x/", "700", "--"),
          ),
          { minLength: 1, maxLength: 5 },
        )
        .map((words) => [program, ...words.flatMap((word) => word.split(" "))].map((word) => `'${word}'`).join(" ")),
    );
  it("nothing is written that is not told", () => {
    fc.assert(
      fc.property(line, (text) => {
        fill();
        expect(untold(text, changed(text))).toEqual([]);
      }),
      { numRuns: 150 },
    );
  }, 60_000);
});
