import { ok, type Result } from "../../../base/result.ts";
import { httpFault, type HttpFault } from "../http/index.ts";

/** What a path of the API server names, as its own `RequestInfoFactory` reads it. */
export interface ApiPath {
  /** False: a path that is no resource, such as `/version`. */
  readonly isResource: boolean;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  /** The deprecated `/watch/` in front of the resource. */
  readonly watches: boolean;
}

/** Paths that are no resources and may be asked for; `*` stands for all below. What is not listed is refused. */
const PLAIN_PATHS = [
  /^\/api$/,
  /^\/api\/v[0-9a-z]+$/,
  /^\/apis$/,
  /^\/apis\/[a-z0-9.-]+(\/v[0-9a-z]+)?$/,
  /^\/version$/,
  /^\/(healthz|livez|readyz|metrics|openapi)(\/[A-Za-z0-9._/-]+)?$/,
  /^\/\.well-known\/openid-configuration$/,
  /^\/openid\/v1\/jwks$/,
];

const GROUP = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/;
const VERSION = /^v[0-9]+((alpha|beta)[0-9]+)?$/;
/** Resources and subresources: lower case, as the API server compares them. */
const RESOURCE = /^[a-z][a-z0-9-]{0,62}$/;
/** RFC 1123 labels and subdomains; RBAC's names have colons, and proxied ones a scheme and a port. */
const NAME = /^[A-Za-z0-9]([A-Za-z0-9._:~@+-]{0,251}[A-Za-z0-9:])?$/;
const NAMESPACE = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
/** Subresources of a namespace itself, which would else be read as resources in it. */
const OF_NAMESPACES: ReadonlySet<string> = new Set(["status", "finalize"]);

const NOTHING: ApiPath = {
  isResource: false,
  group: "",
  version: "",
  resource: "",
  subresource: "",
  namespace: "",
  name: "",
  watches: false,
};

/** @param path the normalised path, decoded once; `segments` its parts */
export function readApiPath(path: string, segments: readonly string[]): Result<ApiPath, HttpFault> {
  const refuse = (why: string, status = 400): Result<ApiPath, HttpFault> => httpFault(status, why);
  const plain = path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
  if (PLAIN_PATHS.some((pattern) => pattern.test(plain))) return ok(NOTHING);
  const core = segments[0] === "api";
  if (!core && segments[0] !== "apis") return refuse("its path is none that a Kubernetes API server has", 404);
  if (path.endsWith("/")) return refuse("a resource's path ends without a slash");
  const group = core ? "" : (segments[1] ?? "");
  const version = segments[core ? 1 : 2] ?? "";
  let parts = segments.slice(core ? 2 : 3);
  if (!core && !GROUP.test(group)) return refuse("the API group's name is not in lower case, or not a name");
  if (!VERSION.test(version)) return refuse("the API version is not one such as v1 or v1beta1");
  let watches = false;
  if (parts[0] === "watch" && parts.length > 1) {
    watches = true;
    parts = parts.slice(1);
  }
  if (parts[0] === "proxy")
    return refuse("the old proxy paths are not taken; they reach past the API server's own rules", 403);
  let namespace = "";
  if (parts[0] === "namespaces" && parts.length > 1) {
    namespace = parts[1]!;
    if (!NAMESPACE.test(namespace)) return refuse("the namespace's name is not a name in lower case");
    // `/namespaces/a` and `/namespaces/a/status` are the namespace itself.
    if (parts.length > 2 && !OF_NAMESPACES.has(parts[2]!)) parts = parts.slice(2);
  }
  const [resource = "", name = "", subresource = "", ...rest] = parts;
  if (!RESOURCE.test(resource)) return refuse("the resource's name is not in lower case, or not a name");
  if (name !== "" && !NAME.test(name)) return refuse("the object's name is not a name");
  if (subresource !== "" && !RESOURCE.test(subresource))
    return refuse("the subresource's name is not in lower case, or not a name");
  if (rest.length > 0 && subresource !== "proxy")
    return refuse("there is more in the path than a resource, a name and a subresource");
  return ok({ isResource: true, group, version, resource, subresource, namespace, name, watches });
}
