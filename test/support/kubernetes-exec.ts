import type { WebSocket } from "ws";

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const ERROR = 3;
/** `v5.channel.k8s.io`: no more comes on the channel that the next byte names. */
const CLOSE = 255;

const FILES: Readonly<Record<string, string>> = {
  "/etc/hostname": "orders-0\n",
  "/app/customers.csv": "id,email\n1,klara.eder@example.com\n2,rosa.fuchs@example.com\n",
};

/**
 * Answers an exec over `v4.channel.k8s.io` or `v5.channel.k8s.io` as a container with a handful of programs would: `echo`,
 * `cat`, `hostname`, `id`, `true`, `false` and a `sh` that takes lines of those. Nothing is run.
 */
export function answerExec(ws: WebSocket, command: readonly string[], pod: string): void {
  const put = (channel: number, text: string | Buffer): void =>
    ws.send(Buffer.concat([Buffer.from([channel]), Buffer.from(text)]));
  const exit = (code: number): void => {
    put(
      ERROR,
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
    ws.close(1000);
  };
  const run = (words: readonly string[]): number => {
    const [program = "", ...rest] = words;
    switch (program) {
      case "echo":
        put(STDOUT, `${rest.join(" ")}\n`);
        return 0;
      case "hostname":
        put(STDOUT, `${pod}\n`);
        return 0;
      case "id":
        put(STDOUT, "uid=1000(app) gid=1000(app)\n");
        return 0;
      case "true":
      case "":
        return 0;
      case "false":
        return 1;
      case "cat": {
        const text = FILES[rest[0] ?? ""];
        if (text === undefined) {
          put(STDERR, `cat: ${rest[0]}: No such file or directory\n`);
          return 1;
        }
        put(STDOUT, text);
        return 0;
      }
      default:
        put(STDERR, `${program}: not found\n`);
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
  ws.on("message", (data: Buffer) => {
    if (data[0] === CLOSE && data[1] === STDIN) return exit(0);
    if (data[0] !== STDIN) return;
    if (!shell) return put(STDOUT, data.subarray(1));
    line += data.toString("utf8", 1).replaceAll("\r", "\n");
    for (let end = line.indexOf("\n"); end >= 0; end = line.indexOf("\n")) {
      const words = line.slice(0, end).trim().split(/\s+/);
      line = line.slice(end + 1);
      if (words[0] === "exit") return exit(Number(words[1] ?? 0));
      run(words);
    }
  });
}
