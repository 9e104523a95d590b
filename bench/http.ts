import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "../cli/demo/embedded-postgres.ts";
import { buildCommand } from "../cli/commands/policy/build.ts";
import { keygenCommand } from "../cli/commands/policy/keygen.ts";
import { processIo } from "../cli/io.ts";
import { formatVerifier, makeVerifier } from "../runtime/credentials/index.ts";
import { children, ready } from "./children.ts";
import { kubernetesPolicy, podList } from "./kubernetes.ts";
import { benchJson } from "./json.ts";
import { compareWays, waitFor, type Way } from "./wrk.ts";

/**
 * HTTP side by side in one run: the same requests directly to nginx, through nginx's proxy_pass, through http-proxy-3 and
 * through Sallyport with a policy of twenty rules, round by round; and a list of pods directly, through a bare Node pipe and
 * through Sallyport. Medians; judge by the ratios.
 *
 *   node bench/http.ts [--rounds N] [--seconds N] [--only json,small,large,memory,kubernetes] [--durability before-forward]
 */
const args = new Map(
  process.argv.slice(2).flatMap((arg, i, all) => (arg.startsWith("--") ? [[arg.slice(2), all[i + 1] ?? ""]] : [])),
);
const ROUNDS = Number(args.get("rounds") ?? 5);
const SECONDS = Number(args.get("seconds") ?? 2);
const DURABILITY = args.get("durability") ?? "before-forward";
const only = (args.get("only") ?? "json,small,large,memory,kubernetes").split(",");

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const say = (text: string): void => void process.stdout.write(`${text}\n`);
const folder = mkdtempSync(join(tmpdir(), "sallyport-bench-http-"));

/** One nginx with the origin and, on another port, a proxy to it. */
async function startNginx(): Promise<{ readonly origin: Way; readonly proxy: Way }> {
  const [originPort, proxyPort] = [await freePort(), await freePort()];
  mkdirSync(join(folder, "www"));
  writeFileSync(join(folder, "www", "small.json"), JSON.stringify({ items: "x".repeat(1000) }));
  mkdirSync(join(folder, "www", "api/v1/namespaces/shop"), { recursive: true });
  writeFileSync(join(folder, "www", "api/v1/namespaces/shop/pods"), podList());
  writeFileSync(join(folder, "www", "large.bin"), Buffer.alloc(1024 * 1024, "x"));
  const config = join(folder, "nginx.conf");
  writeFileSync(
    config,
    `worker_processes 1;\ndaemon off;\nuser root;\npid ${folder}/nginx.pid;\nerror_log ${folder}/error.log;\nevents { worker_connections 2048; }\nhttp {\n  access_log off;\n  keepalive_requests 100000000;\n  types { application/json json; application/octet-stream bin; }\n  client_body_temp_path ${folder}/t1; proxy_temp_path ${folder}/t2; fastcgi_temp_path ${folder}/t3; uwsgi_temp_path ${folder}/t4; scgi_temp_path ${folder}/t5;\n  upstream origin { server 127.0.0.1:${originPort}; keepalive 64; keepalive_requests 100000000; }\n  server { listen 127.0.0.1:${originPort}; root ${folder}/www; location /api/ { default_type application/json; } }\n  server { listen 127.0.0.1:${proxyPort}; location / { proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection ""; } }\n}\n`,
  );
  const program = ["/usr/sbin/nginx", "/usr/bin/nginx"].find(existsSync);
  if (program === undefined) throw new Error("nginx is needed (Debian package nginx-light)");
  const child = spawn(program, ["-c", config, "-p", folder], { stdio: ["ignore", "pipe", "pipe"] });
  children.push(child);
  await waitFor(proxyPort);
  return {
    origin: { name: "direct", port: originPort, child: null },
    proxy: { name: "nginx proxy_pass", port: proxyPort, child },
  };
}

async function startPeer(target: number): Promise<Way> {
  const port = await freePort();
  const child = spawn(process.execPath, [join(root, "bench/http-proxy-peer.ts"), String(port), String(target)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await ready(child, "ready");
  return { name: "http-proxy-3", port, child };
}

const POLICY = `package bench\nallow everything on http\n  when user.groups has "bench"\n${Array.from({ length: 19 }, (_, i) => `deny d${i} on http\n  when request.method == DELETE and request.path starts with "/admin/${i}"\n  because "no"\n`).join("")}`;

async function startPipe(target: number): Promise<Way> {
  const port = await freePort();
  const child = spawn(process.execPath, [join(root, "bench/pipe.ts"), String(port), String(target)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await ready(child, "ready");
  return { name: "node pipe", port, child };
}

/** `more`: what a target of that protocol needs beside its address. */
async function startSallyport(
  name: string,
  target: number,
  policy = POLICY,
  protocol = "http",
  more = "",
): Promise<Way & { readonly header: string }> {
  const own = mkdtempSync(join(folder, "gateway-"));
  writeFileSync(join(own, "bench.policy"), policy);
  const io = { ...processIo(), cwd: own, stdout: () => undefined, stderr: () => undefined };
  keygenCommand(["bundle"], io);
  if ((await buildCommand(["-o", "b.bundle", "--key", "bundle.key", "bench.policy"], io)) !== 0)
    throw new Error("the bench policy does not build");
  const [port, control] = [await freePort(), await freePort()];
  const verifier = formatVerifier(await makeVerifier("bench", randomBytes(16)));
  writeFileSync(
    join(own, "sallyport.yaml"),
    `listen: [{ protocol: ${protocol}, address: "127.0.0.1:${port}", target: bench }]\ntargets: [{ name: bench, protocol: ${protocol}, address: "127.0.0.1:${target}"${more} }]\nusers: [{ name: bench, groups: [bench], scram: "${verifier}" }]\nbundle: { path: b.bundle, keys: [bundle.pub] }\nstate: state\nrecord: { durability: ${DURABILITY} }\ncontrol: { address: "127.0.0.1:${control}" }\n`,
  );
  const child = spawn(
    process.execPath,
    [join(root, "cli/sallyport.ts"), "serve", "--config", join(own, "sallyport.yaml")],
    { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, CLUSTER_TOKEN: "bench" } },
  );
  await ready(child, "listening");
  return {
    name,
    port,
    child,
    header: `${protocol === "http" ? "Sallyport-Authorization" : "Authorization"}: Basic ${Buffer.from("bench:bench").toString("base64")}`,
  };
}

const residentMb = (child: ChildProcess | null): number =>
  child?.pid === undefined
    ? 0
    : Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1] ?? 0) / 1024;

/** A body of 1 GB passes; what the process holds meanwhile. */
async function memory(way: Way, header: string, origin: Way): Promise<void> {
  const size = 1024 ** 3;
  const file = join(folder, "www", "huge.bin");
  spawnSync("truncate", ["-s", String(size), file]);
  const before = residentMb(way.child);
  let peak = before;
  const timer = setInterval(() => (peak = Math.max(peak, residentMb(way.child))), 50);
  const run = (port: number): Promise<number> =>
    new Promise((resolve) => {
      const start = performance.now();
      const curl = spawn(
        "curl",
        ["-sS", "-o", "/dev/null", "-w", "%{size_download}", "-H", header, `http://127.0.0.1:${port}/huge.bin`],
        { stdio: ["ignore", "pipe", "inherit"] },
      );
      let out = "";
      curl.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
      curl.once("exit", () => {
        if (Number(out) !== size) throw new Error(`only ${out} bytes came`);
        resolve(performance.now() - start);
      });
    });
  const direct = await run(origin.port);
  const through = await run(way.port);
  clearInterval(timer);
  say(
    `\n1 GB body: ${(size / through / 1e6).toFixed(2)} GB/s, ${(direct / through).toFixed(2)} x direct; memory before ${before.toFixed(0)} MB, at most ${peak.toFixed(0)} MB`,
  );
}

/** A list of pods, as kubectl asks for it, where no mask applies to it and where one does. */
async function kubernetes(origin: Way): Promise<void> {
  const more = ", tls: { mode: off }, credential: { token: { env: CLUSTER_TOKEN } }";
  const ways = [
    origin,
    await startPipe(origin.port),
    await startSallyport("sallyport", origin.port, kubernetesPolicy(false), "kubernetes", more),
    await startSallyport("sallyport, masked", origin.port, kubernetesPolicy(true), "kubernetes", more),
  ];
  const rounds = { rounds: ROUNDS, seconds: SECONDS, against: ["direct", "node pipe"] };
  for (const connections of [1, 32])
    await compareWays(say, "1 kB of pods", "/api/v1/namespaces/shop/pods", connections, ways, rounds);
}

async function main(): Promise<void> {
  if (only.includes("json")) benchJson(say, ROUNDS);
  if (!only.some((one) => ["small", "large", "memory", "kubernetes"].includes(one))) return;
  const { origin, proxy } = await startNginx();
  say(`Policy of 20 rules, record ${DURABILITY}.`);
  if (only.includes("kubernetes")) await kubernetes(origin);
  if (!only.some((one) => ["small", "large", "memory"].includes(one))) return;
  const peer = await startPeer(origin.port);
  const own = await startSallyport("sallyport", origin.port);
  const ways = [origin, proxy, peer, own].map((way) => ({ ...way, header: own.header }));
  const rounds = { rounds: ROUNDS, seconds: SECONDS, against: ["nginx proxy_pass", "http-proxy-3"] };
  if (only.includes("small")) {
    await compareWays(say, "1 kB of JSON", "/small.json", 1, ways, rounds);
    await compareWays(say, "1 kB of JSON", "/small.json", 32, ways, rounds);
  }
  if (only.includes("large")) {
    await compareWays(say, "1 MB body", "/large.bin", 1, ways, rounds);
    await compareWays(say, "1 MB body", "/large.bin", 32, ways, rounds);
  }
  if (only.includes("memory")) await memory(own, own.header, origin);
}

try {
  await main();
} finally {
  for (const child of children) child.kill();
  rmSync(folder, { recursive: true, force: true });
}
process.exit(0);
