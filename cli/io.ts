import { readFileSync } from "node:fs";

/** The world as a command sees it. Tests give their own. */
export interface Io {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Whether colours are wanted on stdout. */
  readonly colour: boolean;
  /** Everything on stdin, as text; "" when there is nothing. */
  readonly readStdin: () => Promise<string>;
  /** Asks on the terminal without showing what is typed; undefined where there is no terminal. */
  readonly askSecret: (question: string) => Promise<string | undefined>;
}

/** Exit codes, the same for both commands; those from 10 are of `policyc decide` alone. */
export const EXIT = {
  ok: 0,
  findings: 1,
  usage: 2,
  testsFailed: 3,
  gateNotMet: 4,
  refused: 5,
  widened: 6,
  inconclusive: 7,
  denied: 10,
  approval: 11,
  undecided: 12,
  fault: 70,
} as const;

/** What a person did wrong: shown as it is, without a trace. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

const STDIN_BYTES_MAX = 1024 * 1024;

export const processIo = (): Io => {
  // Whoever reads may have had enough (`policyc check | head`): what is left to say is said to nobody.
  for (const stream of [process.stdout, process.stderr])
    stream.on("error", (fault: NodeJS.ErrnoException) => {
      if (fault.code !== "EPIPE") throw fault;
    });
  return {
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
    env: process.env,
    cwd: process.cwd(),
    colour: process.stdout.isTTY && (process.env["NO_COLOR"] ?? "") === "",
    readStdin: () => Promise.resolve(readFileSync(0).subarray(0, STDIN_BYTES_MAX).toString("utf8")),
    askSecret,
  };
};

/** Reads one line in raw mode. Ctrl-C ends the process as it would anywhere else. */
function askSecret(question: string): Promise<string | undefined> {
  const { stdin, stderr } = process;
  if (!stdin.isTTY) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    stderr.write(question);
    stdin.setRawMode(true);
    stdin.resume();
    stdin.setEncoding("utf8");
    let line = "";
    const end = (): void => {
      stdin.setRawMode(false);
      stdin.pause();
      stdin.off("data", onData);
      stderr.write("\n");
    };
    const onData = (chunk: string): void => {
      for (const character of chunk) {
        if (character === "\r" || character === "\n" || character === "\u0004") {
          end();
          resolve(line);
          return;
        }
        if (character === "\u0003") {
          end();
          process.exit(130);
        }
        if (character === "\u007f" || character === "\b") line = Array.from(line).slice(0, -1).join("");
        else if (character >= " ") line += character;
      }
    };
    stdin.on("data", onData);
  });
}

/** Text for a terminal: control characters of foreign text are shown, not obeyed. */
export const printable = (text: string): string =>
  text.replace(
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );

export const bold = (io: Io, text: string): string => (io.colour ? `\u001b[1m${text}\u001b[22m` : text);

/** Rows with their columns lined up; the first row is the heading. */
export function table(io: Io, rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i]!)))
      .join("  ")
      .trimEnd(),
  );
  return lines.map((line, i) => (i === 0 ? bold(io, line) : line)).join("\n") + "\n";
}
