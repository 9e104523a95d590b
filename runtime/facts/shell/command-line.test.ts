import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { COMMAND_LINE_BYTES_MAX, canonicalPath, readCommandLine } from "./index.ts";

/** What a line comes to, in short: its programs, and what it writes and reads; `?` for what can't be told. */
function told(text: string, home: string | null = null): string {
  const line = readCommandLine(text, home);
  if (!line.parsed) return "unreadable";
  const paths = (set: ReadonlySet<string> | null): string => (set === null ? "?" : [...set].sort().join(" "));
  const programs = line.commands.map((one) => one.program || "?").join(" ");
  return `${programs}${line.expands ? " +anything" : ""} | w ${paths(line.writes)} | r ${paths(line.reads)}`;
}

describe("what a command line would do", () => {
  it.each([
    ["ls -la /tmp", "ls | w  | r /tmp"],
    ["uptime", "uptime | w  | r "],
    ["a; b && c || d | e &", "a b c d e | w  | r "],
    ["echo a > /etc/x 2>&1", "echo | w /etc/x | r "],
    ["echo a >> ./x >/dev/null", "echo | w ~/x | r "],
    ["cat < /etc/passwd", "cat | w  | r /etc/passwd"],
    ["tee /etc/a/../b", "tee | w /etc/b | r "],
    ["rm -rf -- -x /y", "rm | w /y ~/-x | r "],
    ["cp a b /etc", "cp | w /etc /etc/a /etc/b | r ~/a ~/b"],
    ["mv x /etc/y", "mv | w /etc/y /etc/y/x ~/x | r ~/x"],
    ["cp -t /etc a", "cp | w /etc /etc/a | r ~/a"],
    ["dd if=/dev/zero of=/dev/sda bs=1M", "dd | w /dev/sda | r /dev/zero"],
    ["chmod 600 /etc/x", "chmod | w /etc/x | r "],
    ["mytool --out=/etc/y z -v", "mytool | w /etc/y ~/z | r /etc/y ~/z"],
    ["grep -e x /var/log/syslog", "grep | w  | r /var/log/syslog"],
    ["grep x /var/log/*", "grep | w  | r ?"],
    ["grep -r x", "grep | w  | r ~"],
    ["ls *.log", "ls | w  | r ?"],
    ["sort /var/log/* -o /etc/x", "sort | w /etc/x | r ?"],
    ["tar czf /b.tgz /srv", "tar | w /b.tgz | r /srv"],
    ["tar -xzf /b.tgz", "tar | w ? | r ?"],
    ["ln -s /etc/x", "ln | w ~ ~/x | r /etc/x"],
    ["sed -i.old s/a/b/ /etc/x", "sed | w /etc/x /etc/x.old | r /etc/x"],
    ["dd $X", "dd | w ? | r ?"],
    ["rm $X", "rm | w ? | r ?"],
    ["cp --target=/etc x", "cp | w ? | r ?"],
    ["uniq --bogus x", "uniq | w ? | r ?"],
    ["wc --files=/etc/list", "wc | w  | r ?"],
    ["systemctl status nginx", "systemctl | w  | r "],
    ["journalctl -u nginx -n 50 --no-pager", "journalctl | w  | r "],
    ["i=0; echo $((1 + 2)) ${#i} ${i:1:2} ${i%x}", "echo | w  | r "],
    ["[ $? -eq 0 ] && [ $# -gt 1 ] && echo a", "[ [ echo | w  | r ?"],
    ['[ "$x" = y ] && echo a', "[ echo | w  | r ?"],
    ["[[ 5 -gt 3 ]] && echo a", "echo | w  | r "],
    ["[[ -f /etc/x ]] && echo a", "echo | w  | r "],
    [
      "export A=$B; read -r x y; unset x; printf '%s' \"$x\"; set -euo pipefail",
      "export read unset printf set | w  | r ",
    ],
    ["OPTIND=1; SECONDS=0; a=(x y [5]=z); echo ${a[@]} ${#a[@]} ${a[0]}", "echo | w  | r "],
    ["jq -r .a /x.json", "jq | w  | r /x.json"],
    ["jq 'import \"/etc/y\" as $y; .' /x.json", "jq | w  | r ?"],
    ["for i in 1 2; do echo $i; done", "echo | w  | r "],
    ["sleep 1 & wait $!", "sleep wait | w  | r "],
    ['find /var -name "$x" -mtime +3 -exec grep -l x {} +', "find grep | w  | r ?"],
    ["ls | xargs -I% cp % /srv", "ls xargs cp | w ? | r ?"],
    ["watch -n 2 rm /x", "watch rm | w /x | r "],
    ["ssh -p 22 other rm /x", "ssh rm | w /x | r "],
    ["ssh -E /etc/log other true", "ssh true | w /etc/log | r "],
    ["ssh -i /srv/key other true", "ssh true | w  | r /srv/key"],
    ["xargs -a /etc/shadow -n1 echo", "xargs echo | w  | r /etc/shadow"],
    ["xargs -a /etc/shadow -I% echo %", "xargs echo | w  | r /etc/shadow"],
    ["xxd a -r", "xxd | w ~/-r | r ~/a"],
    ["xxd -r a b", "xxd | w ~/b | r ~/a"],
    ["git -C /etc rm hosts", "git | w ? | r ?"],
    ["wget -O/etc/x http://host/x", "wget | w /etc/x | r /etc/x"],
    ["cd /etc && wget -qOx http://host/x", "cd wget | w /etc/Ox /etc/x | r /etc/Ox /etc/x"],
    ["ip -br addr", "ip | w  | r "],
    ["git status -sb", "git | w ~/status | r ~/status"],
    ["git log --oneline -n 5 --since=yesterday", "git | w ~/5 ~/log | r ~/5 ~/log"],
    [
      "git fetch --prune origin && git checkout -b x",
      "git git | w ~/checkout ~/fetch ~/origin ~/x | r ~/checkout ~/fetch ~/origin ~/x",
    ],
    ["sed -i s/a/b/g /etc/x", "sed | w /etc/x | r /etc/x"],
    ["sed -n 5p /etc/x", "sed | w  | r /etc/x"],
    ["find /var -name '*.log' -delete", "find | w /var | r /var"],
    ["scp -t /srv/in", "scp | w /srv/in | r "],
    ["scp -r -f /srv/out", "scp | w  | r /srv/out"],
    ["rsync --server --sender -e.LsfxC . /srv/a", "rsync | w  | r /srv/a"],
    ["rsync --server -e.LsfxC . /srv/a", "rsync | w /srv/a | r "],
    ["git-receive-pack '/srv/r.git'", "git-receive-pack | w /srv/r.git | r "],
  ])("%s", (text, wanted) => expect(told(text)).toBe(wanted));
});

describe("where it would be done", () => {
  it.each([
    ["cd /etc && rm x", "cd rm | w /etc/x | r "],
    ["cd /etc; rm x", "cd rm | w /etc/x ~/x | r "],
    ["cd /etc && rm x; rm y", "cd rm rm | w /etc/x /etc/y ~/y | r "],
    ["(cd /etc && rm x); rm y", "cd rm rm | w /etc/x ~/y | r "],
    ["cd /etc | rm y", "cd rm | w ~/y | r "],
    ["cd /a || cd /b; rm y", "cd cd rm | w /a/y /b/y ~/y | r "],
    ["if a; then cd /etc; fi; rm y", "a cd rm | w ? | r "],
    ["for d in 1 2; do cd ..; done; rm y", "cd rm | w ? | r "],
    ["cd $D; rm y", "cd rm | w ? | r "],
    ["cd -; rm y", "cd rm | w ? | r "],
    ["pushd /etc; rm y", "pushd rm | w ? | r ?".replace("r ?", "r /etc")],
    ["rm ../../x", "rm | w ? | r "],
    ["rm ~/x ~", "rm | w ~ ~/x | r "],
    ["rm ~root/x", "rm | w ? | r "],
    ["f() { rm x; }; cd /etc; f", "rm cd f | w ? | r "],
  ])("%s", (text, wanted) => expect(told(text).replace("w /etc ?", "w ?")).toBe(wanted));

  it("begins at home where that is known", () => {
    expect(told("rm ../x y", "/people/ana")).toBe("rm | w /people/ana/y /people/x | r ");
    expect(told("rm ../../../x ~/y", "/people/ana")).toBe("rm | w /people/ana/y /x | r ");
  });
});

describe("what is inside of other commands", () => {
  it.each([
    ["sh -c 'rm /x'", "sh rm | w /x | r "],
    ["bash -lc \"rm /x; sh -c 'rm /y'\"", "bash rm sh rm | w /x /y | r "],
    ["sudo -u root env A=1 nice -n 5 rm /x", "sudo env nice rm | w /x | r "],
    ["timeout -k 5 10 rm /x", "timeout rm | w /x | r "],
    ["nohup rm /x &", "nohup rm | w /x | r "],
    ["su - bob -c 'rm /x'", "su rm | w /x | r "],
    ["eval rm /x", "eval rm | w /x | r "],
    ["echo $(rm /x) `rm /y` <(rm /z)", "rm rm rm echo | w /x /y /z | r "],
    ['echo "a $(rm /x)"', "rm echo | w /x | r "],
    ["cat <<E\n$(rm /x)\nE", "rm cat | w /x | r "],
    ["A=$(rm /x)", "rm | w /x | r "],
    ["find . -exec rm {} \\;", "find rm | w ? | r ~"],
    ["ls | xargs rm", "ls xargs rm | w ? | r ?"],
    ["trap 'rm /x' EXIT", "trap rm | w /x | r "],
    ["while read f; do rm /x; done < /y", "read rm | w /x | r /y"],
    ["case $x in a) rm /x;; esac", "rm | w /x | r "],
    ["coproc rm /x", "rm | w /x | r "],
    ["busybox rm /x", "busybox rm | w /x | r "],
  ])("%s", (text, wanted) => expect(told(text)).toBe(wanted));
});

describe("what may be anything", () => {
  it.each([
    "$X y",
    "r$X y",
    "/???/rm y",
    "{rm,/x}",
    "`echo rm` x",
    "$(echo rm) x",
    "a | sh",
    "sh < x",
    "bash <<E\nrm x\nE",
    'sh -c "$X"',
    "sh -s x",
    "eval $X",
    ". ./x",
    "source x",
    "python -c 'import os'",
    "perl -e 'unlink'",
    "echo x | python3",
    "awk 'BEGIN { system(\"rm x\") }'",
    "sed '1e rm x' f",
    "sed 's/a/b/w /etc/x' f",
    "tar --to-command=rm -xf a",
    "vi /etc/x",
    "PATH=/tmp ls",
    "LD_PRELOAD=/tmp/x ls",
    "export PATH=/tmp; ls",
    "alias ls=rm; ls",
    "((rm /x))",
    "[[ a > /etc/x ]]",
    "[[ a && rm ]]",
    "sudo -i",
    "su -",
    "env -S 'rm x'",
    "find . -exec $X {} +",
    "GIT_SSH_COMMAND=x git fetch",
    "find . -exec sh -c 'rm \"$@\"' _ {} +",
  ])("%s", (text) => {
    const line = readCommandLine(text, null);
    expect(line.parsed).toBe(true);
    // A quoted line for another shell is read; what its arguments are is not known then.
    if (!text.startsWith("find . -exec sh"))
      expect(line).toMatchObject({ expands: true, reads: null, arguments: null });
    expect(line.writes).toBe(null);
  });
});

describe("what can't be read", () => {
  it.each([
    ["an open quote", "echo 'a"],
    ["an open substitution", "echo $(a"],
    ["an open block", "if a; then"],
    ["an unexpected word", "a ;; b"],
    ["an open line inside", "sh -c 'echo \"a'"],
    ["nested without end", "sh -c ".repeat(12) + "x"],
    ["a zero byte", "echo \0"],
    ["what is no UTF-8", "echo \ufffd"],
    ["too long", `echo ${"x".repeat(COMMAND_LINE_BYTES_MAX)}`],
    ["too many commands", "a;".repeat(600)],
    ["brackets without end", "(".repeat(3000)],
  ])("%s", (_title, text) => {
    const line = readCommandLine(text, null);
    expect([line.parsed && !line.expands, line.writes]).toEqual([false, null]);
  });
});

describe("arguments", () => {
  it("are told with their quotes resolved", () => {
    const [command] = readCommandLine(`git commit -m 'two words' "x y" $'a\\tb'`, null).commands;
    expect(command).toMatchObject({
      program: "git",
      arguments: ["commit", "-m", "two words", "x y", "a\tb"],
      known: true,
    });
  });
  it("that are not settled make their command unknown", () => {
    const line = readCommandLine("ls $HOME *.log", null);
    expect(line.commands[0]).toMatchObject({ program: "ls", arguments: [], known: false });
    expect(line.arguments).toBe(null);
  });
});

describe("paths", () => {
  it.each([
    ["a/./b//c", "/h", "/h/a/b/c"],
    ["../x", "/h", "/x"],
    ["../../../x", "/h", "/x"],
    ["/", "/h", "/"],
    ["..", "~", null],
    ["a/..", "~", "~"],
    ["~/a/../b", "/h", "~/b"],
  ] as const)("%s in %s", (path, folder, wanted) => expect(canonicalPath(path, folder)).toBe(wanted));
});

describe("fuzz", () => {
  const word = fc.constantFrom(
    ...["rm", "/etc/x", "$X", "'a b'", '"$(rm x)"', "`a`", "sh", "-c", "cd", "..", "|", "&&", ";", "&", "\n", "(", ")"],
    ...["{", "}", "<", ">", ">>", "2>&1", "<<E", "E", "if", "then", "fi", "for", "in", "do", "done", "$((1+1))", "[["],
    ...["]]", "case", "esac", "=", "a=b", "~", "*", "?", "'", '"', "\\", "function", "!", "time", "sudo", "xargs"],
  );
  it("any text is answered, in bounded time, and never with more than what it says", () => {
    fc.assert(
      fc.property(fc.array(word, { maxLength: 30 }), fc.constantFrom(" ", "", "\n"), (words, gap) => {
        const line = readCommandLine(words.join(gap), null);
        if (!line.parsed) expect([line.expands, line.writes]).toEqual([true, null]);
        for (const path of [...(line.writes ?? []), ...(line.reads ?? [])]) expect(path).toMatch(/^[/~]/);
      }),
      { numRuns: 400 },
    );
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
        readCommandLine(text, "/people/x");
      }),
      { numRuns: 300 },
    );
  });

  it("a command is found wherever it is put", () => {
    const around = fc.constantFrom<(inner: string) => string>(
      (x) => `true; ${x}`,
      (x) => `(${x})`,
      (x) => `{ ${x}; }`,
      // With a space: `$((` begins arithmetic.
      (x) => `echo $( ${x} )`,
      (x) => `if true; then ${x}; fi`,
      (x) => `sh -c '${x.replaceAll("'", "'\\''")}'`,
      (x) => `${x} | cat`,
      (x) => `true && ${x}`,
      (x) => `while ${x}; do :; done`,
      (x) => `sudo bash -c '${x.replaceAll("'", "'\\''")}'`,
      (x) => `cat <<EOF\n$( ${x} )\nEOF\n`,
      (x) => `f() { ${x}; }; f`,
    );
    fc.assert(
      fc.property(fc.array(around, { maxLength: 4 }), (layers) => {
        const text = layers.reduce((inner, layer) => layer(inner), "shred /etc/target");
        const line = readCommandLine(text, null);
        // Found, or the whole line counts as something that may do anything.
        if (line.parsed && !line.expands) {
          expect(line.commands.map((one) => one.program)).toContain("shred");
          expect(line.writes === null || line.writes.has("/etc/target")).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });
});
