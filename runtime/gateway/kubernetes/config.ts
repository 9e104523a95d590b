import type { ConfigReader } from "../config-reader.ts";
import { readWebSecret, type HttpTargetConfig } from "../http/config.ts";
import type { ImpersonationSettings } from "./impersonation.ts";

/** What a Kubernetes target has beside what every HTTP target has. */
export interface KubernetesTarget {
  /** The gateway's own client certificate; null: it signs in by a token. */
  readonly certificate: { readonly file: string; readonly key: string } | null;
  /** Null: requests come to the cluster as the gateway's own account. */
  readonly impersonate: ImpersonationSettings | null;
  /** Whether `pods/proxy`, `services/proxy` and `nodes/proxy` are open to rules. */
  readonly proxies: boolean;
}

/** Watches and execs keep a connection each. */
const CONNECTIONS = 1_024;

export function readKubernetesTarget(r: ConfigReader, node: unknown): HttpTargetConfig {
  const f = r.map(node, "a Kubernetes target", [
    "name",
    "protocol",
    "address",
    "labels",
    "hosts",
    "tls",
    "credential",
    "impersonate",
    "proxies",
    "connections",
  ]);
  const name = r.text(f.get("name"), "target.name");
  const { host, port } = r.address(f.get("address"), "target.address");
  const t = f.has("tls") ? r.map(f.get("tls"), "target.tls", ["mode", "ca"]) : new Map<string, unknown>();
  const hosts = r.list(f.get("hosts"), "target.hosts").map((one) => r.text(one, "a host").toLowerCase());
  const c = f.has("credential")
    ? r.map(f.get("credential"), "target.credential", ["token", "certificate", "key"])
    : new Map<string, unknown>();
  if (c.has("token") === c.has("certificate"))
    r.fail(f.get("credential") ?? node, "target.credential needs either token or certificate and key");
  return {
    name,
    protocol: "kubernetes",
    host,
    port,
    labels: r.texts(f.get("labels"), "target.labels"),
    hosts: hosts.length > 0 ? hosts : [name.toLowerCase(), `${name.toLowerCase()}.localhost`],
    tls: {
      mode: r.choice(t.get("mode"), "target.tls.mode", ["off", "verify-full"], "verify-full"),
      ca: t.has("ca") ? r.text(t.get("ca"), "target.tls.ca") : null,
    },
    credential: c.has("token")
      ? {
          field: "authorization",
          prefix: "Bearer ",
          value: readWebSecret(r, c.get("token"), "target.credential.token"),
        }
      : null,
    stripFields: [],
    keepHost: false,
    graphql: null,
    kubernetes: {
      certificate: c.has("certificate")
        ? {
            file: r.text(c.get("certificate"), "target.credential.certificate"),
            key: r.text(c.get("key"), "target.credential.key"),
          }
        : null,
      impersonate: readImpersonation(r, f.get("impersonate")),
      proxies: r.choice(f.get("proxies"), "target.proxies", ["refuse", "allow"], "refuse") === "allow",
    },
    connections: r.int(f.get("connections"), "target.connections", CONNECTIONS, 1, 10_000),
  };
}

/** Left out: everybody comes as who they are. `false`: as the gateway. */
function readImpersonation(r: ConfigReader, node: unknown): ImpersonationSettings | null {
  if (node === undefined) return { userPrefix: "", groupPrefix: "" };
  if (String(node) === "false") return null;
  const f = r.map(node, "target.impersonate", ["userPrefix", "groupPrefix"]);
  return {
    userPrefix: r.text(f.get("userPrefix"), "target.impersonate.userPrefix", ""),
    groupPrefix: r.text(f.get("groupPrefix"), "target.impersonate.groupPrefix", ""),
  };
}
