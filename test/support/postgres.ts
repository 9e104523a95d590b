import { existsSync, mkdtempSync, readdirSync, rmSync, chmodSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { startEmbedded, type EmbeddedPostgres } from "../../cli/demo/embedded-postgres.ts";

/** A real PostgreSQL for one test file. */
export interface TestPostgres extends EmbeddedPostgres {
  /** A connection as superuser, past the gateway. */
  direct(database?: string): Promise<pg.Client>;
}

/** Folder of the binaries of Debian's server, newest first; null where there is none. */
export function systemBinaries(): string | null {
  const base = "/usr/lib/postgresql";
  if (!existsSync(base)) return null;
  const versions = readdirSync(base).filter((name) => existsSync(join(base, name, "bin", "postgres")));
  const newest = versions.sort((a, b) => Number(b) - Number(a))[0];
  return newest === undefined ? null : join(base, newest, "bin");
}

export async function startPostgres(which: "embedded" | "system" = "embedded"): Promise<TestPostgres> {
  const folder = mkdtempSync(join(tmpdir(), "sallyport-pg-"));
  chmodSync(folder, 0o755);
  const bin = which === "system" ? systemBinaries() : undefined;
  if (bin === null) throw new Error("there is no PostgreSQL server of the system");
  const server = await startEmbedded({
    data: join(folder, "data"),
    password: "direct",
    settings: ["fsync=off", "full_page_writes=off", "autovacuum=off"],
    ...(bin === undefined ? {} : { bin }),
  });
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  return {
    ...server,
    async direct(database = "postgres") {
      const client = new pg.Client({
        host: server.host,
        port: server.port,
        user: server.user,
        password: server.password,
        database,
      });
      client.on("error", () => undefined);
      await client.connect();
      return client;
    },
    stop: async () => {
      await server.stop();
      remove();
    },
    kill: async () => {
      await server.kill();
    },
  };
}

/** Runs statements as superuser in a database, which is made when it is not there. */
export async function prepareDatabase(postgres: TestPostgres, name: string, sql: string): Promise<void> {
  const admin = await postgres.direct();
  await admin.query(`create database ${name}`);
  await admin.end();
  const client = await postgres.direct(name);
  await client.query(sql);
  await client.end();
}
