import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeVerifier, formatVerifier, parseVerifier, passwordMatches } from "../../runtime/credentials/index.ts";
import { embeddedBinaries } from "../../cli/demo/embedded-postgres.ts";
import { startTestGateway, type TestGateway } from "../support/gateway.ts";
import { prepareDatabase, startPostgres, type TestPostgres } from "../support/postgres.ts";
import { inPath, runProgram, type Ran } from "../support/programs.ts";

/** Signing in, with real clients, against what a real PostgreSQL does. */
const folder = mkdtempSync(join(tmpdir(), "sallyport-sign-in-"));
const keys = await generateKeyPair("ES256");
const hasPsql = inPath("psql");
let postgres: TestPostgres;
let gateway: TestGateway;

beforeAll(async () => {
  postgres = await startPostgres();
  await prepareDatabase(postgres, "shop", "create table t (id int)");
  execFileSync(
    "openssl",
    [
      "req",
      "-x509",
      "-nodes",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-days",
      "2",
      "-subj",
      "/CN=localhost",
      "-addext",
      "subjectAltName=DNS:localhost",
      "-keyout",
      join(folder, "tls.key"),
      "-out",
      join(folder, "tls.crt"),
    ],
    { stdio: "ignore" },
  );
  writeFileSync(
    join(folder, "jwks.json"),
    JSON.stringify({ keys: [{ ...(await exportJWK(keys.publicKey)), alg: "ES256", kid: "k" }] }),
  );
  gateway = await startTestGateway(postgres, {
    database: "shop",
    policy: "package p\nallow everything on sql\n",
    listen: `{ address: "127.0.0.1:0", tls: { certificate: ${folder}/tls.crt, key: ${folder}/tls.key, required: false } }`,
    config: `oidc: [{ issuer: "https://id.example", audience: sallyport, jwks: { file: ${folder}/jwks.json }, nameClaim: email, groupsClaim: roles }]\n`,
  });
});
afterAll(async () => {
  await gateway?.close();
  await postgres?.stop();
  rmSync(folder, { recursive: true });
});

const token = (email: string, over: { readonly exp?: number } = {}): Promise<string> =>
  new SignJWT({ email, roles: ["analyst"] })
    .setProtectedHeader({ alg: "ES256", kid: "k" })
    .setIssuer("https://id.example")
    .setAudience("sallyport")
    .setSubject("u-1")
    .setIssuedAt()
    .setExpirationTime(over.exp ?? "5m")
    .sign(keys.privateKey);

/** Who the database sees, or how the sign-in failed. */
async function signIn(options: Partial<pg.ClientConfig>): Promise<string> {
  const client = new pg.Client({ host: "127.0.0.1", port: gateway.port, database: "shop", ...options });
  client.on("error", () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ name: string }>("select current_setting('application_name') as name");
    return rows[0]!.name.split(" ")[0]!;
  } catch (fault) {
    return `${(fault as { code?: string }).code}: ${(fault as Error).message}`;
  } finally {
    await client.end().catch(() => undefined);
  }
}

const psql = (how: string, env: Readonly<Record<string, string>> = {}): Promise<Ran> =>
  runProgram(
    "psql",
    [
      `host=localhost hostaddr=127.0.0.1 port=${gateway.port} user=ana dbname=shop sslrootcert=${folder}/tls.crt ${how}`,
      "-XAtc",
      "select 1",
    ],
    { env: { PGPASSWORD: "ana", ...env } },
  );

const encrypted = { ssl: { rejectUnauthorized: false } };

describe("passwords are hashed as PostgreSQL hashes them", () => {
  let admin: pg.Client;
  beforeAll(async () => {
    admin = await postgres.direct();
    await admin.query("create role probe login");
  });
  afterAll(() => admin.end());

  const setPassword = (password: string) => admin.query(`alter role probe password ${admin.escapeLiteral(password)}`);
  // Where SASLprep does something: spaces, compatibility forms, both directions, unassigned and prohibited code points.
  const point = fc.oneof(
    fc.integer({ min: 0x21, max: 0x7e }),
    fc.integer({ min: 0xa0, max: 0x36f }),
    fc.integer({ min: 0x5d0, max: 0x6ff }),
    fc.integer({ min: 0x2000, max: 0x33ff }),
    fc.integer({ min: 0xf900, max: 0xffff }),
    fc.integer({ min: 0x1f100, max: 0x1f64f }),
    fc.integer({ min: 0xe000, max: 0x10ffff }),
  );
  const password = fc.array(point, { minLength: 1, maxLength: 6 }).map((points) => String.fromCodePoint(...points));

  it("what PostgreSQL made fits here", async () => {
    await fc.assert(
      fc.asyncProperty(password, async (text) => {
        await setPassword(text);
        const { rows } = await admin.query<{ rolpassword: string }>(
          "select rolpassword from pg_authid where rolname = 'probe'",
        );
        const verifier = parseVerifier(rows[0]!.rolpassword);
        expect(verifier.ok && (await passwordMatches(text, verifier.value))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it("what was made here lets people into PostgreSQL", async () => {
    await setPassword(formatVerifier(await makeVerifier("opal", Buffer.alloc(16, 3))));
    const client = new pg.Client({
      host: postgres.host,
      port: postgres.port,
      user: "probe",
      password: "opal",
      database: "postgres",
    });
    await client.connect();
    await client.end();
  });
});

describe("with a password", () => {
  it("in the clear and over TLS", async () => {
    expect(await signIn({ user: "ana", password: "ana" })).toBe("ana");
    expect(await signIn({ user: "ana", password: "ana", ...encrypted })).toBe("ana");
  });
  it("a wrong one and a name that nobody has fail alike", async () => {
    const wrong = await signIn({ user: "ana", password: "x" });
    const nobody = await signIn({ user: "zoe", password: "x" });
    expect(wrong).toMatch(/^28P01: /);
    expect(nobody.replace("zoe", "ana")).toBe(wrong);
  });
  it.skipIf(!hasPsql)("psql insists on channel binding and on the certificate's name", async () => {
    const { out } = await psql("sslmode=verify-full channel_binding=require");
    expect(out).toBe("1\n");
  });
  it.skipIf(!hasPsql || process.platform !== "linux")(
    "psql begins with TLS at once, as PostgreSQL 18 can",
    async () => {
      const { out } = await psql("sslmode=verify-full sslnegotiation=direct min_protocol_version=3.2", {
        LD_LIBRARY_PATH: embeddedBinaries().replace(/bin$/, "lib"),
      });
      expect(out).toBe("1\n");
    },
  );
});

describe("with a token in the password's place", () => {
  it("over TLS", async () => {
    expect(await signIn({ user: "tom@shop.example", password: await token("tom@shop.example"), ...encrypted })).toBe(
      "tom@shop.example",
    );
  });
  it("not in the clear: the client is told how", async () => {
    expect(await signIn({ user: "tom@shop.example", password: await token("tom@shop.example") })).toMatch(/^28P01: /);
  });
  it("not under another name", async () => {
    expect(await signIn({ user: "eve@shop.example", password: await token("tom@shop.example"), ...encrypted })).toMatch(
      /^28P01: /,
    );
  });
  it("not in the place of somebody's password", async () => {
    expect(await signIn({ user: "ana", password: await token("ana"), ...encrypted })).toMatch(/^28P01: /);
  });
  it("not once it has expired", async () => {
    expect(
      await signIn({ user: "tom@shop.example", password: await token("tom@shop.example", { exp: 1 }), ...encrypted }),
    ).toMatch(/^28P01: /);
  });
});
