import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { request as askSecure } from "node:https";
import type { IncomingMessage, ServerResponse } from "node:http";
import { PassThrough } from "node:stream";
import type { Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { join } from "node:path";
import { Exec, KubeConfig, CoreV1Api, Watch } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { KubernetesApi } from "../../cli/demo/kubernetes-api.ts";
import { startTestApi } from "../support/kubernetes-api.ts";
import { certificates } from "../support/certificates.ts";
import { startHttpGateway, type HttpTestGateway } from "../support/http-gateway.ts";
import { writeKubeconfigs } from "../support/kubeconfig.ts";
import { inPath, runProgram, type Ran } from "../support/programs.ts";
import { afterTheirEnd, readLog } from "../support/read-log.ts";

const POLICY = `package kubernetes_tests
allow engineers on kubernetes
  when user.groups has "engineer"
allow analysts_read on kubernetes
  when user.groups has "analyst" and request.verb in [get, list, watch]
deny production_pods on kubernetes
  when request.verb == delete and request.namespace == "production"
  because "Pods in production are not deleted by hand."
deny privileged on kubernetes
  when object.privileged
  because "No privileged containers."
approve production_exec on kubernetes
  when request.subresource in ["exec", "attach"] and request.namespace == "production"
  by group "dba-leads" quorum 1 within 5m valid once
  because "A shell in production."
mask secret_values on kubernetes
  fields "$.data.*"
  with redact
  when request.resource == "secrets"
mask found on kubernetes
  values detect [email]
  with redact
  when request.subresource in ["exec", "log"]
`;
const TOKENS = { dev: "spt_dev-token", ana: "spt_ana-token", evil: "spt_evil-token" };
const GROUPS = { dev: "engineer", ana: "analyst", evil: '"system:masters"' };
const sha = (text: string): string => createHash("sha256").update(text).digest("hex");
const PASSWORD = Buffer.from("hunter2-winter").toString("base64");

let api: KubernetesApi;
let gateway: HttpTestGateway;
let ca: Buffer;
let instead: ((request: IncomingMessage, response: ServerResponse) => boolean) | null = null;
let upgrade: ((request: IncomingMessage, socket: Socket) => boolean) | null = null;

beforeAll(async () => {
  const pki = certificates(["gateway", "api", "sallyport"]);
  ca = pki.ca;
  api = await startTestApi({
    tls: pki.of["api"]!,
    instead: (request, response) => instead?.(request, response) === true,
    upgrade: (request, socket) => upgrade?.(request, socket) === true,
  });
  const tokens = Object.entries(TOKENS)
    .map(
      ([name, token]) =>
        `    - { name: ${name}, groups: [${GROUPS[name as keyof typeof GROUPS]}], sha256: ${sha(token)}, expires: 2099-01-01 }\n`,
    )
    .join("");
  gateway = await startHttpGateway({
    policy: POLICY,
    listen: `{ protocol: kubernetes, address: "127.0.0.1:0", target: cluster, tls: { certificate: gateway.crt, key: gateway.key } }`,
    targets: `  - { name: cluster, protocol: kubernetes, address: "127.0.0.1:${api.port}", labels: { env: production }, tls: { ca: ca.crt }, credential: { token: { env: SA_TOKEN } } }`,
    config: `http:\n  holdMs: 20000\n  serviceTokens:\n${tokens}`,
    env: { SA_TOKEN: "service-account-token" },
    files: { "ca.crt": pki.ca, "gateway.crt": pki.of["gateway"]!.certificate, "gateway.key": pki.of["gateway"]!.key },
  });
  await writeKubeconfigs(gateway.folder, url(), TOKENS);
});
afterAll(async () => {
  await gateway.close();
  await api.close();
});

const url = (): string => `https://127.0.0.1:${gateway.port}`;
const kubectl = (user: string, ...args: readonly string[]): Promise<Ran> =>
  runProgram("kubectl", [
    "--kubeconfig",
    join(gateway.folder, `${user}.kubeconfig`),
    "--cache-dir",
    join(gateway.folder, "cache"),
    ...args,
  ]);
const last = (part: string): KubernetesApi["seen"][number] => api.seen.filter((one) => one.url.includes(part)).at(-1)!;

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}
const ask = (
  user: keyof typeof TOKENS,
  path: string,
  headers: Readonly<Record<string, string | string[]>> = {},
  method = "GET",
  body = "",
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const one = askSecure(
      {
        host: "127.0.0.1",
        port: gateway.port,
        ca,
        path,
        method,
        headers: { authorization: `Bearer ${TOKENS[user]}`, ...headers },
        agent: false,
      },
      (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (piece: string) => (text += piece));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
        response.on("error", reject);
      },
    );
    one.on("error", reject);
    one.end(body);
  });
const raw = (bytes: string, until: (text: string) => boolean): Promise<string> =>
  new Promise((resolve) => {
    const socket = connectTls({ host: "127.0.0.1", port: gateway.port, ca }, () => socket.write(bytes));
    let text = "";
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
      if (until(text)) socket.destroy();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(text));
  });

function config(user: keyof typeof TOKENS): KubeConfig {
  const made = new KubeConfig();
  made.loadFromOptions({
    clusters: [{ name: "c", server: url(), caData: ca.toString("base64") }],
    users: [{ name: "u", token: TOKENS[user] }],
    contexts: [{ name: "x", cluster: "c", user: "u" }],
    currentContext: "x",
  });
  return made;
}

/** Runs a command by client-node over WebSocket. */
function exec(
  user: keyof typeof TOKENS,
  namespace: string,
  pod: string,
  command: readonly string[],
  input?: string,
): Promise<{ out: string; err: string; status: string }> {
  return new Promise((resolve, reject) => {
    const [out, err] = [new PassThrough(), new PassThrough()];
    let [stdout, stderr] = ["", ""];
    out.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    err.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    const stdin = input === undefined ? null : new PassThrough();
    new Exec(config(user))
      .exec(namespace, pod, "main", [...command], out, err, stdin, false, (status) =>
        resolve({ out: stdout, err: stderr, status: status.status ?? "" }),
      )
      .then(() => stdin?.end(input), reject);
  });
}

describe.skipIf(!inPath("kubectl"))("kubectl", () => {
  it("gets, as who they are, with the gateway's own account in front", async () => {
    const ran = await kubectl("dev", "get", "pods", "-n", "shop");
    expect(ran.out).toMatch(/NAME\s+STATUS\s+NODE\nweb-0\s+Running\s+node-1/);
    const { headers } = last("/pods");
    expect(headers["authorization"]).toBe("Bearer service-account-token");
    expect(headers["impersonate-user"]).toBe("dev");
    expect(headers["impersonate-group"]).toBe("engineer");
    expect(headers["impersonate-extra-sallyport-session"]).toMatch(/^[0-9a-z]{20,}$/);
    expect(JSON.stringify(headers)).not.toContain(TOKENS.dev);
  });

  it("shows a refusal with the rule's reason, and exits with 1", async () => {
    const ran = await kubectl("dev", "delete", "pod", "orders-0", "-n", "production");
    expect(ran.stderr).toMatch(/Forbidden.*Pods in production are not deleted by hand/);
    expect(ran.status).toBe(1);
    expect((await kubectl("dev", "get", "pod", "orders-0", "-n", "production", "-o", "name")).stdout).toBe(
      "pod/orders-0\n",
    );
  });

  it("secrets: masked in yaml, json and tables; what was last applied too", async () => {
    for (const format of [["-o", "yaml"], ["-o", "json"], ["-o", "wide"], [], ["-o", "jsonpath={.data.password}"]]) {
      const ran = await kubectl("dev", "get", "secret", "db", "-n", "shop", ...format);
      expect(ran.status).toBe(0);
      expect(ran.out).not.toContain(PASSWORD);
    }
    expect((await kubectl("dev", "get", "secret", "db", "-n", "shop")).stdout).toMatch(/db\s+Opaque\s+2/);
    const described = await kubectl("dev", "describe", "secret", "db", "-n", "shop");
    expect(described.out).toMatch(/password:\s+3 bytes/);
  });

  it("a patch answers masked, and is kept as it was sent", async () => {
    const patch = JSON.stringify({ metadata: { labels: { team: "a" } } });
    const ran = await kubectl(
      "dev",
      "patch",
      "secret",
      "db",
      "-n",
      "shop",
      "--type",
      "merge",
      "-p",
      patch,
      "-o",
      "yaml",
    );
    expect(ran.out).toContain("team: a");
    expect(ran.out).not.toContain(PASSWORD);
    expect(last("/secrets/db").body).toBe(patch);
  });

  it("a token that can't be used is told by the plugin, and an unknown one by the gateway", async () => {
    writeFileSync(join(gateway.folder, "ana.token"), "spt_unknown");
    const ran = await kubectl("ana", "get", "pods", "-n", "shop");
    writeFileSync(join(gateway.folder, "ana.token"), TOKENS.ana);
    expect(ran.stderr).toMatch(/service token is not known|provide credentials|Unauthorized/);
    expect(ran.status).toBe(1);
  });

  it("exec waits for approval without an error of the client's, then runs", async () => {
    const running = kubectl("dev", "exec", "-n", "production", "orders-0", "--", "echo", "all", "good");
    const approval = await waitForApproval();
    await gateway.running.gateway.approvals.approve(approval, { name: "lea", groups: ["dba-leads"] }, null);
    const ran = await running;
    expect(ran.out).toContain("all good\n");
    expect(ran.status).toBe(0);
  });

  it("exec: output, exit code, and a recording that holds what was seen", async () => {
    const ran = await kubectl("dev", "exec", "-n", "shop", "web-0", "--", "cat", "/app/customers.csv");
    expect(ran.stdout).toContain("1,***\n2,***\n");
    expect(ran.stdout).not.toContain("example.com");
    const failed = await kubectl("dev", "exec", "-n", "shop", "web-0", "--", "nosuch");
    expect(failed.stderr).toContain("nosuch: not found");
    expect(failed.status).toBe(127);
    const casts = readdirSync(join(gateway.folder, "state/recordings")).sort();
    const texts = casts.map((name) => readFileSync(join(gateway.folder, "state/recordings", name), "utf8"));
    const cast = texts.find((text) => text.includes("customers.csv"))!;
    expect(JSON.parse(cast.split("\n")[0]!)).toMatchObject({ version: 3, term: { cols: 80, rows: 24 } });
    expect(cast).toContain("1,***");
    expect(cast).not.toContain("example.com");
    expect(texts.find((text) => text.includes("nosuch"))).toMatch(/"x", "127"\]\n$/);
  });

  it("input goes through, and logs come masked", async () => {
    const shell = await runProgram(
      "kubectl",
      ["--kubeconfig", join(gateway.folder, "dev.kubeconfig"), "exec", "-i", "-n", "shop", "web-0", "--", "sh"],
      { input: "hostname\nexit 3\n" },
    );
    expect(shell.stdout).toContain("web-0\n");
    expect(shell.status).toBe(3);
    const logs = await kubectl("dev", "logs", "web-0", "-n", "shop");
    expect(logs.stdout).toContain("listening on 8080\norder 17 for ***");
  });
});

async function waitForApproval(): Promise<string> {
  for (;;) {
    const [one] = gateway.running.gateway.approvals.list("pending");
    if (one !== undefined) return one.id;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe("@kubernetes/client-node", () => {
  it("lists, reads secrets masked in a form that it decodes, and watches", async () => {
    const core = config("ana").makeApiClient(CoreV1Api);
    const pods = await core.listNamespacedPod({ namespace: "shop" });
    expect(pods.items.map((pod) => pod.metadata?.name)).toEqual(["web-0"]);
    const secret = await core.readNamespacedSecret({ namespace: "shop", name: "db" });
    expect(Buffer.from(secret.data!["password"]!, "base64").toString()).toBe("***");
    const seen: string[] = [];
    await new Promise<void>((resolve, reject) => {
      new Watch(config("ana"))
        .watch(
          "/api/v1/namespaces/shop/secrets",
          {},
          (type, object: { data: Record<string, string> }) => {
            seen.push(type, object.data["password"]!);
            controller.then((one) => one.abort(), reject);
          },
          () => resolve(),
        )
        .then(made, reject);
    });
    expect(seen).toEqual(["ADDED", Buffer.from("***").toString("base64")]);
  });
  let made: (one: AbortController) => void = () => undefined;
  const controller = new Promise<AbortController>((resolve) => (made = resolve));

  it("a refusal is an ApiException with the reason", async () => {
    const core = config("ana").makeApiClient(CoreV1Api);
    await expect(core.deleteNamespacedPod({ namespace: "shop", name: "web-0" })).rejects.toThrow(
      /No rule of kubernetes_tests allows delete pods for ana on cluster/,
    );
  });

  it("execs over WebSocket", async () => {
    const ran = await exec("dev", "shop", "web-0", ["echo", "hello"]);
    expect(ran).toEqual({ out: "hello\n", err: "", status: "Success" });
  });
});

describe("requests that must not pass", () => {
  it("CVE-2026-63329: impersonation of a client's own is stripped on every path, in any case or spelling", async () => {
    const claims = {
      "Impersonate-User": "root",
      "impersonate-group": ["system:masters", "b"],
      "IMPERSONATE-UID": "0",
      Impersonate_User: "root",
      "Impersonate-Extra-Scopes": "all",
      "X-Remote-User": "root",
      "X-Remote-Group": "system:masters",
    };
    await ask("ana", "/api/v1/namespaces/shop/pods", claims);
    await raw(
      `GET /api/v1/namespaces/shop/pods/web-0/exec?command=id&stdout=1 HTTP/1.1\r\nHost: k\r\nAuthorization: Bearer ${TOKENS.dev}\r\nImpersonate-User: root\r\nImpersonate-Group: system:masters\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: v4.channel.k8s.io\r\n\r\n`,
      (text) => text.includes("uid=1000"),
    );
    for (const one of [last("/namespaces/shop/pods"), last("/exec")]) {
      const text = JSON.stringify(one.headers);
      expect(text).not.toMatch(/root|system:masters|scopes|impersonate-uid/i);
      expect(one.headers["impersonate-user"]).toMatch(/^(ana|dev)$/);
    }
  });

  it("a directory's group with a name of the cluster's own is nobody's", async () => {
    await gateway.policy(`${POLICY}\nallow all_of_them on kubernetes\n  when user.name == "evil"\n`);
    const answer = await ask("evil", "/api/v1/namespaces/shop/pods");
    await gateway.policy(POLICY);
    expect(answer.status).toBe(403);
    expect(answer.body).toMatch(/system:masters.*cluster's own/);
  });

  it("without a credential, or with one in the clear of another kind, nothing passes", async () => {
    const count = api.seen.length;
    expect((await ask("dev", "/api/v1/pods", { authorization: "" })).status).toBe(401);
    expect((await ask("dev", "/api/v1/pods", { authorization: "Bearer nobody" })).status).toBe(401);
    expect((await ask("dev", "/api/v1/pods", { "sallyport-authorization": "Bearer x" })).status).toBe(401);
    expect(api.seen.length).toBe(count);
  });

  it.each([
    "/api/v1/namespaces/shop/pods/web-0/proxy/x",
    "/api/v1/namespaces/shop/services/s/proxy/",
    "/api/v1/nodes/n/proxy/run",
  ])("%s is refused by default, though a rule allows all", async (path) => {
    const count = api.seen.length;
    const answer = await ask("dev", path);
    expect(answer.status).toBe(path.endsWith("/") ? 400 : 403);
    expect(JSON.parse(answer.body)).toMatchObject({ kind: "Status", status: "Failure" });
    expect(api.seen.length).toBe(count);
  });

  it("a Status for what is no request of the API, too", async () => {
    const answer = await ask("dev", "/api/v1/namespaces/a%2fb/pods");
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body)).toMatchObject({ kind: "Status", code: 400, reason: "BadRequest" });
  });

  it("a privileged pod, and a body that could be read in two ways", async () => {
    const type = { "content-type": "application/json" };
    const pod = (container: object): string =>
      JSON.stringify({ kind: "Pod", metadata: { name: "x" }, spec: { containers: [container] } });
    const path = "/api/v1/namespaces/shop/pods";
    const bad = await ask("dev", path, type, "POST", pod({ image: "a", securityContext: { privileged: true } }));
    expect(bad.body).toContain("No privileged containers.");
    const twice = await ask("dev", path, type, "POST", '{"spec":{"containers":[]},"spec":{"hostNetwork":true}}');
    expect(twice.status).toBe(400);
    expect((await ask("dev", path, type, "POST", pod({ image: "a" }))).status).toBe(201);
  });

  it("a JSON patch or a selector that would tell a masked value", async () => {
    const type = { "content-type": "application/json-patch+json" };
    const test = await ask(
      "dev",
      "/api/v1/namespaces/shop/secrets/db",
      type,
      "PATCH",
      '[{"op":"test","path":"/data/password","value":"x"}]',
    );
    expect(test.status).toBe(403);
    expect(test.body).toContain("would tell the value");
  });

  it("protobuf is negotiated away, and not shown when it comes anyway", async () => {
    await ask("dev", "/api/v1/namespaces/shop/secrets", {
      accept: "application/vnd.kubernetes.protobuf, application/json",
    });
    expect(last("/secrets").headers.accept).toBe("application/json");
    instead = (_request, response) => {
      response.setHeader("content-type", "application/vnd.kubernetes.protobuf");
      response.end(Buffer.from(`k8s\0${PASSWORD}`));
      return true;
    };
    const answer = await ask("dev", "/api/v1/namespaces/shop/secrets");
    instead = null;
    expect(answer.status).toBe(403);
    expect(answer.body).not.toContain(PASSWORD);
    expect(JSON.parse(answer.body)).toMatchObject({ kind: "Status" });
  });
});

const EXEC = "/api/v1/namespaces/shop/pods/web-0/exec?command=id&stdout=1";
const upgradeTo = (what: string, method: string, more = "", path = EXEC): string =>
  `${method} ${path} HTTP/1.1\r\nHost: k\r\nAuthorization: Bearer ${TOKENS.dev}\r\nConnection: Upgrade\r\nUpgrade: ${what}\r\n${more}\r\n`;
const SOCKET =
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: v4.channel.k8s.io\r\n";
const FORWARDS = "X-Stream-Protocol-Version: portforward.k8s.io\r\nContent-Length: 0\r\n";
const FORWARD = "/api/v1/namespaces/shop/pods/web-0/portforward?ports=80";

describe("streams", () => {
  it("CVE-2018-1002105: an answer that is not 101 leaves no tunnel", async () => {
    upgrade = (_request, socket) => {
      socket.write("HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno");
      return true;
    };
    const count = api.seen.length;
    const smuggled =
      "GET /api/v1/namespaces/shop/secrets HTTP/1.1\r\nHost: k\r\nAuthorization: Bearer service-account-token\r\n\r\n";
    const text = await raw(upgradeTo("SPDY/3.1", "POST", FORWARDS, FORWARD) + smuggled, (got) => got.includes("401"));
    upgrade = null;
    // Nor is that connection used again: the target may still take it for a tunnel.
    expect(
      (
        await ask(
          "dev",
          "/api/v1/namespaces/shop/pods",
          { "content-type": "application/json" },
          "POST",
          '{"kind":"Pod","metadata":{"name":"y"}}',
        )
      ).status,
    ).toBe(201);
    // What follows is read as a request of its own, with its own sign-in.
    expect(text).toMatch(/^HTTP\/1\.1 403 [\s\S]*HTTP\/1\.1 401 /);
    expect(api.seen.length).toBe(count + 2);
  });

  it("CVE-2020-8559: a redirect of a stream is not passed on", async () => {
    upgrade = (_request, socket) => {
      socket.end("HTTP/1.1 302 Found\r\nlocation: https://evil.example/\r\ncontent-length: 0\r\n\r\n");
      return true;
    };
    const text = await raw(upgradeTo("websocket", "GET", SOCKET), (got) => got.includes("not redirected"));
    upgrade = null;
    expect(text).toMatch(/^HTTP\/1\.1 502/);
    expect(text).not.toContain("evil.example");
  });

  it("a 101 that nobody asked for, or to another protocol, or with the wrong key, is no tunnel", async () => {
    for (const [asked, answer] of [
      [upgradeTo("websocket", "GET", SOCKET), "HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n"],
      [
        upgradeTo("websocket", "GET", SOCKET),
        "HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: AAAA\r\n\r\n",
      ],
      [
        upgradeTo("SPDY/3.1", "POST", FORWARDS, FORWARD),
        "HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
      ],
      [
        upgradeTo("SPDY/3.1", "POST", FORWARDS, FORWARD),
        "HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\n",
      ],
    ] as const) {
      upgrade = (_request, socket) => {
        socket.write(answer);
        return true;
      };
      expect(await raw(asked, (got) => got.includes("502"))).toMatch(/^HTTP\/1\.1 502/);
    }
    upgrade = null;
  });

  it("exec by a protocol of channels that is not read here is refused", async () => {
    const text = await raw(upgradeTo("websocket", "GET", SOCKET.replace("v4.channel", "base64.channel")), (got) =>
      got.includes("}\n"),
    );
    expect(text).toMatch(/^HTTP\/1\.1 403 [\s\S]*v5\.channel\.k8s\.io or v4/);
    for (const [offered, path] of [
      ["", EXEC],
      ["X-Stream-Protocol-Version: channel.k8s.io\r\n", EXEC],
      ["X-Stream-Protocol-Version: v4.channel.k8s.io\r\n", FORWARD],
    ] as const) {
      const over = upgradeTo("SPDY/3.1", "POST", `${offered}Content-Length: 0\r\n`, path);
      expect(await raw(over, (got) => got.includes("}\n"))).toMatch(/^HTTP\/1\.1 403 [\s\S]*over SPDY is taken as/);
    }
  });

  it("fuzz: bytes that are no frames end the stream, and the gateway goes on", async () => {
    for (const junk of ["\xff\xff\xff", "\x82\x05hello", "\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff"]) {
      upgrade = (request, socket) => {
        const key = createHash("sha1")
          .update(`${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
          .digest("base64");
        socket.write(
          `HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${key}\r\nSec-WebSocket-Protocol: v4.channel.k8s.io\r\n\r\n`,
        );
        socket.write(Buffer.from(junk, "latin1"));
        return true;
      };
      expect(await raw(upgradeTo("websocket", "GET", SOCKET), () => false)).toMatch(/^HTTP\/1\.1 101/);
    }
    upgrade = null;
    expect((await exec("dev", "shop", "web-0", ["hostname"])).out).toBe("web-0\n");
  });
});

describe("the record", () => {
  it("has requests with their decisions, no secret's values, and the recordings", async () => {
    await ask(
      "dev",
      "/api/v1/namespaces/shop/secrets",
      { "content-type": "application/json" },
      "POST",
      JSON.stringify({ kind: "Secret", metadata: { name: "new" }, data: { k: "c2VjcmV0LXZhbHVl" } }),
    );
    await exec("dev", "shop", "web-0", ["echo", "recorded"]);
    const entries = await readLog(join(gateway.folder, "state", "log"));
    expect(afterTheirEnd(entries)).toEqual([]);
    const log = JSON.stringify(entries);
    expect(log).toContain("list pods");
    expect(log).toContain("create pods/exec");
    expect(log).toContain('"asciicast-v3"');
    for (const secret of [PASSWORD, "c2VjcmV0LXZhbHVl", TOKENS.dev, "service-account-token"])
      expect(log).not.toContain(secret);
  });
});
