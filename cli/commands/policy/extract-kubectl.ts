import { NOTHING_SHOWN, actionText, type CapturedAction, type RunCase } from "../../../compiler/index.ts";
import type { FactMap } from "../../../lang/index.ts";
import { ABSENT, factsOf } from "../../../spec/contract/facts/index.ts";
import { normaliseRequest, type ReadBody } from "../../../runtime/protocols/http/index.ts";
import { KubernetesAdapter } from "../../../runtime/protocols/kubernetes/index.ts";
import { kubectlRequests, splitWords, type KubectlRequest } from "./kubectl-requests.ts";

const READS_ALL = (): boolean => true;

/** The facts of a test's kubectl command: of each request that kubectl sends for it, found as the gateway finds them. */
export function captureKubectl({ row }: RunCase, session: FactMap): CapturedAction | string {
  const words = splitWords(actionText(row.action) ?? "");
  if (typeof words === "string") return words;
  const requests = kubectlRequests(words[0] === "kubectl" ? words.slice(1) : words);
  if (typeof requests === "string") return requests;
  const units: FactMap[] = [];
  for (const request of requests) {
    const made = factsOfRequest(request, session);
    if (typeof made === "string") return made;
    units.push(made);
  }
  return { protocol: "kubernetes", units, show: () => NOTHING_SHOWN };
}

function factsOfRequest({ method, path, type, body, stream }: KubectlRequest, session: FactMap): FactMap | string {
  const bytes = body === null ? null : Buffer.from(body);
  const target = session.get("target.name");
  const request = normaliseRequest({
    method,
    target: path,
    minor: 1,
    fields: [
      ["host", typeof target === "string" ? target.toLowerCase() : "localhost"],
      ["accept", "application/json"],
      ...(stream
        ? ([
            ["connection", "Upgrade"],
            ["upgrade", "websocket"],
          ] as const)
        : []),
      ...(bytes === null
        ? []
        : ([
            ["content-type", type],
            ["content-length", String(bytes.length)],
          ] as const)),
    ],
  });
  if (!request.ok) return `the gateway does not take this request: ${request.error.why}`;
  const read: ReadBody = bytes === null ? { kind: "none" } : { kind: "read", bytes };
  const inspected = new KubernetesAdapter({ proxies: true }).inspect(request.value, read, READS_ALL);
  if (!inspected.ok) return `the gateway does not take this request: ${inspected.error.why}`;
  const facts = new Map(session);
  for (const { path: fact } of factsOf("kubernetes")) {
    // What a test states of its own accord stands in place of what would be found.
    if (session.has(fact)) continue;
    const value = inspected.value.actions[0]!(fact);
    if (value !== undefined && value !== ABSENT) facts.set(fact, value);
  }
  return facts;
}
