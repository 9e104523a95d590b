import { isMap } from "yaml";
import { readOrigin } from "../../protocols/http/index.ts";
import type { ConfigReader } from "../config-reader.ts";
import type { KubernetesTarget } from "../kubernetes/config.ts";

/** Where a secret is kept. */
export type WebSecretSource = { readonly file: string } | { readonly env: string };

export interface HttpListenConfig {
  readonly host: string;
  readonly port: number;
  readonly tls: {
    readonly certificate: string;
    readonly key: string;
    /** Authorities whose client certificates are taken; null: none is asked for. */
    readonly clientCa: string | null;
  } | null;
  /** All hosts of this listener lead to this target; null: the host that a request names chooses. */
  readonly target: string | null;
}

export interface HttpTargetConfig {
  readonly name: string;
  readonly protocol: "http" | "mcp" | "kubernetes";
  readonly host: string;
  readonly port: number;
  readonly labels: Readonly<Record<string, string>>;
  /** Names under which clients ask for it, in lower case. */
  readonly hosts: readonly string[];
  readonly tls: { readonly mode: "off" | "verify-full"; readonly ca: string | null };
  /** A field that every request gets, such as the target's own token. Null: the client's own `Authorization` goes on. */
  readonly credential: { readonly field: string; readonly prefix: string; readonly value: WebSecretSource } | null;
  /** Fields of clients that do not go on, beside those that never do. */
  readonly stripFields: readonly string[];
  /** The `Host` that the target sees is the client's. */
  readonly keepHost: boolean;
  readonly graphql: { readonly paths: readonly string[]; readonly schema: string | "introspect" } | null;
  /** What Kubernetes targets have beside; null of the others. */
  readonly kubernetes: KubernetesTarget | null;
  /** Most connections to it at once. */
  readonly connections: number;
}

export interface ServiceTokenConfig {
  readonly name: string;
  readonly groups: readonly string[];
  /** SHA-256 of the token, in hex. */
  readonly sha256: string;
  /** When it ends, in ms since 1970. */
  readonly expiresAt: number;
}

export interface HttpSettings {
  /** Fields in which clients show who they are. */
  readonly identityFields: readonly string[];
  readonly serviceTokens: readonly ServiceTokenConfig[];
  /** Browser sign-in; null: there is none. */
  readonly signIn: {
    readonly issuer: string;
    readonly clientId: string;
    readonly clientSecret: WebSecretSource | null;
    readonly scopes: string;
    readonly sessionMs: number;
  } | null;
  readonly holdMs: number;
  readonly bodyBytes: number;
  readonly idleMs: number;
  readonly upstreamMs: number;
}

export interface HttpConfig extends HttpSettings {
  readonly listen: readonly HttpListenConfig[];
  readonly targets: readonly HttpTargetConfig[];
}

const FIELD = /^[a-z0-9-]{1,64}$/;
const HOUR_MS = 3_600_000;
/** Clients and proxies give up at 30 or 60 seconds; a held request is answered before that. */
const HOLD_MS = 25_000;
const BODY_BYTES = 1024 * 1024;

export function readHttpListen(r: ConfigReader, node: unknown): HttpListenConfig {
  const f = r.map(node, "listen", ["protocol", "address", "tls", "target"]);
  const { host, port } = r.address(f.get("address"), "listen.address");
  const target = f.has("target") ? r.text(f.get("target"), "listen.target") : null;
  if (!f.has("tls")) return { host, port, tls: null, target };
  const t = r.map(f.get("tls"), "listen.tls", ["certificate", "key", "clientCa"]);
  return {
    host,
    port,
    target,
    tls: {
      certificate: r.text(t.get("certificate"), "listen.tls.certificate"),
      key: r.text(t.get("key"), "listen.tls.key"),
      clientCa: t.has("clientCa") ? r.text(t.get("clientCa"), "listen.tls.clientCa") : null,
    },
  };
}

export function readHttpTarget(r: ConfigReader, node: unknown, protocol: "http" | "mcp"): HttpTargetConfig {
  const f = r.map(node, `an ${protocol === "http" ? "HTTP" : "MCP"} target`, [
    "name",
    "protocol",
    "address",
    "labels",
    "hosts",
    "tls",
    "credential",
    "stripFields",
    "keepHost",
    "graphql",
    "connections",
  ]);
  const name = r.text(f.get("name"), "target.name");
  const { host, port } = r.address(f.get("address"), "target.address");
  const t = f.has("tls") ? r.map(f.get("tls"), "target.tls", ["mode", "ca"]) : new Map<string, unknown>();
  const hosts = r.list(f.get("hosts"), "target.hosts").map((one) => r.text(one, "a host").toLowerCase());
  return {
    name,
    protocol,
    host,
    port,
    labels: r.texts(f.get("labels"), "target.labels"),
    hosts: hosts.length > 0 ? hosts : [name.toLowerCase(), `${name.toLowerCase()}.localhost`],
    tls: {
      mode: r.choice(t.get("mode"), "target.tls.mode", ["off", "verify-full"], "off"),
      ca: t.has("ca") ? r.text(t.get("ca"), "target.tls.ca") : null,
    },
    credential: f.has("credential") ? readCredential(r, f.get("credential")) : null,
    stripFields: r.list(f.get("stripFields"), "target.stripFields").map((one) => fieldName(r, one, "a field")),
    keepHost: r.bool(f.get("keepHost"), "target.keepHost", false),
    graphql: f.has("graphql") ? readGraphql(r, f.get("graphql")) : null,
    kubernetes: null,
    connections: r.int(f.get("connections"), "target.connections", 256, 1, 10_000),
  };
}

function fieldName(r: ConfigReader, node: unknown, where: string): string {
  const name = r.text(node, where).toLowerCase();
  if (name !== "" && !FIELD.test(name)) r.fail(node, `${where} must be a field's name, such as x-api-key`);
  return name;
}

function readCredential(r: ConfigReader, node: unknown): HttpTargetConfig["credential"] {
  const f = r.map(node, "target.credential", ["field", "prefix", "value"]);
  return {
    field: f.has("field") ? fieldName(r, f.get("field"), "target.credential.field") : "authorization",
    prefix: r.text(f.get("prefix"), "target.credential.prefix", f.has("field") ? "" : "Bearer "),
    value: readWebSecret(r, f.get("value"), "target.credential.value"),
  };
}

export function readWebSecret(r: ConfigReader, node: unknown, where: string): WebSecretSource {
  if (!isMap(node)) {
    r.fail(node, `${where} must be {file: …} or {env: …}; a secret does not belong into this file`);
    return { env: "" };
  }
  const f = r.map(node, where, ["file", "env"]);
  if (f.size !== 1) r.fail(node, `${where} takes either file or env`);
  return f.has("file")
    ? { file: r.text(f.get("file"), `${where}.file`) }
    : { env: r.text(f.get("env"), `${where}.env`) };
}

function readGraphql(r: ConfigReader, node: unknown): HttpTargetConfig["graphql"] {
  const f = r.map(node, "target.graphql", ["paths", "schema"]);
  const paths = r.list(f.get("paths"), "target.graphql.paths").map((one) => {
    const path = r.text(one, "a path");
    const read = readOrigin(path);
    // Requests are compared in their normal form: what is not in it would never match.
    if (!read.ok || read.value.encoded !== path || path.includes("?"))
      r.fail(one, "target.graphql.paths takes plain paths, such as /graphql");
    return path;
  });
  return {
    paths: paths.length > 0 ? paths : ["/graphql"],
    schema: r.text(f.get("schema"), "target.graphql.schema", "introspect"),
  };
}

/** The section `http`. */
export function readHttpSettings(r: ConfigReader, node: unknown): HttpSettings {
  const f =
    node === undefined
      ? new Map<string, unknown>()
      : r.map(node, "http", [
          "identityFields",
          "serviceTokens",
          "signIn",
          "holdMs",
          "bodyBytes",
          "idleMs",
          "upstreamMs",
        ]);
  const fields = r.list(f.get("identityFields"), "http.identityFields").map((one) => fieldName(r, one, "a field"));
  return {
    identityFields: fields.length > 0 ? fields : ["sallyport-authorization", "proxy-authorization"],
    serviceTokens: r.list(f.get("serviceTokens"), "http.serviceTokens").map((one) => readServiceToken(r, one)),
    signIn: f.has("signIn") ? readSignIn(r, f.get("signIn")) : null,
    holdMs: r.int(f.get("holdMs"), "http.holdMs", HOLD_MS, 0, HOLD_MS),
    bodyBytes: r.int(f.get("bodyBytes"), "http.bodyBytes", BODY_BYTES, 1024, 16 * BODY_BYTES),
    idleMs: r.int(f.get("idleMs"), "http.idleMs", 60_000, 1_000, HOUR_MS),
    upstreamMs: r.int(f.get("upstreamMs"), "http.upstreamMs", 60_000, 100, HOUR_MS),
  };
}

function readServiceToken(r: ConfigReader, node: unknown): ServiceTokenConfig {
  const f = r.map(node, "a service token", ["name", "groups", "sha256", "expires"]);
  const sha256 = r.text(f.get("sha256"), "serviceToken.sha256").toLowerCase();
  if (sha256 !== "" && !/^[0-9a-f]{64}$/.test(sha256))
    r.fail(f.get("sha256"), "serviceToken.sha256 must be 64 hex digits; sallyport service-token makes one");
  const expires = r.text(f.get("expires"), "serviceToken.expires");
  const expiresAt = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?Z)?$/.test(expires) ? Date.parse(expires) : Number.NaN;
  if (Number.isNaN(expiresAt) && expires !== "")
    r.fail(f.get("expires"), "serviceToken.expires must be a date such as 2027-01-31 or 2027-01-31T12:00:00Z");
  return {
    name: r.text(f.get("name"), "serviceToken.name"),
    groups: r.list(f.get("groups"), "serviceToken.groups").map((group) => r.text(group, "a group")),
    sha256,
    expiresAt: Number.isNaN(expiresAt) ? 0 : expiresAt,
  };
}

function readSignIn(r: ConfigReader, node: unknown): HttpSettings["signIn"] {
  const f = r.map(node, "http.signIn", ["issuer", "clientId", "clientSecret", "scopes", "sessionMs"]);
  return {
    issuer: r.text(f.get("issuer"), "http.signIn.issuer"),
    clientId: r.text(f.get("clientId"), "http.signIn.clientId"),
    clientSecret: f.has("clientSecret") ? readWebSecret(r, f.get("clientSecret"), "http.signIn.clientSecret") : null,
    scopes: r.text(f.get("scopes"), "http.signIn.scopes", "openid profile email"),
    sessionMs: r.int(f.get("sessionMs"), "http.signIn.sessionMs", 8 * HOUR_MS, 60_000, 24 * HOUR_MS),
  };
}
