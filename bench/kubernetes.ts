/** Some 1 kB of a list of pods, as an API server gives it. */
export function podList(): string {
  const items = ["web-0", "orders-0", "jobs-0"].map((name, i) => ({
    metadata: { name, namespace: "shop", uid: `00000000-0000-4000-8000-00000000000${i}`, labels: { app: name } },
    spec: { nodeName: "node-1", containers: [{ name: "main", image: "registry.example/shop:1.4" }] },
    status: { phase: "Running", podIP: `10.0.0.${i}`, conditions: [{ type: "Ready", status: "True" }] },
  }));
  return JSON.stringify({ kind: "PodList", apiVersion: "v1", metadata: { resourceVersion: "100" }, items });
}

/** Twenty rules. `masked`: one of them masks fields of what is asked for, and nothing of it stays as it came. */
export const kubernetesPolicy = (masked: boolean): string =>
  `package bench\nallow everything on kubernetes\n  when user.groups has "bench"\n${Array.from(
    { length: 18 },
    (_, i) =>
      `deny d${i} on kubernetes\n  when request.verb == delete and request.namespace == "production-${i}"\n  because "no"\n`,
  ).join(
    "",
  )}mask m on kubernetes\n  fields ${masked ? '"$.status.podIP", "$.metadata.labels.*"' : '"$.data.*"'}\n  with redact\n  when request.resource == "${masked ? "pods" : "secrets"}"\n`;
