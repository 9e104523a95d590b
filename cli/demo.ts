import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, extname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { lockFolder } from "../runtime/outside/index.ts";
import { formatVerifier, makeVerifier } from "../runtime/credentials/index.ts";
import { clusterFolder, portIsFree, startEmbedded } from "./demo/embedded-postgres.ts";
import { SHOP_LOGIN, fillShop } from "./demo/fill-shop.ts";
import { httpListener, httpTarget, httpToTry, startShopApi, type ShopApi } from "./demo/http-shop.ts";
import { CLUSTER_TOKEN, startKubernetesDemo, type KubernetesDemo } from "./demo/kubernetes-demo.ts";
import { startSshDemo, type SshDemo } from "./demo/ssh-demo.ts";
import { startGateway, type RunningGateway } from "./commands/serve.ts";
import { buildCommand } from "./commands/policy/build.ts";
import { keygenCommand } from "./commands/policy/keygen.ts";
import { EXIT, UsageError, processIo, type Io } from "./io.ts";
import { mayExit } from "./may-exit.ts";

/** People of the demo; the password of each is their name. */
const PEOPLE: readonly (readonly [name: string, group: string])[] = [
  ["ana", "analyst"],
  ["dev", "engineer"],
  ["lea", "dba-leads"],
  ["kim", "privacy"],
];

const here = dirname(fileURLToPath(import.meta.url));
/** The project's own folder, from the sources as from the build. */
const root = existsSync(join(here, "../package.json")) ? resolve(here, "..") : resolve(here, "../..");
/** The command beside this file, from the sources as from the build. */
const program = join(here, `sallyport${extname(fileURLToPath(import.meta.url))}`);
/** Where everything of the demo is kept. */
const folder = resolve(root, process.env["SALLYPORT_DEMO"] ?? ".sallyport/demo");
/** The folder in lines to paste, which are pasted in the project's own. */
const shownFolder = folder.startsWith(root + sep) ? relative(root, folder) : folder;
/** Its ports, each with the variable that chooses another. */
const PORTS = {
  postgres: ["SALLYPORT_PORT", 6432],
  ssh: ["SALLYPORT_SSH_PORT", 6422],
  control: ["SALLYPORT_CONTROL_PORT", 6480],
  http: ["SALLYPORT_HTTP_PORT", 6490],
  kubernetes: ["SALLYPORT_KUBERNETES_PORT", 6444],
} as const;
const portOf = (name: keyof typeof PORTS): number => Number(process.env[PORTS[name][0]] ?? PORTS[name][1]);
const gatewayPort = portOf("postgres");
const sshPort = portOf("ssh");
const controlPort = portOf("control");
const httpPort = portOf("http");
const kubernetesPort = portOf("kubernetes");

/** Refuses ports that are none or taken, all at once: nobody should have to ask five times. */
async function checkPorts(): Promise<void> {
  const names = Object.keys(PORTS) as (keyof typeof PORTS)[];
  for (const name of names) {
    const port = portOf(name);
    if (!Number.isInteger(port) || port < 1 || port > 65_535)
      throw new UsageError(`${PORTS[name][0]} must be a port number`);
    const other = names.find((one) => one !== name && portOf(one) === port);
    if (other !== undefined)
      throw new UsageError(`${PORTS[name][0]} and ${PORTS[other][0]} are the same port, ${port}`);
  }
  const free = await Promise.all(names.map((name) => portIsFree(portOf(name))));
  const taken = names.filter((_, i) => !free[i]);
  if (taken.length === 0) return;
  const numbers = taken.map(portOf).join(", ");
  throw new UsageError(
    `${taken.length === 1 ? `port ${numbers} is` : `ports ${numbers} are`} taken by another program; choose ${taken.length === 1 ? "another" : "others"}: ${await otherPorts(taken)} npm start`,
  );
}

/** Settings for other ports, free now. */
async function otherPorts(names: readonly (keyof typeof PORTS)[]): Promise<string> {
  const used = new Set(Object.keys(PORTS).map((name) => portOf(name as keyof typeof PORTS)));
  const settings: string[] = [];
  for (const name of names) {
    let port = portOf(name) + 1;
    while (port < 65_535 && (used.has(port) || !(await portIsFree(port)))) port++;
    used.add(port);
    settings.push(`${PORTS[name][0]}=${port}`);
  }
  return settings.join(" ");
}

async function main(io: Io): Promise<number> {
  const step = (text: string): void => io.stderr(`  ${text}\n`);
  mkdirSync(folder, { recursive: true });
  // A second demo on the folder would take the first one's PostgreSQL away.
  const unlock = lockFolder(folder);
  if (unlock === null)
    throw new UsageError(
      `the demo runs already, with its data in ${folder}: stop it first with Ctrl-C, or give another one its own folder and ports: SALLYPORT_DEMO=${folder}-2 ${await otherPorts(Object.keys(PORTS) as (keyof typeof PORTS)[])} npm start`,
    );
  await checkPorts();
  step("starting an embedded PostgreSQL …");
  const postgres = await startEmbedded({
    data: clusterFolder(join(folder, "postgres")),
    ...adminPassword(),
    settings: ["fsync=off"],
    takeOver: true,
  });
  let gateway: RunningGateway | null = null;
  let api: ShopApi | null = null;
  let cluster: KubernetesDemo | null = null;
  const stop = async (): Promise<void> => {
    await gateway?.close();
    await api?.close();
    await cluster?.api.close();
    await postgres.stop();
    unlock();
  };
  let stopping = false;
  const onSignal = (): void => {
    if (stopping) return;
    stopping = true;
    io.stderr("\nStopping …\n");
    void stop().then(() => process.exit(EXIT.ok));
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  try {
    const server = { ...postgres, database: "postgres" };
    await fillShop(server, join(root, "policies/shop/shop.sql"), () =>
      step("filling the shop with customers, orders and payments …"),
    );
    api = await startShopApi({ ...server, ...SHOP_LOGIN, database: "shop" });
    step("compiling policies/shop …");
    const quiet: Io = { ...io, cwd: folder, stdout: () => undefined, stderr: () => undefined };
    if (!existsSync(join(folder, "bundle.key"))) keygenCommand(["bundle"], quiet);
    const built = await buildCommand(["-o", "shop.bundle", "--key", "bundle.key", join(root, "policies/shop")], quiet);
    if (built !== 0) throw new UsageError("policies/shop does not build; run: npm run policyc -- check policies/shop");
    step("starting the gateway …");
    const ssh = await startSshDemo({ folder, shownFolder, port: sshPort });
    const tls = makeCertificate();
    cluster = await startKubernetesDemo({
      folder,
      shownFolder,
      port: kubernetesPort,
      tls,
      people: PEOPLE,
      program,
      io,
    });
    writeFileSync(join(folder, "sallyport.yaml"), await configuration(postgres.port, tls, api.port, ssh, cluster));
    gateway = await startGateway(join(folder, "sallyport.yaml"), {
      ...io,
      env: { ...io.env, SHOP_PASSWORD: SHOP_LOGIN.password, CLUSTER_TOKEN },
    });
    io.stdout(welcome(ssh, cluster));
  } catch (fault) {
    // What fails because it was told to stop is no news; the signal's own end goes on.
    if (stopping) return new Promise(() => undefined);
    await stop();
    throw fault;
  }
  return new Promise(() => undefined);
}

/** The server's password; a new one is for a new cluster, for the old one (which may stand elsewhere) has another. */
function adminPassword(): { readonly password: string; readonly anew: boolean } {
  const file = join(folder, "postgres.password");
  const anew = !existsSync(file);
  if (anew) writeFileSync(file, randomBytes(18).toString("base64url"), { mode: 0o600 });
  return { password: readFileSync(file, "utf8"), anew };
}

/** A certificate for this machine, when there is an openssl to make one. */
function makeCertificate(): boolean {
  const [certificate, key] = [join(folder, "gateway.crt"), join(folder, "gateway.pem")];
  if (existsSync(certificate)) return true;
  const args = [
    "req",
    "-x509",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:prime256v1",
    "-nodes",
    "-days",
    "3650",
    "-subj",
    "/CN=localhost",
    "-addext",
    "subjectAltName=DNS:localhost,IP:127.0.0.1",
    "-keyout",
    key,
    "-out",
    certificate,
  ];
  return spawnSync("openssl", args, { stdio: "ignore" }).status === 0;
}

async function configuration(
  postgresPort: number,
  tls: boolean,
  apiPort: number,
  ssh: SshDemo,
  cluster: KubernetesDemo,
): Promise<string> {
  const users = await Promise.all(
    PEOPLE.map(async ([name, group]) => {
      const verifier = formatVerifier(await makeVerifier(name, randomBytes(16)));
      return `  - { name: ${name}, groups: [${group}], scram: "${verifier}", keys: ["${ssh.keyOf(name)}"] }`;
    }),
  );
  return `# Written by npm start, anew each time.
listen:
  - protocol: postgres
    address: 127.0.0.1:${gatewayPort}
${tls ? "    tls: { certificate: gateway.crt, key: gateway.pem, required: false }\n" : ""}${httpListener(httpPort)}${ssh.listen}${cluster.listen}targets:
  - name: shop
    protocol: postgres
    address: 127.0.0.1:${postgresPort}
    labels: { env: production }
    credential: { user: ${SHOP_LOGIN.user}, password: { env: SHOP_PASSWORD } }
${httpTarget(apiPort)}${ssh.target}${cluster.target}users:
${users.join("\n")}
http:
  serviceTokens:
${cluster.tokens}bundle: { path: shop.bundle, keys: [bundle.pub] }
state: state
record: { durability: before-forward }
control: { address: "127.0.0.1:${controlPort}", administrators: [dba-leads] }
`;
}

function welcome(ssh: SshDemo, cluster: KubernetesDemo): string {
  const psql = (name: string): string =>
    `psql "host=127.0.0.1 port=${gatewayPort} dbname=shop user=${name} password=${name}"`;
  const config = join(shownFolder, "sallyport.yaml");
  return `
Sallyport runs in front of a PostgreSQL with a small shop. Paste, in another terminal in this folder:

  ${psql("ana")}

without psql:

  npx --no-install node -e "const c=new(require('pg').Client)('postgres://ana:ana@127.0.0.1:${gatewayPort}/shop');c.connect().then(()=>c.query('select full_name,email,national_id from customers limit 3')).then(r=>console.table(r.rows)).finally(()=>c.end())"

What to try (ana is an analyst, dev an engineer, lea a DBA lead, kim of the privacy team; passwords are the names):

  select full_name, email, national_id from customers limit 3;   -- as ana: masked; as kim: not
  drop table customers;                                          -- nobody does that by hand
  update orders set status = 'sent';                             -- as dev: waits for an approval
${httpToTry(httpPort)}
Approvals are granted in the browser, http://127.0.0.1:${controlPort}/ (as lea), or by:

  SALLYPORT_PASSWORD=lea npm run -s sallyport -- approvals list --user lea --config ${config}
  SALLYPORT_PASSWORD=lea npm run -s sallyport -- approvals approve ID --user lea --config ${config}

${ssh.welcome}
${cluster.welcome}
Who did what, and whether the record is whole:

  npm run -s sallyport -- sessions list --config ${config}
  npm run -s sallyport -- audit verify --config ${config}

Ctrl-C stops everything. The policy: policies/shop
`;
}

mayExit();
const io = processIo();
try {
  process.exitCode = await main(io);
} catch (fault) {
  io.stderr(`sallyport: ${fault instanceof Error ? fault.message : String(fault)}\n`);
  process.exit(fault instanceof UsageError ? EXIT.usage : EXIT.fault);
}
