import { createServer as createPlain, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createSecure } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { WebSocketServer } from "ws";
import { answerExec } from "./kubernetes-exec.ts";

/** A request as it came, for whoever wants to see what the gateway sent. */
export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

export interface KubernetesApi {
  readonly port: number;
  readonly seen: readonly SeenRequest[];
  close(): Promise<void>;
}

export interface KubernetesApiOptions {
  /** Certificate and key in PEM; null: plain HTTP. */
  readonly tls: { readonly certificate: string | Buffer; readonly key: string | Buffer } | null;
  readonly port?: number;
  /** Answers in place of the API; false: go on. */
  readonly instead?: (request: IncomingMessage, response: ServerResponse) => boolean;
  /** Takes an upgrade that is not WebSocket, or any; false: go on. */
  readonly upgrade?: (request: IncomingMessage, socket: Socket) => boolean;
}

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
interface Stored {
  readonly resource: string;
  readonly object: { [key: string]: Json };
  readonly metadata: { [key: string]: Json };
}

const KINDS: Readonly<Record<string, string>> = {
  namespaces: "Namespace",
  pods: "Pod",
  secrets: "Secret",
  configmaps: "ConfigMap",
};
const VERBS = ["create", "delete", "get", "list", "patch", "update", "watch"];
const base64 = (text: string): string => Buffer.from(text).toString("base64");

/**
 * An API of the shape of Kubernetes', with a small shop in it: namespaces, pods, secrets and config maps, as objects, lists,
 * tables and watches; `exec` answers a few commands, and `log` a few lines. It runs nothing and keeps all in memory.
 */
export async function startKubernetesApi(options: KubernetesApiOptions): Promise<KubernetesApi> {
  const objects = new Map<string, Stored>();
  const watchers = new Set<{ readonly resource: string; readonly ns: string; readonly tell: (event: Json) => void }>();
  const seen: SeenRequest[] = [];
  let version = 100;

  const put = (resource: string, object: { [key: string]: Json }): { [key: string]: Json } => {
    const metadata = object["metadata"] as { [key: string]: Json };
    metadata["resourceVersion"] = String(++version);
    metadata["creationTimestamp"] ??= "2026-01-05T09:00:00Z";
    metadata["uid"] ??= `00000000-0000-4000-8000-${String(version).padStart(12, "0")}`;
    const key = `${resource}/${String(metadata["namespace"] ?? "")}/${String(metadata["name"])}`;
    const type = objects.has(key) ? "MODIFIED" : "ADDED";
    objects.set(key, { resource, object, metadata });
    tell(resource, type, object, String(metadata["namespace"] ?? ""));
    return object;
  };
  const tell = (resource: string, type: string, object: Json, ns: string): void => {
    for (const one of watchers)
      if (one.resource === resource && (one.ns === "" || one.ns === ns)) one.tell({ type, object });
  };
  for (const name of ["default", "shop", "production"])
    put("namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name }, status: { phase: "Active" } });
  for (const [namespace, name] of [
    ["shop", "web-0"],
    ["production", "orders-0"],
  ] as const)
    put("pods", {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, namespace, labels: { app: name.split("-")[0]! } },
      spec: { containers: [{ name: "main", image: "registry.example/shop:1.4" }], nodeName: "node-1" },
      status: {
        phase: "Running",
        conditions: [{ type: "Ready", status: "True" }],
        containerStatuses: [{ name: "main", ready: true, restartCount: 0, state: { running: {} } }],
      },
    });
  const password = { apiVersion: "v1", kind: "Secret", metadata: { name: "db", namespace: "shop" }, type: "Opaque" };
  put("secrets", {
    ...password,
    metadata: {
      ...password.metadata,
      annotations: {
        "kubectl.kubernetes.io/last-applied-configuration": JSON.stringify({
          ...password,
          data: { password: base64("hunter2-winter") },
        }),
      },
    },
    data: { password: base64("hunter2-winter"), user: base64("shop") },
  });
  put("configmaps", {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "settings", namespace: "shop" },
    data: { theme: "dark", support: "help@shop.example" },
  });

  const server =
    options.tls === null ? createPlain() : createSecure({ cert: options.tls.certificate, key: options.tls.key });
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks).toString("utf8");
      seen.push({ method: request.method ?? "", url: request.url ?? "", headers: request.headers, body });
      if (options.instead?.(request, response) === true) return;
      try {
        answer(request, body, response);
      } catch (fault) {
        failure(response, 400, "BadRequest", (fault as Error).message);
      }
    });
  });
  const streams = new WebSocketServer({
    noServer: true,
    handleProtocols: (offered) => ["v5.channel.k8s.io", "v4.channel.k8s.io"].find((one) => offered.has(one)) ?? false,
  });
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  server.on("upgrade", (request: IncomingMessage, socket: Socket, head: Buffer) => {
    seen.push({ method: request.method ?? "", url: request.url ?? "", headers: request.headers, body: "" });
    if (options.upgrade?.(request, socket) === true) return;
    const { pathname, searchParams } = new URL(request.url ?? "", "http://api");
    const pod = /^\/api\/v1\/namespaces\/([^/]+)\/pods\/([^/]+)\/(exec|attach)$/.exec(pathname);
    if (pod === null || !objects.has(`pods/${pod[1]}/${pod[2]}`)) {
      const body = JSON.stringify(status(404, "NotFound", `pods "${pod?.[2] ?? ""}" not found`));
      socket.end(
        `HTTP/1.1 404 Not Found\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      );
      return;
    }
    streams.handleUpgrade(request, socket, head, (ws) => {
      answerExec(ws, pod[3] === "exec" ? searchParams.getAll("command") : ["sh"], pod[2]!);
    });
  });

  function answer(request: IncomingMessage, body: string, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://api");
    const accept = request.headers.accept ?? "";
    switch (pathname) {
      case "/version":
        return send(response, 200, { major: "1", minor: "34", gitVersion: "v1.34.0-demo" });
      case "/api":
        return send(response, 200, { kind: "APIVersions", versions: ["v1"], serverAddressByClientCIDRs: [] });
      case "/apis":
        return send(response, 200, { kind: "APIGroupList", apiVersion: "v1", groups: [] });
      case "/api/v1":
        return send(response, 200, {
          kind: "APIResourceList",
          groupVersion: "v1",
          resources: Object.entries(KINDS).map(([name, kind]) => ({
            name,
            singularName: kind.toLowerCase(),
            namespaced: name !== "namespaces",
            kind,
            verbs: VERBS,
          })),
        });
    }
    const match = /^\/api\/v1(?:\/namespaces\/([^/]+)(?=\/))?\/([a-z]+)(?:\/([^/]+))?(?:\/([a-z]+))?$/.exec(pathname);
    const [, ns = "", resource = "", name = "", sub = ""] = match ?? [];
    const kind = KINDS[resource];
    if (kind === undefined)
      return failure(response, 404, "NotFound", "the server could not find the requested resource");
    const key = `${resource}/${ns}/${name}`;
    const found = objects.get(key);
    if (name !== "" && found === undefined && request.method !== "POST")
      return failure(response, 404, "NotFound", `${resource} "${name}" not found`);
    if (sub === "log") {
      response.setHeader("content-type", "text/plain");
      return void response.end("started\nlistening on 8080\norder 17 for klara.eder@example.com\n");
    }
    switch (request.method) {
      case "GET": {
        if (found !== undefined) return send(response, 200, shaped(found.object, accept));
        const selected = /^metadata\.name=(.+)$/.exec(searchParams.get("fieldSelector") ?? "")?.[1];
        const all = [...objects.values()].filter(
          (one) =>
            one.resource === resource &&
            (ns === "" || one.metadata["namespace"] === ns) &&
            (selected === undefined || one.metadata["name"] === selected),
        );
        if (searchParams.has("watch")) return watch(request, response, resource, ns, all, accept);
        const items = all.map((one) => one.object);
        return send(
          response,
          200,
          shaped(
            { kind: `${kind}List`, apiVersion: "v1", metadata: { resourceVersion: String(version) }, items },
            accept,
          ),
        );
      }
      case "POST": {
        const object = JSON.parse(body) as { [key: string]: Json };
        const metadata = { ...(object["metadata"] as { [key: string]: Json }) };
        if (ns !== "") metadata["namespace"] = ns;
        return send(response, 201, shaped(put(resource, { ...object, metadata }), accept));
      }
      case "PUT":
        return send(response, 200, shaped(put(resource, JSON.parse(body) as { [key: string]: Json }), accept));
      case "PATCH": {
        const merged = merge(structuredClone(found!.object), JSON.parse(body) as Json) as { [key: string]: Json };
        return send(response, 200, shaped(put(resource, merged), accept));
      }
      case "DELETE":
        if (!/dryRun/.test(body) && !searchParams.has("dryRun")) {
          objects.delete(key);
          tell(resource, "DELETED", found!.object, ns);
        }
        return send(response, 200, { ...status(200, "", ""), status: "Success" });
      default:
        return failure(response, 405, "MethodNotAllowed", "the method is not allowed");
    }
  }

  function watch(
    request: IncomingMessage,
    response: ServerResponse,
    resource: string,
    ns: string,
    all: readonly Stored[],
    accept: string,
  ): void {
    response.setHeader("content-type", "application/json");
    response.flushHeaders();
    const write = (event: Json): void => {
      const { type, object } = event as { type: Json; object: { [key: string]: Json } };
      response.write(`${JSON.stringify({ type, object: shaped(object, accept) })}\n`);
    };
    for (const one of all) write({ type: "ADDED", object: one.object });
    const watcher = { resource, ns, tell: write };
    watchers.add(watcher);
    response.on("close", () => watchers.delete(watcher));
    request.on("close", () => watchers.delete(watcher));
  }

  await new Promise<void>((resolve) => server.listen(options.port ?? 0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

const status = (code: number, reason: string, message: string): { [key: string]: Json } => ({
  kind: "Status",
  apiVersion: "v1",
  metadata: {},
  status: "Failure",
  message,
  reason,
  code,
});

function failure(response: ServerResponse, code: number, reason: string, message: string): void {
  send(response, code, status(code, reason, message));
}

function send(response: ServerResponse, code: number, value: Json): void {
  response.statusCode = code;
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(value));
}

/** An object or list in the form that `Accept` asks for. */
function shaped(value: { [key: string]: Json }, accept: string): Json {
  const items = Array.isArray(value["items"]) ? (value["items"] as { [key: string]: Json }[]) : null;
  const partial = (one: { [key: string]: Json }): Json => ({
    kind: "PartialObjectMetadata",
    apiVersion: "meta.k8s.io/v1",
    metadata: one["metadata"] ?? {},
  });
  if (/as=Table/.test(accept)) {
    const kind = String((items?.[0] ?? value)["kind"] ?? "").replace(/List$/, "");
    return {
      kind: "Table",
      apiVersion: "meta.k8s.io/v1",
      metadata: { resourceVersion: "1" },
      columnDefinitions: columnsOf(kind).map(([name, type]) => ({
        name,
        type,
        format: name === "Name" ? "name" : "",
        description: "",
        priority: 0,
      })),
      rows: (items ?? [value]).map((one) => ({ cells: cellsOf(kind, one), object: partial(one) })),
    };
  }
  if (/as=PartialObjectMetadata/.test(accept))
    return items === null
      ? partial(value)
      : { kind: "PartialObjectMetadataList", apiVersion: "meta.k8s.io/v1", metadata: {}, items: items.map(partial) };
  return value;
}

const columnsOf = (kind: string): readonly (readonly [string, string])[] =>
  kind === "Secret"
    ? [
        ["Name", "string"],
        ["Type", "string"],
        ["Data", "integer"],
      ]
    : kind === "ConfigMap"
      ? [
          ["Name", "string"],
          ["Data", "integer"],
        ]
      : kind === "Pod"
        ? [
            ["Name", "string"],
            ["Status", "string"],
            ["Node", "string"],
          ]
        : [["Name", "string"]];

function cellsOf(kind: string, one: { [key: string]: Json }): Json[] {
  const at = (name: string): { [key: string]: Json } => (one[name] as { [key: string]: Json } | undefined) ?? {};
  const name = at("metadata")["name"] ?? "";
  const count = Object.keys(at("data")).length;
  if (kind === "Secret") return [name, one["type"] ?? "Opaque", count];
  if (kind === "ConfigMap") return [name, count];
  if (kind === "Pod") return [name, at("status")["phase"] ?? "", at("spec")["nodeName"] ?? ""];
  return [name];
}

/** A merge patch (RFC 7396). */
function merge(onto: Json, patch: Json): Json {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const out = typeof onto === "object" && onto !== null && !Array.isArray(onto) ? onto : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete out[key];
    else out[key] = merge(out[key] ?? null, value);
  }
  return out;
}
