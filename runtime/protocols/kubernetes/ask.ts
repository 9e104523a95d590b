import { ok, type Result } from "../../../base/result.ts";
import type { KubernetesVerb } from "../../../spec/contract/facts/index.ts";
import { httpFault, type HttpFault, type NormalRequest, type StreamAsk } from "../http/index.ts";
import { readApiPath, type ApiPath } from "./api-path.ts";
import { COMMAND_CHARS_MAX, COMMAND_WORDS_MAX } from "./limits.ts";

/** Subresources whose connection changes to streams. */
type StreamKind = StreamAsk["kind"];
const STREAMS: ReadonlySet<string> = new Set<StreamKind>(["exec", "attach", "portforward"]);

/** A request to an API server, read. */
export interface KubernetesAsk extends ApiPath {
  readonly verb: KubernetesVerb;
  readonly labelSelector: string | null;
  readonly fieldSelector: string | null;
  /** What the query says: of a deletion with a body the body counts. */
  readonly dryRun: boolean;
  readonly patchType: string | null;
  readonly container: string | null;
  readonly stream: StreamAsk | null;
  /** `pods/exec`, or the resource alone. */
  readonly full: string;
}

const PATCH_TYPES: ReadonlySet<string> = new Set([
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/strategic-merge-patch+json",
  "application/apply-patch+yaml",
]);

/** As the API server reads a flag of a query: everything but `false` and `0` is yes, nothing too. */
const flag = (value: string | undefined): boolean =>
  value !== undefined && value.toLowerCase() !== "false" && value !== "0";

/**
 * Reads a request as the API server's own authoriser would: verb, resource, name. Whatever it could read in another way is
 * refused.
 */
export function readAsk(request: NormalRequest): Result<KubernetesAsk, HttpFault> {
  const { target } = request;
  const path = readApiPath(target.path, target.segments);
  if (!path.ok) return path;
  const { isResource, resource, subresource } = path.value;
  const query = new Map<string, string>();
  const command: string[] = [];
  for (const [name, value] of target.query) {
    if (name === "command" && subresource === "exec") {
      command.push(value ?? "");
      continue;
    }
    if (query.has(name) && !(name === "ports" && subresource === "portforward"))
      return httpFault(400, `the query's field ${JSON.stringify(name)} is given twice`);
    query.set(name, value ?? "");
  }
  const streams = isResource && STREAMS.has(subresource);
  if (streams && (resource !== "pods" || path.value.group !== ""))
    return httpFault(404, `${subresource} is a subresource of pods only`);
  if ((request.websocket || request.spdy) && !streams)
    return httpFault(400, "only exec, attach and port-forward change to a stream; watch with plain HTTP");
  if (streams && !request.websocket && !request.spdy)
    return httpFault(400, `${subresource} needs an upgrade to WebSocket or SPDY/3.1`);
  const fieldSelector = query.get("fieldSelector") ?? null;
  const verb = verbOf(request, path.value, streams, flag(query.get("watch")));
  if (!verb.ok) return verb;
  if (command.length > COMMAND_WORDS_MAX || command.reduce((sum, one) => sum + one.length, 0) > COMMAND_CHARS_MAX)
    return httpFault(400, `a command has at most ${COMMAND_WORDS_MAX} words and ${COMMAND_CHARS_MAX} characters`);
  if (subresource === "exec" && command.length === 0) return httpFault(400, "exec names no command");
  const dryRun = query.get("dryRun");
  if (dryRun !== undefined && dryRun !== "All" && dryRun !== "")
    return httpFault(400, "dryRun is something else than All");
  let patchType: string | null = null;
  if (verb.value === "patch") {
    patchType = request.contentType?.type ?? "";
    if (!PATCH_TYPES.has(patchType)) return httpFault(415, `a patch of type ${patchType || "unknown"} is not taken`);
  }
  return ok({
    ...path.value,
    name: path.value.name === "" ? nameIn(verb.value, fieldSelector) : path.value.name,
    verb: verb.value,
    labelSelector: query.get("labelSelector") || null,
    fieldSelector: fieldSelector || null,
    dryRun: dryRun === "All",
    patchType,
    container: query.get("container") || null,
    stream: streams
      ? {
          kind: subresource as StreamKind,
          command,
          tty: flag(query.get("tty")),
          stdin: flag(query.get("stdin")),
          stdout: flag(query.get("stdout")),
          stderr: flag(query.get("stderr")),
        }
      : null,
    full: subresource === "" ? resource : `${resource}/${subresource}`,
  });
}

function verbOf(
  { method }: NormalRequest,
  { isResource, name, subresource, watches }: ApiPath,
  streams: boolean,
  watch: boolean,
): Result<KubernetesVerb, HttpFault> {
  if (!isResource) {
    if (method !== "GET" && method !== "HEAD" && method !== "OPTIONS")
      return httpFault(405, `a ${method} of a path that is no resource is not taken`);
    return ok("get");
  }
  // Streams come as GET or POST, and do the same.
  if (streams) return method === "GET" || method === "POST" ? ok("create") : httpFault(405, `a stream is no ${method}`);
  // Any method may stand for any deed behind a proxy.
  if (subresource === "proxy") return ok("create");
  switch (method) {
    case "GET":
    case "HEAD":
      if (watches || (watch && subresource === "")) return ok("watch");
      return ok(name === "" ? "list" : "get");
    case "POST":
      return ok("create");
    case "PUT":
      return ok("update");
    case "PATCH":
      return ok("patch");
    case "DELETE":
      return ok(name === "" ? "deletecollection" : "delete");
    default:
      return httpFault(405, `${method} is no verb of the API server`);
  }
}

/** The one object that a collection is narrowed to, as the API server's authoriser takes it. */
function nameIn(verb: KubernetesVerb, fieldSelector: string | null): string {
  if (fieldSelector === null || (verb !== "list" && verb !== "watch" && verb !== "deletecollection")) return "";
  for (const one of fieldSelector.split(",")) {
    const match = /^metadata\.name={1,2}([A-Za-z0-9._:-]+)$/.exec(one);
    if (match !== null) return match[1]!;
  }
  return "";
}
