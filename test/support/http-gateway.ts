import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildCommand } from "../../cli/commands/policy/build.ts";
import { keygenCommand } from "../../cli/commands/policy/keygen.ts";
import { startGateway, type RunningGateway } from "../../cli/commands/serve.ts";
import { formatVerifier, makeVerifier } from "../../runtime/credentials/index.ts";
import type { GatewayParts } from "../../runtime/gateway/index.ts";
import { PEOPLE, quietIo } from "./gateway.ts";

/** A real HTTP server behind the gateway, with what it was asked. */
export interface TestTarget {
  readonly port: number;
  readonly server: Server;
  readonly requests: {
    readonly method: string;
    readonly url: string;
    readonly headers: IncomingMessage["headers"];
    readonly rawHeaders: readonly string[];
    readonly body: string;
  }[];
  close(): Promise<void>;
}

/** `answer` is called once the request's body is read. */
export function startTarget(
  answer: (request: IncomingMessage, body: string, response: ServerResponse) => void,
): Promise<TestTarget> {
  const requests: TestTarget["requests"] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks).toString("utf8");
      requests.push({
        method: request.method ?? "",
        url: request.url ?? "",
        headers: request.headers,
        rawHeaders: request.rawHeaders,
        body,
      });
      answer(request, body, response);
    });
  });
  return new Promise((resolve) =>
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      resolve({
        port,
        server,
        requests,
        close: () =>
          new Promise((done) => {
            server.close(() => done());
            server.closeAllConnections();
          }),
      });
    }),
  );
}

export interface HttpTestGateway {
  readonly port: number;
  readonly folder: string;
  readonly said: string[];
  readonly running: RunningGateway;
  /** `Sallyport-Authorization` of a person. */
  as(user: string): Readonly<Record<string, string>>;
  url(path: string): string;
  /** Sends bytes as they are; all that came back until the connection was closed. */
  raw(bytes: string | Buffer, until?: (text: string) => boolean): Promise<string>;
  policy(text: string): Promise<string | null>;
  close(): Promise<void>;
}

const verifiers = Promise.all(
  PEOPLE.map(async ([name, groups]) => ({
    name,
    groups,
    scram: formatVerifier(await makeVerifier(name, randomBytes(16))),
  })),
);

export async function startHttpGateway(options: {
  readonly policy: string;
  /** Lines of `targets`. */
  readonly targets: string;
  readonly listen?: string;
  readonly config?: string;
  readonly files?: Readonly<Record<string, string | Buffer>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly parts?: Partial<GatewayParts>;
  /** The name under which `url` and `as` ask. */
  readonly host?: string;
}): Promise<HttpTestGateway> {
  const folder = mkdtempSync(join(tmpdir(), "sallyport-http-"));
  mkdirSync(folder, { recursive: true });
  const said: string[] = [];
  const io = quietIo(folder, said, options.env ?? {});
  keygenCommand(["bundle"], io);
  for (const [name, bytes] of Object.entries(options.files ?? {}))
    writeFileSync(join(folder, name), bytes, { mode: 0o600 });
  const build = async (policy: string): Promise<void> => {
    writeFileSync(join(folder, "test.policy"), policy);
    if ((await buildCommand(["-o", "test.bundle", "--key", "bundle.key", "--no-test", "test.policy"], io)) !== 0)
      throw new Error(said.join(""));
  };
  if (options.policy !== "") await build(options.policy);
  const users = (await verifiers)
    .map((user) => `  - { name: ${user.name}, groups: [${user.groups.join(", ")}], scram: "${user.scram}" }`)
    .join("\n");
  writeFileSync(
    join(folder, "sallyport.yaml"),
    `listen:\n  - ${options.listen ?? `{ protocol: http, address: "127.0.0.1:0" }`}\ntargets:\n${options.targets}\nusers:\n${users}\nbundle: { path: test.bundle, keys: [bundle.pub] }\nstate: state\ncontrol: { address: "127.0.0.1:0", administrators: [dba-leads] }\n${options.config ?? ""}`,
  );
  const running = await startGateway("sallyport.yaml", io, options.parts);
  const port = running.gateway.httpPorts[0]!;
  const host = options.host ?? "api";
  return {
    port,
    folder,
    said,
    running,
    as: (user) => ({ host, "sallyport-authorization": `Basic ${Buffer.from(`${user}:${user}`).toString("base64")}` }),
    url: (path) => `http://127.0.0.1:${port}${path}`,
    raw: (bytes, until = () => false) =>
      new Promise((resolve) => {
        const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
        let text = "";
        socket.on("data", (chunk: Buffer) => {
          text += chunk.toString("latin1");
          if (until(text)) socket.destroy();
        });
        socket.on("error", () => undefined);
        socket.on("close", () => resolve(text));
      }),
    async policy(text) {
      await build(text);
      return running.reload();
    },
    async close() {
      await running.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
