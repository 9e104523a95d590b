import type { JsonObject } from "./kubernetes-shapes.ts";

const object = (kind: string, metadata: JsonObject, more: JsonObject): JsonObject => ({
  apiVersion: "v1",
  kind,
  metadata,
  ...more,
});
const base64 = (text: string): string => Buffer.from(text).toString("base64");

/** A pod that runs. */
export const pod = (namespace: string, name: string): JsonObject =>
  object(
    "Pod",
    { name, namespace, labels: { app: name.split("-")[0]! } },
    {
      spec: { containers: [{ name: "main", image: "registry.example/shop:1.4" }], nodeName: "node-1" },
      status: {
        phase: "Running",
        conditions: [{ type: "Ready", status: "True" }],
        containerStatuses: [{ name: "main", ready: true, restartCount: 0, state: { running: {} } }],
      },
    },
  );

/** What is in the demo's cluster, by resource. */
export function demoObjects(): readonly (readonly [resource: string, object: JsonObject])[] {
  return ["staging", "production"].flatMap((namespace): (readonly [string, JsonObject])[] => [
    ["namespaces", object("Namespace", { name: namespace }, { status: { phase: "Active" } })],
    ["pods", pod(namespace, "web-0")],
    ["pods", pod(namespace, "orders-0")],
    [
      "secrets",
      object(
        "Secret",
        { name: "db", namespace },
        { type: "Opaque", data: { user: base64("shop_app"), password: base64(`${namespace}-hunter2`) } },
      ),
    ],
    ["configmaps", object("ConfigMap", { name: "settings", namespace }, { data: { theme: "dark", currency: "EUR" } })],
  ]);
}

/** What a pod of it logs. */
export const DEMO_LOG = "listening on 8080\norder 17 for klara.eder@example.com\norder 18 for rosa.fuchs@example.com\n";

/** Files in its containers. */
export const DEMO_FILES: Readonly<Record<string, string>> = {
  "/etc/hostname": "orders-0\n",
  "/srv/shop/customers.csv": "id,email\n1,klara.eder@example.com\n2,rosa.fuchs@example.com\n",
};
