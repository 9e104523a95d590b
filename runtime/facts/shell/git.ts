import { given, has, known, type Options } from "./options.ts";
import type { Settled } from "./words.ts";

const BEFORE = known("-P -C= --no-pager --version --help --no-optional-locks --literal-pathspecs --no-replace-objects");

const SHOWING =
  "-abBcdDeEfFghiklMmnpqrRstuvwWxz0123456789 -G= -L= -n= -S= -U= --oneline --stat? --patch --no-patch --graph --decorate? --all " +
  "--name-only --name-status --format= --pretty? --abbrev-commit --abbrev? --since= --until= --after= --before= --author= " +
  "--grep= --max-count= --skip= --follow --numstat --shortstat --summary --cached --staged --color? --no-color --word-diff? " +
  "--first-parent --merges --no-merges --reverse --date= --no-ext-diff --no-textconv --check --exit-code --quiet " +
  "--diff-filter= --raw --full-index --binary --tags --branches --remotes --left-right --topo-order --count --unified= " +
  "--ignore-all-space --ignore-space-change --minimal --no-renames --find-renames? --relative?";
const LISTING =
  "-abcdefghiklmnopqrstuvwxz0123456789 --list --all --remotes --merged? --no-merged? --contains= --sort= --format= --short? " +
  "--abbrev-ref? --show-toplevel --verify --quiet --is-inside-work-tree --git-dir --others --cached --modified --deleted " +
  "--exclude-standard --stage --heads --tags --always --long --dirty? --abbrev= --match= --name-only --full-tree --points-at=";
const CHANGING =
  "-abBcdDfFlmMnNqrstuvxAHz -m= --all --update --force --verbose --quiet --dry-run --amend --no-edit --no-verify --allow-empty " +
  "--author= --date= --signoff --message= --hard --soft --mixed --keep --merge --cached --staged --worktree --source= --track " +
  "--no-track --detach --orphan= --create= --delete --move --copy --ff-only --no-ff --ff --squash --abort --continue --quit " +
  "--skip --no-commit --ours --theirs --intent-to-add --include-untracked --keep-index --prune --set-upstream-to= --annotate";
const MOVING =
  "-46afnpqtv -j= --all --prune --tags --no-tags --force --force-with-lease? --depth= --deepen= --unshallow --quiet --verbose " +
  "--rebase? --no-rebase --ff-only --no-ff --progress --dry-run --set-upstream --follow-tags --delete --no-verify --porcelain " +
  "--recurse-submodules? --jobs= --atomic --mirror";

/** Commands of git that run no other program by an option or a word of theirs; aliases and helpers are not among them. */
const COMMANDS: ReadonlyMap<string, Options> = new Map(
  [
    ["status", "-sbvz -u? --short --branch --porcelain? --long --show-stash --ignored? --untracked-files?"],
    ...["log", "diff", "show", "shortlog", "rev-list", "reflog", "blame", "whatchanged"].map((name) => [name, SHOWING]),
    ...[
      "rev-parse",
      "ls-files",
      "ls-tree",
      "branch",
      "tag",
      "describe",
      "show-ref",
      "remote",
      "cat-file",
      "for-each-ref",
    ].map((name) => [name, LISTING]),
    ...["add", "rm", "mv", "reset", "checkout", "switch", "restore", "stash", "clean", "cherry-pick", "revert"].map(
      (name) => [name, CHANGING],
    ),
    ["merge", CHANGING],
    ["commit", CHANGING],
    ...["fetch", "pull"].map((name) => [name, MOVING]),
    ["push", `${MOVING} -ud`],
    ["ls-remote", "-htq --heads --tags --refs --quiet --exit-code --get-url --sort= --symref"],
    [
      "clone",
      "-nqvls46 -b= -o= -j= --depth= --branch= --bare --mirror --quiet --verbose --progress --no-checkout --single-branch " +
        "--recursive --recurse-submodules? --shallow-submodules --no-tags --origin= --local --no-local --jobs= --filter=",
    ],
    ["init", "-q -b= --quiet --bare --initial-branch="],
    ["gc", "-q --auto --quiet --prune?"],
    ["fsck", "--full --strict --no-progress"],
    ["version", ""],
    ["count-objects", "-vH"],
  ].map(([name, options]) => [name!, known(options!)]),
);

/** Whether its paths are meant from another folder. */
export const gitGoesElsewhere = (args: readonly Settled[]): boolean => has(given(args, BEFORE, true), "-C");

/** Whether git may run something besides itself: by `-c`, an alias, a helper's name, an option that is not known. */
export function gitMayRun(args: readonly Settled[]): boolean {
  const before = given(args, BEFORE, true);
  const [command, ...rest] = before.operands;
  if (before.unknown) return true;
  if (command === undefined) return false;
  const options = typeof command === "string" ? COMMANDS.get(command) : undefined;
  if (options === undefined) return true;
  const found = given(rest, options);
  // `ext::…` names a program to run, and `helper::…` one of git's.
  return found.unknown || found.operands.some((word) => typeof word === "string" && word.includes("::"));
}
