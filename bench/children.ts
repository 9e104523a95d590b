import type { ChildProcess } from "node:child_process";

/** The programs that a bench started, to be ended with it. */
export const children: ChildProcess[] = [];

/**
 * Waits until a program prints that it is up.
 *
 * @throws when it ends before, with what it printed
 */
export async function ready(child: ChildProcess, mark: string): Promise<void> {
  children.push(child);
  await new Promise<void>((resolve, reject) => {
    let said = "";
    const listen = (chunk: Buffer): void => {
      said += chunk.toString();
      if (said.includes(mark)) resolve();
    };
    child.stdout?.on("data", listen);
    child.stderr?.on("data", listen);
    child.once("exit", () => reject(new Error(`it did not start: ${said}`)));
  });
}
