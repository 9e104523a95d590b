import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

export interface Ran {
  readonly stdout: string;
  readonly stderr: string;
  /** Both, in the order they came. */
  readonly out: string;
  readonly status: number | null;
}

/** Whether a program is in the PATH. */
export function inPath(program: string): boolean {
  return (process.env["PATH"] ?? "").split(delimiter).some((folder) => existsSync(join(folder, program)));
}

const PROGRAM_MS_MAX = 50_000;

/**
 * Runs a real client to its end. Never synchronously: the gateway that it talks to may live in this process, and would
 * stand still.
 */
export function runProgram(
  program: string,
  args: readonly string[],
  options: { readonly env?: Readonly<Record<string, string>>; readonly input?: string } = {},
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: { ...process.env, ...options.env }, timeout: PROGRAM_MS_MAX });
    const ran = { stdout: "", stderr: "", out: "" };
    for (const name of ["stdout", "stderr"] as const) {
      child[name].setEncoding("utf8").on("data", (text: string) => {
        ran[name] += text;
        ran.out += text;
      });
    }
    // A program that ends without reading its input is judged by how it ended.
    child.stdin.on("error", () => undefined);
    child.stdin.end(options.input ?? "");
    child.on("error", reject);
    child.on("close", (status) => resolve({ ...ran, status }));
  });
}
