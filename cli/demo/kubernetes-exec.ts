/** The streams of an exec, in whichever protocol they came. */
export interface ExecStreams {
  put(stream: "stdout" | "stderr", data: string | Buffer): void;
  /** Tells how it ended (a `Status`), and closes. */
  end(status: string): void;
  /** What is typed, as it comes; null: no more comes. */
  input(take: (data: Buffer | null) => void): void;
}

/**
 * Answers an exec as a container with a handful of programs would: `echo`,
 * `cat`, `hostname`, `id`, `true`, `false` and a `sh` that takes lines of those. Nothing is run.
 */
export function answerExec(
  streams: ExecStreams,
  command: readonly string[],
  pod: string,
  files: Readonly<Record<string, string>>,
): void {
  const exit = (code: number): void => {
    streams.end(
      JSON.stringify(
        code === 0
          ? { metadata: {}, status: "Success" }
          : {
              metadata: {},
              status: "Failure",
              message: `command terminated with non-zero exit code: exit status ${code}`,
              reason: "NonZeroExitCode",
              details: { causes: [{ reason: "ExitCode", message: String(code) }] },
              kind: "Status",
            },
      ),
    );
  };
  const run = (words: readonly string[]): number => {
    const [program = "", ...rest] = words;
    switch (program) {
      case "echo":
        streams.put("stdout", `${rest.join(" ")}\n`);
        return 0;
      case "hostname":
        streams.put("stdout", `${pod}\n`);
        return 0;
      case "id":
        streams.put("stdout", "uid=1000(app) gid=1000(app)\n");
        return 0;
      case "true":
      case "":
        return 0;
      case "false":
        return 1;
      case "cat": {
        const text = files[rest[0] ?? ""];
        if (text === undefined) {
          streams.put("stderr", `cat: ${rest[0]}: No such file or directory\n`);
          return 1;
        }
        streams.put("stdout", text);
        return 0;
      }
      default:
        streams.put("stderr", `${program}: not found\n`);
        return 127;
    }
  };
  const [program, ...rest] = command;
  const shell = program === "sh" || program === "bash";
  const takesInput = (shell && rest.length === 0) || (program === "cat" && rest.length === 0);
  if (!takesInput) {
    exit(shell && rest[0] === "-c" ? run((rest[1] ?? "").split(/\s+/)) : run(command));
    return;
  }
  let line = "";
  let over = false;
  streams.input((data) => {
    if (over) return;
    const end = (code: number): void => {
      over = true;
      exit(code);
    };
    if (data === null) return end(0);
    if (!shell) return streams.put("stdout", data);
    line += data.toString("utf8").replaceAll("\r", "\n");
    for (let at = line.indexOf("\n"); at >= 0; at = line.indexOf("\n")) {
      const words = line.slice(0, at).trim().split(/\s+/);
      line = line.slice(at + 1);
      if (words[0] === "exit") return end(Number(words[1] ?? 0));
      run(words);
    }
  });
}
