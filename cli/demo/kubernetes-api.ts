import { createServer as createPlain, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createSecure } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { answerExec, type ExecStreams } from "./kubernetes-exec.ts";
import { openSpdy, openSpdyForward } from "./kubernetes-spdy.ts";
import { merge, shaped, type Json, type JsonObject } from "./kubernetes-shapes.ts";

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
  /** What is in it at the start, by resource. */
  readonly objects: readonly (readonly [resource: string, object: JsonObject])[];
  /** What `log` answers. */
  readonly log: string;
  /** Files that `cat` shows, by path. */
  readonly files: Readonly<Record<string, string>>;
  /** Takes an exec's or attach's upgrade to WebSocket, and opens its streams. */
  readonly streams: (
    request: IncomingMessage,
    socket: Socket,
    head: Buffer,
    opened: (streams: ExecStreams) => void,
  ) => void;
  /** Answers in place of the API; false: go on. */
  readonly instead?: (request: IncomingMessage, response: ServerResponse) => boolean;
  /** Takes an upgrade; false: go on. */
  readonly upgrade?: (request: IncomingMessage, socket: Socket) => boolean;
}

interface Stored {
  readonly resource: string;
  readonly object: JsonObject;
  readonly metadata: JsonObject;
}

const KINDS: Readonly<Record<string, string>> = {
  namespaces: "Namespace",
  pods: "Pod",
  secrets: "Secret",
  configmaps: "ConfigMap",
};
const VERBS = ["create", "delete", "get", "list", "patch", "update", "watch"];
/**
 * An API of the shape of Kubernetes', with namespaces, pods, secrets and config maps, as objects, lists,
 * tables and watches; `exec` answers a few commands, and `log` a few lines. It runs nothing and keeps all in memory.
 */
export async function startKubernetesApi(options: KubernetesApiOptions): Promise<KubernetesApi> {
  const objects = new Map<string, Stored>();
  const watchers = new Set<{ readonly resource: string; readonly ns: string; readonly tell: (event: Json) => void }>();
  const seen: SeenRequest[] = [];
  let version = 100;

  const put = (resource: string, object: JsonObject): JsonObject => {
    const metadata = object["metadata"] as JsonObject;
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
  for (const [resource, object] of options.objects) put(resource, structuredClone(object));

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
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  server.on("upgrade", (request: IncomingMessage, socket: Socket, head: Buffer) => {
    seen.push({ method: request.method ?? "", url: request.url ?? "", headers: request.headers, body: "" });
    if (options.upgrade?.(request, socket) === true) return;
    const { pathname, searchParams } = new URL(request.url ?? "", "http://api");
    const pod = /^\/api\/v1\/namespaces\/([^/]+)\/pods\/([^/]+)\/(exec|attach|portforward)$/.exec(pathname);
    if (pod === null || !objects.has(`pods/${pod[1]}/${pod[2]}`)) {
      const body = JSON.stringify(status(404, "NotFound", `pods "${pod?.[2] ?? ""}" not found`));
      socket.end(
        `HTTP/1.1 404 Not Found\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      );
      return;
    }
    const spdy = request.headers.upgrade?.toLowerCase() === "spdy/3.1";
    const [, , name, what] = pod as unknown as [string, string, string, string];
    if (what === "portforward") {
      // Like API servers before 1.30: clients that asked for WebSocket ask again.
      if (spdy) openSpdyForward(request, socket, head, (port) => `${name}:${port}\n`);
      else socket.end("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
      return;
    }
    (spdy ? openSpdy : options.streams)(request, socket, head, (open) => {
      answerExec(open, what === "exec" ? searchParams.getAll("command") : ["sh"], name, options.files);
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
      return void response.end(options.log);
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
        const object = JSON.parse(body) as JsonObject;
        const metadata = { ...(object["metadata"] as JsonObject) };
        if (ns !== "") metadata["namespace"] = ns;
        return send(response, 201, shaped(put(resource, { ...object, metadata }), accept));
      }
      case "PUT":
        return send(response, 200, shaped(put(resource, JSON.parse(body) as JsonObject), accept));
      case "PATCH": {
        const merged = merge(structuredClone(found!.object), JSON.parse(body) as Json) as JsonObject;
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
      const { type, object } = event as { type: Json; object: JsonObject };
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

const status = (code: number, reason: string, message: string): JsonObject => ({
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
