import { ok, type Result } from "../../../base/result.ts";
import { readScalars } from "../../facts/index.ts";
import { httpFault, type HttpFault, type ReadBody } from "../http/index.ts";
import type { KubernetesAsk } from "./ask.ts";
import { OBJECT_DEPTH_MAX, PATCH_STEPS_MAX } from "./limits.ts";

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export const isObject = (value: Json | undefined): value is { [key: string]: Json } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** What the facts say of an object in a request's body. */
export interface ObjectFacts {
  readonly kind: string | null;
  readonly labels: ReadonlyMap<string, string>;
  readonly annotations: ReadonlyMap<string, string>;
  readonly images: ReadonlySet<string>;
  readonly privileged: boolean;
  readonly hostPaths: ReadonlySet<string>;
  readonly serviceAccount: string | null;
}

/** `unknown`: there is a body, and nobody looked into it or could. */
export type BodyObject =
  | { readonly kind: "none" }
  | { readonly kind: "unknown" }
  | { readonly kind: "object"; readonly facts: ObjectFacts; readonly dryRun: boolean }
  /** `facts` of what the steps put in; null when one takes a value from elsewhere in the object. */
  | { readonly kind: "steps"; readonly steps: readonly PatchStep[]; readonly facts: ObjectFacts | null };

/** One step of a JSON patch (RFC 6902). */
export interface PatchStep {
  readonly op: string;
  readonly path: string;
  readonly from: string | null;
}

/** Reads a body. `must`: a rule asks for what it holds, so one that can't be read is refused. */
export function readObject(
  ask: KubernetesAsk,
  body: ReadBody,
  type: string,
  coded: boolean,
  must: boolean,
): Result<BodyObject, HttpFault> {
  if (body.kind === "none" || (body.kind === "read" && body.bytes.length === 0)) return ok({ kind: "none" });
  const steps = ask.patchType === "application/json-patch+json";
  if (body.kind !== "read") {
    if (must || steps) return httpFault(413, "the body is longer than what is read, and a rule asks for what it holds");
    return ok({ kind: "unknown" });
  }
  const readable = !coded && (type === "application/json" || type === "" || /\+(json|yaml)$/.test(type));
  if (!readable) {
    if (must || steps)
      return httpFault(415, `a body of type ${type} can't be read; send it as application/json, not coded`);
    return ok({ kind: "unknown" });
  }
  // The API server takes the last of two keys, and others the first.
  const strict = readScalars(body.bytes);
  if (!strict.ok) return httpFault(400, strict.error);
  const value = JSON.parse(body.bytes.toString("utf8")) as Json;
  if (steps) return readSteps(value);
  if (!isObject(value)) return httpFault(400, "the body is no object");
  const dryRun = value["dryRun"];
  return ok({
    kind: "object",
    facts: factsOf(value),
    dryRun: Array.isArray(dryRun) && dryRun.length > 0 && dryRun.every((one) => one === "All"),
  });
}

function readSteps(value: Json): Result<BodyObject, HttpFault> {
  if (!Array.isArray(value) || value.length > PATCH_STEPS_MAX)
    return httpFault(400, `a JSON patch is a list of at most ${PATCH_STEPS_MAX} steps`);
  const steps: PatchStep[] = [];
  const parts: ObjectFacts[] = [];
  for (const one of value) {
    if (!isObject(one) || typeof one["op"] !== "string" || typeof one["path"] !== "string")
      return httpFault(400, "a step of the JSON patch has no op or no path");
    const from = one["from"];
    steps.push({ op: one["op"], path: one["path"], from: typeof from === "string" ? from : null });
    parts.push(factsOf(placedAt(one["path"], one["value"] ?? null)));
  }
  return ok({
    kind: "steps",
    steps,
    facts: steps.some(({ op }) => op === "copy" || op === "move") ? null : joined(parts),
  });
}

/** The keys of a JSON pointer (RFC 6901). */
export const pointerKeys = (text: string): readonly string[] =>
  text
    .split("/")
    .slice(1)
    .map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));

/** An object with nothing but this value at this place; elements of lists stand under their number. */
function placedAt(path: string, value: Json): { [key: string]: Json } {
  let made = value;
  for (const key of [...pointerKeys(path)].reverse()) made = { [key]: made };
  return isObject(made) ? made : {};
}

function joined(parts: readonly ObjectFacts[]): ObjectFacts {
  return {
    kind: null,
    labels: new Map(parts.flatMap((one) => [...one.labels])),
    annotations: new Map(parts.flatMap((one) => [...one.annotations])),
    images: new Set(parts.flatMap((one) => [...one.images])),
    privileged: parts.some((one) => one.privileged),
    hostPaths: new Set(parts.flatMap((one) => [...one.hostPaths])),
    serviceAccount: parts.findLast((one) => one.serviceAccount !== null)?.serviceAccount ?? null,
  };
}

const CONTAINERS: ReadonlySet<string> = new Set(["containers", "initContainers", "ephemeralContainers"]);
const HOST: ReadonlySet<string> = new Set(["hostNetwork", "hostPID", "hostIPC", "hostProcess"]);

/** Whatever in it makes containers counts, however deep: a pod, its template, a job's in a cron job. */
function factsOf(object: { [key: string]: Json }): ObjectFacts {
  const images = new Set<string>();
  const hostPaths = new Set<string>();
  let privileged = false;
  let serviceAccount: string | null = null;
  const walk = (value: Json, depth: number): void => {
    if (depth > OBJECT_DEPTH_MAX) return;
    if (Array.isArray(value)) {
      for (const one of value) walk(one, depth + 1);
      return;
    }
    if (!isObject(value)) return;
    for (const [key, one] of Object.entries(value)) {
      if (CONTAINERS.has(key) && typeof one === "object" && one !== null) {
        for (const container of Object.values(one) as Json[])
          if (isObject(container) && typeof container["image"] === "string") images.add(container["image"]);
      } else if (key === "hostPath" && isObject(one) && typeof one["path"] === "string") hostPaths.add(one["path"]);
      else if ((key === "privileged" || HOST.has(key)) && one === true) privileged = true;
      else if ((key === "serviceAccountName" || key === "serviceAccount") && typeof one === "string")
        serviceAccount = one;
      walk(one, depth + 1);
    }
  };
  walk(object["spec"] ?? null, 0);
  const metadata = isObject(object["metadata"]) ? object["metadata"] : {};
  return {
    kind: typeof object["kind"] === "string" ? object["kind"] : null,
    labels: texts(metadata["labels"]),
    annotations: texts(metadata["annotations"]),
    images,
    privileged,
    hostPaths,
    serviceAccount,
  };
}

function texts(value: Json | undefined): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  if (isObject(value)) for (const [key, one] of Object.entries(value)) if (typeof one === "string") found.set(key, one);
  return found;
}
