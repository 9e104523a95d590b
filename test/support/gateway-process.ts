import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import pg from "pg";
import { freePort } from "../../cli/demo/embedded-postgres.ts";
import { writeGatewayFolder, type TestGatewayOptions } from "./gateway.ts";
import type { TestPostgres } from "./postgres.ts";

const PROGRAM = join(import.meta.dirname, "../../cli/sallyport.ts");

/** A gateway as a process of its own, on a folder that stays when the process ends. */
export interface GatewayProcess {
  readonly folder: string;
  readonly port: number;
  /** Starts it; resolves once it listens. `fileBytesMax`: no file of it can become longer, as on a full disk. */
  start(limits?: { readonly fileBytesMax?: number }): Promise<void>;
  /** Resolves once it has said so on its error stream since it was started. */
  said(pattern: RegExp): Promise<void>;
  /** Sends a signal that does not end it. */
  signal(signal: NodeJS.Signals): void;
  /** Sends a signal that ends it, and waits for that. */
  end(signal: NodeJS.Signals): Promise<number | null>;
  connect(user: string): Promise<pg.Client>;
}

export async function gatewayProcess(postgres: TestPostgres, options: TestGatewayOptions): Promise<GatewayProcess> {
  const port = await freePort();
  const folder = await writeGatewayFolder(postgres, {
    ...options,
    ports: { gateway: port, control: await freePort() },
  });
  let text = "";
  let child = idle();
  let wake: () => void = () => undefined;
  return {
    folder,
    port,
    async start({ fileBytesMax } = {}) {
      text = "";
      const limit = fileBytesMax === undefined ? "" : `ulimit -f ${Math.floor(fileBytesMax / ULIMIT_BLOCK_BYTES)} && `;
      child = spawn("sh", ["-c", `${limit}exec "$0" "$@"`, process.execPath, PROGRAM, "serve"], {
        cwd: folder,
        env: { ...process.env, TARGET_PASSWORD: postgres.password },
        stdio: ["ignore", "pipe", "pipe"],
      });
      child.stderr!.setEncoding("utf8").on("data", (more: string) => {
        text += more;
        wake();
      });
      await Promise.race([
        once(child.stdout!, "data"),
        once(child, "exit").then(() => {
          throw new Error(`the gateway did not start: ${text}`);
        }),
      ]);
    },
    async said(pattern) {
      while (!pattern.test(text)) await new Promise<void>((resolve) => (wake = resolve));
    },
    signal: (signal) => void child.kill(signal),
    async end(signal) {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
      const gone = once(child, "exit") as Promise<[number | null]>;
      child.kill(signal);
      return (await gone)[0];
    },
    async connect(user) {
      const client = new pg.Client({ host: "127.0.0.1", port, user, password: user, database: "shop" });
      client.on("error", () => undefined);
      await client.connect();
      return client;
    },
  };
}

/** `ulimit -f` of sh counts in these. */
const ULIMIT_BLOCK_BYTES = 512;

const idle = (): ReturnType<typeof spawn> => spawn("true");
