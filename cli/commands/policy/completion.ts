import { listing } from "../../../base/text.ts";
import { onlyArgument, readArguments } from "../../arguments.ts";
import { EXIT, UsageError, type Io } from "../../io.ts";
import { POLICY_COMMANDS } from "./registry.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;

const HELP = `policyc completion: completion for a shell

  policyc completion bash|zsh|fish

  bash   policyc completion bash > ~/.local/share/bash-completion/completions/policyc
  zsh    policyc completion zsh > ~/.zfunc/_policyc          (with fpath+=~/.zfunc before compinit)
  fish   policyc completion fish > ~/.config/fish/completions/policyc.fish
`;

interface Completed {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly string[];
}

export async function completionCommand(argv: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = readArguments(argv, {});
  if (values.help === true) {
    io.stdout(HELP);
    return EXIT.ok;
  }
  const given = onlyArgument(positionals, "the shell");
  const shell = SHELLS.find((one) => one === given);
  if (shell === undefined)
    throw new UsageError(`completion is for ${listing(SHELLS)}, not for ${JSON.stringify(given)}`);
  const commands = await completed(io);
  switch (shell) {
    case "bash":
      io.stdout(bash(commands));
      break;
    case "zsh":
      io.stdout(zsh(commands));
      break;
    case "fish":
      io.stdout(fish(commands));
      break;
  }
  return EXIT.ok;
}

/** Every command with the options that its help names, so that completion can't fall behind. */
async function completed(io: Io): Promise<readonly Completed[]> {
  const found: Completed[] = [];
  for (const [name, { summary, run }] of Object.entries(POLICY_COMMANDS)) {
    let help = "";
    await run(["--help"], { ...io, stdout: (text) => void (help += text) });
    const options = [...new Set(help.match(/(?<![\w-])--[a-z][a-z0-9-]*/g) ?? [])].filter((one) => one !== "--help");
    found.push({ name, summary, options: [...options, "--help"].sort() });
  }
  return found;
}

const bash = (commands: readonly Completed[]): string => `# bash completion of policyc
_policyc() {
  local current="\${COMP_WORDS[COMP_CWORD]}" command="\${COMP_WORDS[1]}"
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${commands.map((one) => one.name).join(" ")} --help --version" -- "$current"))
    return
  fi
  local options=""
  case "$command" in
${commands.map((one) => `    ${one.name}) options="${one.options.join(" ")}" ;;`).join("\n")}
  esac
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$options" -- "$current")) ;;
    *) COMPREPLY=($(compgen -f -- "$current")) ;;
  esac
}
complete -o filenames -F _policyc policyc
`;

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

const zsh = (commands: readonly Completed[]): string => `#compdef policyc
# zsh completion of policyc
_policyc() {
  local -a commands
  commands=(
${commands.map((one) => `    ${quoted(`${one.name}:${one.summary.replaceAll(":", "\\:")}`)}`).join("\n")}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  case "\${words[2]}" in
${commands.map((one) => `    ${one.name}) _arguments ${one.options.map(quoted).join(" ")} '*:file:_files' ;;`).join("\n")}
  esac
}
_policyc "$@"
`;

const fish = (commands: readonly Completed[]): string => `# fish completion of policyc
complete -c policyc -n __fish_use_subcommand -l help
complete -c policyc -n __fish_use_subcommand -l version
${commands
  .map((one) =>
    [
      `complete -c policyc -n __fish_use_subcommand -f -a ${one.name} -d ${quoted(one.summary)}`,
      ...one.options.map(
        (option) => `complete -c policyc -n '__fish_seen_subcommand_from ${one.name}' -l ${option.slice(2)}`,
      ),
    ].join("\n"),
  )
  .join("\n")}
`;
