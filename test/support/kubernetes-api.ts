import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { WebSocketServer } from "ws";
import { startKubernetesApi, type KubernetesApi, type KubernetesApiOptions } from "../../cli/demo/kubernetes-api.ts";
import type { ExecStreams } from "../../cli/demo/kubernetes-exec.ts";
import { pod } from "../../cli/demo/kubernetes-objects.ts";
import type { JsonObject } from "../../cli/demo/kubernetes-shapes.ts";

const STDIN = 0;
const CHANNELS = { stdout: 1, stderr: 2 };
const ERROR = 3;
/** `v5.channel.k8s.io`: no more comes on the channel that the next byte names. */
const CLOSE = 255;

export const FILES = {
  "/etc/hostname": "orders-0\n",
  "/app/customers.csv": "id,email\n1,klara.eder@example.com\n2,rosa.fuchs@example.com\n",
};

const websockets = new WebSocketServer({
  noServer: true,
  handleProtocols: (offered) => ["v5.channel.k8s.io", "v4.channel.k8s.io"].find((one) => offered.has(one)) ?? false,
});

/** Opens an exec's streams over WebSocket, by a codec that is not the gateway's. */
export function openStreams(
  request: IncomingMessage,
  socket: Socket,
  head: Buffer,
  opened: (streams: ExecStreams) => void,
): void {
  websockets.handleUpgrade(request, socket, head, (ws) => {
    const say = (channel: number, data: string | Buffer): void =>
      ws.send(Buffer.concat([Buffer.from([channel]), Buffer.from(data)]));
    opened({
      put: (stream, data) => say(CHANNELS[stream], data),
      end: (status) => {
        say(ERROR, status);
        ws.close(1000);
      },
      input: (take) =>
        void ws.on("message", (data: Buffer) => {
          if (data[0] === CLOSE && data[1] === STDIN) take(null);
          else if (data[0] === STDIN) take(data.subarray(1));
        }),
    });
  });
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");

/** What the tests of Kubernetes ask for. */
function objects(): readonly (readonly [string, JsonObject])[] {
  const namespace = (name: string): JsonObject => ({
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name },
    status: { phase: "Active" },
  });
  const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "db", namespace: "shop" }, type: "Opaque" };
  const applied = JSON.stringify({ ...secret, data: { password: base64("hunter2-winter") } });
  return [
    ...["default", "shop", "production"].map((name) => ["namespaces", namespace(name)] as const),
    ["pods", pod("shop", "web-0")],
    ["pods", pod("production", "orders-0")],
    [
      "secrets",
      {
        ...secret,
        metadata: {
          ...secret.metadata,
          annotations: { "kubectl.kubernetes.io/last-applied-configuration": applied },
        },
        data: { password: base64("hunter2-winter"), user: base64("shop") },
      },
    ],
    [
      "configmaps",
      {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: "settings", namespace: "shop" },
        data: { theme: "dark", support: "help@shop.example" },
      },
    ],
  ];
}

/** The demo's API with what the tests ask for in it. */
export const startTestApi = (
  options: Omit<KubernetesApiOptions, "objects" | "log" | "files" | "streams">,
): Promise<KubernetesApi> =>
  startKubernetesApi({
    ...options,
    objects: objects(),
    log: "started\nlistening on 8080\norder 17 for klara.eder@example.com\n",
    files: FILES,
    streams: openStreams,
  });
