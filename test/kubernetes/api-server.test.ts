import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { CoreV1Api, Exec, KubeConfig } from "@kubernetes/client-node";
import { PassThrough } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startHttpGateway, type HttpTestGateway } from "../support/http-gateway.ts";
import { startForward } from "../support/port-forward.ts";
import { writeKubeconfigs } from "../support/kubeconfig.ts";
import { inPath, runProgram, type Ran } from "../support/programs.ts";
import { missing, startCluster, type Cluster } from "./cluster.ts";

const why = missing();
if (why !== null) console.warn(`SKIPPED: Kubernetes against a real API server: ${why}`);

const TOKENS = { dev: "spt_dev", ana: "spt_ana" };
const POLICY = `package real_cluster
allow everybody on kubernetes
deny production on kubernetes
  when request.verb == delete and request.resource == "pods"
  because "Pods are not deleted by hand."
mask secret_values on kubernetes
  fields "$.data.*", "$.stringData.*"
  with redact
  when request.resource == "secrets"
mask found on kubernetes
  values detect [email]
  with redact
  when request.subresource in ["exec", "log"]
`;
/** kubectl speaks SPDY/3.1 when it is told not to speak WebSocket. */
const OLD = { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: "false", KUBECTL_PORT_FORWARD_WEBSOCKETS: "false" };
const PASSWORD = Buffer.from("hunter2-winter").toString("base64");

describe.skipIf(why !== null || !inPath("kubectl"))("a real API server", () => {
  let cluster: Cluster;
  let gateway: HttpTestGateway;
  const url = (): string => `https://127.0.0.1:${gateway.port}`;
  const kubectl = (user: keyof typeof TOKENS, args: readonly string[], input = "", env = {}): Promise<Ran> =>
    runProgram(
      "kubectl",
      [
        "--kubeconfig",
        join(gateway.folder, `${user}.kubeconfig`),
        "--cache-dir",
        join(gateway.folder, "cache"),
        ...args,
      ],
      { input, env },
    );

  beforeAll(async () => {
    cluster = await startCluster();
    const tokens = Object.entries(TOKENS)
      .map(
        ([name, token]) =>
          `    - { name: ${name}, groups: [${name === "dev" ? "engineer" : "analyst"}], sha256: ${createHash("sha256").update(token).digest("hex")}, expires: 2099-01-01 }\n`,
      )
      .join("");
    gateway = await startHttpGateway({
      policy: POLICY,
      listen: `{ protocol: kubernetes, address: "127.0.0.1:0", target: cluster, tls: { certificate: gateway.crt, key: gateway.key } }`,
      targets: `  - { name: cluster, protocol: kubernetes, address: "127.0.0.1:${cluster.port}", tls: { ca: ca.crt }, credential: { certificate: own.crt, key: own.key } }`,
      config: `http:\n  serviceTokens:\n${tokens}`,
      files: {
        "ca.crt": cluster.ca,
        "gateway.crt": cluster.listener.certificate,
        "gateway.key": cluster.listener.key,
        "own.crt": cluster.gateway.certificate,
        "own.key": cluster.gateway.key,
      },
    });
    await writeKubeconfigs(gateway.folder, url(), TOKENS);
  });
  afterAll(async () => {
    await gateway?.close();
    await cluster?.close();
  });

  it("the cluster sees the person, their groups and the session, and its own rights hold", async () => {
    const who = await kubectl("dev", ["auth", "can-i", "create", "pods"]);
    expect(who.stdout).toBe("yes\n");
    const none = await kubectl("ana", ["get", "pods", "-n", "shop"]);
    expect(none.stderr).toMatch(/User "ana" cannot list resource "pods"/);
    const asked = await kubectl("ana", ["get", "pods", "-n", "shop", "--as", "root", "--as-group", "system:masters"]);
    expect(asked.stderr).toMatch(/User "ana" cannot list/);
  });

  it("objects, tables, apply on both sides, patches, dry runs", async () => {
    expect((await kubectl("dev", ["get", "pods", "-n", "shop"])).stdout).toMatch(/NAME\s+READY\s+STATUS.*\nweb-0/);
    const map = JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "m" }, data: { a: "1" } });
    for (const args of [
      ["apply", "-f", "-"],
      ["apply", "--server-side", "-f", "-"],
      ["apply", "--dry-run=server", "-f", "-"],
    ])
      expect((await kubectl("dev", [...args, "-n", "shop"], map)).out).toMatch(/configmap\/m /);
    const label = await kubectl("dev", ["label", "configmap", "m", "team=a", "-n", "shop"]);
    expect(label.stdout).toContain("configmap/m labeled");
    expect((await kubectl("dev", ["delete", "configmap", "m", "-n", "shop"])).stdout).toContain("deleted");
  });

  it("secrets are masked in every form that kubectl asks for", async () => {
    for (const format of [["-o", "yaml"], ["-o", "json"], ["-o", "wide"], [], ["-o", "jsonpath={.data}"]]) {
      const ran = await kubectl("dev", ["get", "secrets", "-n", "shop", ...format]);
      expect(ran.status).toBe(0);
      expect(ran.out).not.toContain(PASSWORD);
    }
    const patched = await kubectl("dev", [
      "patch",
      "secret",
      "db",
      "-n",
      "shop",
      "--type",
      "merge",
      "-p",
      '{"metadata":{"labels":{"a":"b"}}}',
      "-o",
      "yaml",
    ]);
    expect(patched.out).toContain("a: b");
    expect(patched.out).not.toContain(PASSWORD);
    const stored = await cluster.admin("GET", "/api/v1/namespaces/shop/secrets/db");
    expect(stored.body).toContain(PASSWORD);
  });

  it("a refusal is the gateway's, and the pod stays", async () => {
    const ran = await kubectl("dev", ["delete", "pod", "web-0", "-n", "shop"]);
    expect(ran.stderr).toMatch(/Pods are not deleted by hand/);
    expect((await cluster.admin("GET", "/api/v1/namespaces/shop/pods/web-0")).status).toBe(200);
  });

  it("kubectl exec and logs reach the node, masked and recorded", async () => {
    const ran = await kubectl("dev", ["exec", "-n", "shop", "web-0", "--", "cat", "/app/customers.csv"]);
    expect(ran.out).toContain("1,***\n2,***\n");
    expect(ran.status).toBe(0);
    expect((await kubectl("dev", ["exec", "-n", "shop", "web-0", "--", "false"])).status).toBe(1);
    expect((await kubectl("dev", ["logs", "web-0", "-n", "shop"])).stdout).toContain("order 17 for ***");
    const folder = join(gateway.folder, "state/recordings");
    expect(
      readdirSync(folder)
        .map((name) => readFileSync(join(folder, name), "utf8"))
        .join(""),
    ).toContain("1,***");
  });

  it("kubectl exec, input and port-forward over SPDY/3.1", async () => {
    const ran = await kubectl("dev", ["exec", "-n", "shop", "web-0", "--", "cat", "/app/customers.csv"], "", OLD);
    expect([ran.stdout, ran.status]).toEqual(["id,email\n1,***\n2,***\n", 0]);
    expect((await kubectl("dev", ["exec", "-n", "shop", "web-0", "--", "false"], "", OLD)).status).toBe(1);
    const shell = await kubectl("dev", ["exec", "-i", "-n", "shop", "web-0", "--", "sh"], "hostname\nexit 3\n", OLD);
    expect([shell.stdout, shell.status]).toEqual(["web-0\n", 3]);
    const forward = await startForward(
      ["--kubeconfig", join(gateway.folder, "dev.kubeconfig"), "port-forward", "-n", "shop", "pod/web-0", ":8080"],
      OLD,
    );
    expect(await Promise.all([forward.get(), forward.get()])).toEqual(["web-0:8080\n", "web-0:8080\n"]);
    await forward.close();
  });

  it("client-node: lists, reads masked secrets, execs", async () => {
    const config = new KubeConfig();
    config.loadFromOptions({
      clusters: [{ name: "c", server: url(), caData: cluster.ca.toString("base64") }],
      users: [{ name: "u", token: TOKENS.dev }],
      contexts: [{ name: "x", cluster: "c", user: "u" }],
      currentContext: "x",
    });
    const core = config.makeApiClient(CoreV1Api);
    const secret = await core.readNamespacedSecret({ namespace: "shop", name: "db" });
    expect(secret.data).toEqual({ password: Buffer.from("***").toString("base64") });
    const out = new PassThrough();
    let text = "";
    out.on("data", (chunk: Buffer) => (text += chunk.toString()));
    await new Promise<void>((resolve, reject) => {
      new Exec(config)
        .exec("shop", "web-0", "main", ["hostname"], out, new PassThrough(), null, false, () => resolve())
        .catch(reject);
    });
    expect(text).toBe("web-0\n");
  });
});
