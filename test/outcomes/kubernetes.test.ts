import type { KubernetesApi } from "../../cli/demo/kubernetes-api.ts";
import { startTestApi } from "../support/kubernetes-api.ts";
import { startHttpGateway } from "../support/http-gateway.ts";
import { outcomesSuite } from "./suite.ts";
import { webGateway } from "./web.ts";

let api: KubernetesApi;
const SHOP = "/api/v1/namespaces/shop";
const CONFIG_MAP = { apiVersion: "v1", kind: "ConfigMap", data: {} };

outcomesSuite({
  protocol: "kubernetes",
  missing: false,
  requester: "dev",
  approver: { name: "lea", groups: ["dba-leads"] },
  rules: {
    denied: "request.verb == delete",
    held: "request.verb == update",
    mask: `fields "$.data.*"`,
  },
  secret: Buffer.from("hunter2-winter").toString("base64"),
  status: { ok: "200", denied: "403", unavailable: "503", lost: "502" },
  async begin() {
    api = await startTestApi({ tls: null });
    await fetch(`http://127.0.0.1:${api.port}${SHOP}/configmaps`, {
      method: "POST",
      body: JSON.stringify({ ...CONFIG_MAP, metadata: { name: "passed", namespace: "shop" } }),
    });
    return api.port;
  },
  end: () => api.close(),
  async start(policy, port) {
    const gateway = await startHttpGateway({
      policy,
      listen: `{ protocol: kubernetes, address: "127.0.0.1:0", target: cluster }`,
      targets: `  - { name: cluster, protocol: kubernetes, address: "127.0.0.1:${port}", tls: { mode: off }, credential: { token: { env: SA_TOKEN } } }`,
      env: { SA_TOKEN: "service-account-token" },
    });
    const config = { ...CONFIG_MAP, metadata: { name: "settings", namespace: "shop" } };
    const fields = { host: "cluster", authorization: gateway.as("dev")["sallyport-authorization"]! };
    return webGateway(gateway, fields, {
      allowed: { method: "GET", path: `${SHOP}/configmaps/passed` },
      denied: { method: "DELETE", path: `${SHOP}/pods/web-0` },
      held: { method: "PUT", path: `${SHOP}/configmaps/settings`, body: JSON.stringify(config) },
      masked: { method: "GET", path: `${SHOP}/secrets/db` },
    });
  },
  happened: (what) => api.seen.filter(({ method }) => method === (what === "denied" ? "DELETE" : "PUT")).length,
});
