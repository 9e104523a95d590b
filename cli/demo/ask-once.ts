import { systemClock, systemRandom } from "../../runtime/outside/index.ts";
import { ServiceConnection } from "../../runtime/gateway/index.ts";

export interface Server {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/** Runs statements at a server, over the gateway's own client: all of them or none, and each text is one of them. */
export async function askOnce(
  server: Server,
  ...statements: readonly string[]
): Promise<readonly (readonly (string | null)[])[]> {
  const connection = new ServiceConnection(
    {
      name: server.database,
      host: server.host,
      port: server.port,
      database: server.database,
      labels: {},
      estimateRows: false,
      credential: { user: server.user, password: { env: "" } },
      tls: { mode: "off", ca: null },
      password: server.password,
      caBytes: null,
    },
    systemRandom,
    systemClock.after,
  );
  try {
    await connection.ask("set search_path to public");
    return await connection.ask(...statements);
  } finally {
    connection.close();
  }
}
