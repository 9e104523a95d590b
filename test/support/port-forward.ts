import { spawn } from "node:child_process";
import { get as ask } from "node:http";

/** A port-forward that runs. */
export interface Forward {
  /** What the server behind the port answers to GET. */
  get(): Promise<string>;
  close(): Promise<void>;
}

/** Runs `kubectl port-forward`, with the arguments given, until it listens. */
export async function startForward(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Forward> {
  const child = spawn("kubectl", args, { env: { ...process.env, ...env } });
  const port = await new Promise<number>((resolve, reject) => {
    let said = "";
    const hear = (chunk: Buffer): void => {
      said += chunk.toString();
      const found = /127\.0\.0\.1:(\d+) ->/.exec(said);
      if (found !== null) resolve(Number(found[1]));
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.once("exit", () => reject(new Error(`it did not start: ${said}`)));
  });
  return {
    get: () =>
      new Promise((resolve, reject) => {
        ask({ host: "127.0.0.1", port, agent: false }, (answer) => {
          let text = "";
          answer.on("data", (chunk: Buffer) => (text += chunk.toString()));
          answer.on("end", () => resolve(text));
        }).on("error", reject);
      }),
    close: () =>
      new Promise((done) => {
        child.once("close", () => done());
        child.kill();
      }),
  };
}
