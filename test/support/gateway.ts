import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { buildCommand } from "../../cli/commands/policy/build.ts";
import { keygenCommand } from "../../cli/commands/policy/keygen.ts";
import { startGateway, type RunningGateway } from "../../cli/commands/serve.ts";
import type { Io } from "../../cli/io.ts";
import { formatVerifier, makeVerifier } from "../../runtime/credentials/index.ts";
import type { GatewayParts } from "../../runtime/gateway/index.ts";
import type { TestPostgres } from "./postgres.ts";

/** People of the test gateways; the password of each is their name. */
export const PEOPLE: readonly (readonly [name: string, groups: readonly string[]])[] = [
  ["ana", ["analyst"]],
  ["dev", ["engineer"]],
  ["lea", ["dba-leads"]],
  ["max", ["dba-leads"]],
  ["kim", ["privacy"]],
  ["con", ["contractor"]],
  ["all", ["unmasked"]],
];

export interface TestGateway {
  readonly port: number;
  readonly controlPort: number;
  readonly folder: string;
  /** The log of the operator. */
  readonly said: string[];
  readonly running: RunningGateway;
  /** A connected node-postgres client. */
  connect(user: string, options?: Partial<pg.ClientConfig>): Promise<pg.Client>;
  /** Puts another policy in place and waits until it is in force (or refused: answers why). */
  policy(text: string, sequence?: number): Promise<string | null>;
  close(): Promise<void>;
}

export interface TestGatewayOptions {
  readonly policy: string;
  /** More lines of the configuration. */
  readonly config?: string;
  readonly listen?: string;
  /** More settings of the target, in YAML's flow form: `estimateRows: true`. */
  readonly target?: string;
  readonly database: string;
  /** An existing folder, to start again where another gateway stopped. */
  readonly folder?: string;
  readonly keepFolder?: boolean;
  readonly ports?: { readonly gateway: number; readonly control: number };
  /** Parts of the gateway that the test gives itself. */
  readonly parts?: Partial<GatewayParts>;
}

const verifiers = Promise.all(
  PEOPLE.map(async ([name, groups]) => ({
    name,
    groups,
    scram: formatVerifier(await makeVerifier(name, randomBytes(16))),
  })),
);

export function quietIo(cwd: string, said: string[], env: Readonly<Record<string, string>> = {}): Io {
  return {
    stdout: (text) => void said.push(text),
    stderr: (text) => void said.push(text),
    env,
    cwd,
    colour: false,
    readStdin: () => Promise.resolve(""),
    askSecret: () => Promise.resolve(undefined),
  };
}

/** The configuration of a test gateway, written into its folder. */
export async function writeGatewayFolder(postgres: TestPostgres, options: TestGatewayOptions): Promise<string> {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), "sallyport-test-"));
  mkdirSync(folder, { recursive: true });
  const said: string[] = [];
  const io = quietIo(folder, said);
  if (options.folder === undefined) keygenCommand(["bundle"], io);
  writeFileSync(join(folder, "test.policy"), options.policy);
  if (
    options.policy !== "" &&
    (await buildCommand(["-o", "test.bundle", "--key", "bundle.key", "--no-test", "test.policy"], io)) !== 0
  )
    throw new Error(said.join(""));
  const users = (await verifiers)
    .map((user) => `  - { name: ${user.name}, groups: [${user.groups.join(", ")}], scram: "${user.scram}" }`)
    .join("\n");
  const { gateway, control } = options.ports ?? { gateway: 0, control: 0 };
  writeFileSync(
    join(folder, "sallyport.yaml"),
    `listen:\n  - ${options.listen ?? `{ protocol: postgres, address: "127.0.0.1:${gateway}" }`}\ntargets:\n  - name: shop\n    protocol: postgres\n    address: "127.0.0.1:${postgres.port}"\n    database: ${options.database}\n    labels: { env: production }\n    credential: { user: ${postgres.user}, password: { env: TARGET_PASSWORD } }\n${options.target === undefined ? "" : `    ${options.target}\n`}users:\n${users}\nbundle: { path: test.bundle, keys: [bundle.pub] }\nstate: state\ncontrol: { address: "127.0.0.1:${control}", administrators: [dba-leads] }\n${options.config ?? ""}`,
  );
  return folder;
}

/** A whole gateway in this process, in front of a real PostgreSQL. */
export async function startTestGateway(postgres: TestPostgres, options: TestGatewayOptions): Promise<TestGateway> {
  const folder = await writeGatewayFolder(postgres, options);
  const said: string[] = [];
  const io = quietIo(folder, said, { TARGET_PASSWORD: postgres.password });
  const running = await startGateway("sallyport.yaml", io, options.parts);
  const port = running.ports[0]!;
  return {
    port,
    controlPort: running.controlPort,
    folder,
    said,
    running,
    async connect(user, more = {}) {
      const client = new pg.Client({ host: "127.0.0.1", port, user, password: user, database: "shop", ...more });
      // A gateway that ends the session is an answer to look at, not a crash of the test.
      client.on("error", () => undefined);
      await client.connect();
      return client;
    },
    async policy(text, sequence = 0) {
      writeFileSync(join(folder, "test.policy"), text);
      const code = await buildCommand(
        ["-o", "test.bundle", "--key", "bundle.key", "--no-test", "--sequence", String(sequence), "test.policy"],
        io,
      );
      if (code !== 0) throw new Error(said.join(""));
      return running.reload();
    },
    async close() {
      await running.close();
      if (options.keepFolder !== true) rmSync(folder, { recursive: true, force: true });
    },
  };
}
