import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { createServer as createSecure, request as askSecure } from "node:https";
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { answerExec } from "../../cli/demo/kubernetes-exec.ts";
import { openSpdy, openSpdyForward } from "../../cli/demo/kubernetes-spdy.ts";
import { FILES, openStreams } from "../support/kubernetes-api.ts";
import { certificates, type Signed } from "../support/certificates.ts";

/** Where `tools/kube-apiserver.sh build` put the programs. */
export const PROGRAMS =
  process.env["KUBE_APISERVER_DIR"] ?? join(import.meta.dirname, "../../.sallyport/kube-apiserver");

export interface Cluster {
  readonly port: number;
  readonly ca: Buffer;
  /** The gateway's client certificate at the API server: it may impersonate, and nothing else. */
  readonly gateway: Signed;
  /** For the gateway's own listener. */
  readonly listener: Signed;
  /** Asks the API server directly, as an administrator. */
  admin(method: string, path: string, body?: unknown): Promise<{ readonly status: number; readonly body: string }>;
  close(): Promise<void>;
}

const ADMIN = "/O=system:masters/CN=admin";
const READY_MS = 120_000;
const AGAIN_MS = 200;

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });

/** A real API server with etcd behind it, and a stand-in for a node's kubelet; on loopback, in a folder of their own. */
export async function startCluster(): Promise<Cluster> {
  const folder = mkdtempSync(join(tmpdir(), "sallyport-cluster-"));
  const pki = certificates(["apiserver", "etcd", "kubelet", "listener", "sallyport", ADMIN]);
  const put = (name: string, bytes: string | Buffer): string => {
    writeFileSync(join(folder, name), bytes, { mode: 0o600 });
    return join(folder, name);
  };
  const pair = (name: string): { readonly certificate: string; readonly key: string } => ({
    certificate: put(`${name}.crt`, pki.of[name]!.certificate),
    key: put(`${name}.key`, pki.of[name]!.key),
  });
  const ca = put("ca.crt", pki.ca);
  const [api, etcd] = [pair("apiserver"), pair("etcd")];
  const account = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const signing = put("account.key", account.privateKey.export({ type: "pkcs8", format: "pem" }));
  const checking = put("account.pub", account.publicKey.export({ type: "spki", format: "pem" }));
  const [etcdPort, port] = [await freePort(), await freePort()];
  const children: ChildProcess[] = [];
  const run = (program: string, args: readonly string[]): void => {
    const log = openSync(join(folder, `${program}.log`), "w");
    children.push(spawn(join(PROGRAMS, "bin", program), [...args], { stdio: ["ignore", log, log] }));
  };
  const kubelet = await startKubelet(pki.of["kubelet"]!, pki.ca);
  mkdirSync(join(folder, "run"));
  const endpoint = `https://127.0.0.1:${etcdPort}`;
  // prettier-ignore
  run("etcd", [
    "--data-dir", join(folder, "etcd"), "--listen-peer-urls", "http://127.0.0.1:0",
    "--listen-client-urls", endpoint, "--advertise-client-urls", endpoint,
    "--cert-file", etcd.certificate, "--key-file", etcd.key, "--client-cert-auth", "--trusted-ca-file", ca,
  ]);
  // prettier-ignore
  run("kube-apiserver", [
    "--bind-address", "127.0.0.1", "--secure-port", String(port), "--advertise-address", "127.0.0.1",
    "--endpoint-reconciler-type", "none", "--etcd-servers", endpoint, "--etcd-cafile", ca,
    "--etcd-certfile", api.certificate, "--etcd-keyfile", api.key,
    "--tls-cert-file", api.certificate, "--tls-private-key-file", api.key, "--cert-dir", join(folder, "run"),
    "--client-ca-file", ca, "--kubelet-certificate-authority", ca,
    "--kubelet-client-certificate", api.certificate, "--kubelet-client-key", api.key,
    "--kubelet-preferred-address-types", "InternalIP", "--service-cluster-ip-range", "10.0.0.0/24",
    "--service-account-issuer", "https://kubernetes.default.svc", "--service-account-key-file", checking,
    "--service-account-signing-key-file", signing, "--authorization-mode", "Node,RBAC", "--anonymous-auth=false",
    "--disable-admission-plugins", "ServiceAccount", "--profiling=false",
  ]);
  const admin: Cluster["admin"] = (method, path, body) =>
    new Promise((resolve, reject) => {
      const { certificate: cert, key } = pki.of[ADMIN]!;
      const headers = { "content-type": method === "PATCH" ? "application/merge-patch+json" : "application/json" };
      const one = askSecure(
        { host: "127.0.0.1", port, path, method, ca: pki.ca, cert, key, headers, agent: false },
        (answer) => {
          let text = "";
          answer.setEncoding("utf8").on("data", (piece: string) => (text += piece));
          answer.on("end", () => resolve({ status: answer.statusCode ?? 0, body: text }));
        },
      );
      one.on("error", reject);
      one.end(body === undefined ? "" : JSON.stringify(body));
    });
  const close = async (): Promise<void> => {
    await Promise.all(
      children.map(
        (child) =>
          new Promise<void>((done) => {
            if (child.exitCode !== null) return done();
            child.on("close", () => done());
            child.kill();
          }),
      ),
    );
    await kubelet.close();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const until = Date.now() + READY_MS;
    for (;;) {
      const ready = await admin("GET", "/api/v1/namespaces/default").catch(() => null);
      if (ready?.status === 200) break;
      if (Date.now() > until || children.some((child) => child.exitCode !== null))
        throw new Error(`it did not start:\n${readFileSync(join(folder, "kube-apiserver.log"), "utf8").slice(-3_000)}`);
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
    await fill(admin, kubelet.port);
  } catch (fault) {
    await close();
    throw fault;
  }
  return { port, ca: pki.ca, gateway: pki.of["sallyport"]!, listener: pki.of["listener"]!, admin, close };
}

/** What the tests need in it: rights, a node with the stand-in, a pod on it, a secret. */
async function fill(admin: Cluster["admin"], kubeletPort: number): Promise<void> {
  const make = async (path: string, object: object): Promise<void> => {
    const made = await admin("POST", path, object);
    if (made.status !== 201) throw new Error(`${path}: ${made.body}`);
  };
  const rbac = "/apis/rbac.authorization.k8s.io/v1";
  const role = (name: string, rules: object[]): Promise<void> =>
    make(`${rbac}/clusterroles`, { metadata: { name }, rules });
  const bind = (name: string, kind: string, subject: string, to: string): Promise<void> =>
    make(`${rbac}/clusterrolebindings`, {
      metadata: { name },
      subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind, name: subject }],
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: to },
    });
  await role("sallyport", [
    { apiGroups: [""], resources: ["users", "groups"], verbs: ["impersonate"] },
    {
      apiGroups: ["authentication.k8s.io"],
      resources: ["userextras/sallyport-session", "userextras/sallyport-decision"],
      verbs: ["impersonate"],
    },
  ]);
  await bind("sallyport", "User", "sallyport", "sallyport");
  await bind("engineers", "Group", "engineer", "cluster-admin");
  await make("/api/v1/namespaces", { metadata: { name: "shop" } });
  await make("/api/v1/nodes", { metadata: { name: "node-1" } });
  const status = {
    status: {
      addresses: [{ type: "InternalIP", address: "127.0.0.1" }],
      daemonEndpoints: { kubeletEndpoint: { Port: kubeletPort } },
    },
  };
  const patched = await admin("PATCH", "/api/v1/nodes/node-1/status", status);
  if (patched.status !== 200) throw new Error(patched.body);
  await make("/api/v1/namespaces/shop/pods", {
    metadata: { name: "web-0" },
    spec: { nodeName: "node-1", containers: [{ name: "main", image: "registry.example/shop:1.4" }] },
  });
  // kubectl forwards ports of pods that run only; no node says so here.
  const running = await admin("PATCH", "/api/v1/namespaces/shop/pods/web-0/status", { status: { phase: "Running" } });
  if (running.status !== 200) throw new Error(running.body);
  await make("/api/v1/namespaces/shop/secrets", {
    metadata: { name: "db" },
    stringData: { password: "hunter2-winter" },
  });
}

/** A kubelet as far as exec and logs go. */
function startKubelet(own: Signed, ca: Buffer): Promise<{ readonly port: number; close(): Promise<void> }> {
  const server = createSecure(
    { cert: own.certificate, key: own.key, ca, requestCert: true, rejectUnauthorized: true },
    (request, response) => {
      if ((request.url ?? "").startsWith("/containerLogs/shop/web-0/main"))
        return void response.end("started\norder 17 for klara.eder@example.com\n");
      response.writeHead(400).end("no");
    },
  );
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  server.on("upgrade", (request, socket, head) => {
    const { pathname, searchParams } = new URL(request.url ?? "", "https://node");
    const spdy = request.headers.upgrade?.toLowerCase() === "spdy/3.1";
    if (pathname.startsWith("/portForward/shop/web-0") && spdy)
      return openSpdyForward(request, socket as Socket, head, (port) => `web-0:${port}\n`);
    if (!pathname.startsWith("/exec/shop/web-0/"))
      return void socket.end("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
    (spdy ? openSpdy : openStreams)(request, socket as Socket, head, (streams) =>
      answerExec(streams, searchParams.getAll("command"), "web-0", FILES),
    );
  });
  return new Promise((resolve) =>
    server.listen(0, "127.0.0.1", () =>
      resolve({
        port: (server.address() as AddressInfo).port,
        close: () =>
          new Promise((done) => {
            server.close(() => done());
            for (const socket of sockets) socket.destroy();
          }),
      }),
    ),
  );
}

/** Why there is no API server here, or null. */
export function missing(): string | null {
  const script = join(import.meta.dirname, "../../tools/kube-apiserver.sh");
  const checked = spawnSync(join(PROGRAMS, "bin/kube-apiserver"), ["--version"], { encoding: "utf8" });
  if (checked.status === 0) return null;
  return `there is no kube-apiserver in ${PROGRAMS}; ${script} build ${PROGRAMS} makes one`;
}
