import { createHash, randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { kubeconfigCommand } from "../commands/kubeconfig.ts";
import type { Io } from "../io.ts";
import { startKubernetesApi, type KubernetesApi } from "./kubernetes-api.ts";
import { DEMO_FILES, DEMO_LOG, demoObjects } from "./kubernetes-objects.ts";
import { openWebSocket } from "./kubernetes-streams.ts";

/** The demo's Kubernetes part: a small API server, its place in the configuration, and what to paste. */
export interface KubernetesDemo {
  readonly api: KubernetesApi;
  readonly listen: string;
  readonly target: string;
  /** Tokens by which kubectl signs people in, for the configuration's part on HTTP. */
  readonly tokens: string;
  readonly welcome: string;
}

const YEAR_MS = 365 * 86_400_000;
/** What the gateway itself signs in with at the demo's API server, which does not ask. */
export const CLUSTER_TOKEN = "the-gateway-at-the-demo-cluster";

export interface KubernetesDemoParts {
  readonly folder: string;
  /** The folder in lines to paste. */
  readonly shownFolder: string;
  /** Where the gateway listens for Kubernetes. */
  readonly port: number;
  /** Whether there is a certificate for the gateway; kubectl shows credentials to nobody without one. */
  readonly tls: boolean;
  readonly people: readonly (readonly [name: string, group: string])[];
  /** The command as kubectl is to call it, for its credentials. */
  readonly program: string;
  readonly io: Io;
}

export async function startKubernetesDemo(parts: KubernetesDemoParts): Promise<KubernetesDemo> {
  const { port, tls } = parts;
  const api = await startKubernetesApi({
    tls: null,
    objects: demoObjects(),
    log: DEMO_LOG,
    files: DEMO_FILES,
    streams: openWebSocket,
  });
  const tokens = await writeKubeconfigs(parts);
  return {
    api,
    listen: `  - protocol: kubernetes\n    address: 127.0.0.1:${port}\n    target: shop-cluster\n${tls ? "    tls: { certificate: gateway.crt, key: gateway.pem }\n" : ""}`,
    target: `  - name: shop-cluster\n    protocol: kubernetes\n    address: 127.0.0.1:${api.port}\n    labels: { env: shared }\n    tls: { mode: off }\n    credential: { token: { env: CLUSTER_TOKEN } }\n`,
    tokens,
    welcome: tls ? toTry(port, parts.shownFolder) : withoutTls(port),
  };
}

/** A token, new at each start, and a kubeconfig for each person; answers the tokens' lines in the configuration. */
async function writeKubeconfigs({ folder, port, tls, people, program, io }: KubernetesDemoParts): Promise<string> {
  const plugin = join(folder, "kube-credential");
  writeFileSync(plugin, `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`, { mode: 0o700 });
  const expires = new Date(Date.now() + YEAR_MS).toISOString().slice(0, 10);
  let lines = "";
  for (const [name, group] of people) {
    const token = `spt_${randomBytes(24).toString("base64url")}`;
    writeFileSync(join(folder, `${name}.token`), token, { mode: 0o600 });
    const sha256 = createHash("sha256").update(token).digest("hex");
    lines += `    - { name: ${name}, groups: [${group}], sha256: ${sha256}, expires: ${expires} }\n`;
    if (!tls) continue;
    // prettier-ignore
    await kubeconfigCommand([
      "--server", `https://127.0.0.1:${port}`, "--target", "shop-cluster", "--ca", "gateway.crt", "--command", plugin,
      "--token-file", `${name}.token`, "-o", `${name}.kubeconfig`,
    ], { ...io, cwd: folder });
  }
  return lines;
}

const toTry = (
  port: number,
  shownFolder: string,
): string => `A Kubernetes cluster is behind it too. As ana: its secrets masked; as dev: waiting for an approval, and refused:

  kubectl --kubeconfig ${shownFolder}/ana.kubeconfig get secret db -n production -o yaml
  kubectl --kubeconfig ${shownFolder}/dev.kubeconfig exec orders-0 -n production -- cat /srv/shop/customers.csv
  kubectl --kubeconfig ${shownFolder}/dev.kubeconfig delete pod orders-0 -n production

without kubectl:

  curl --cacert ${shownFolder}/gateway.crt -u ana:ana https://127.0.0.1:${port}/api/v1/namespaces/production/secrets/db
`;

const withoutTls = (
  port: number,
): string => `A Kubernetes cluster is behind it too, its secrets masked (kubectl needs TLS; there was no openssl to make a certificate):

  curl -u ana:ana http://127.0.0.1:${port}/api/v1/namespaces/production/secrets/db
`;
