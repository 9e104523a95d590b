import { ok, type Result } from "../../../base/result.ts";
import type { BodyMasks } from "../../enforce/mask/index.ts";
import {
  httpFault,
  requestText,
  type HttpFault,
  type Inspection,
  type NormalRequest,
  type ReadBody,
  type WebAdapter,
} from "../http/index.ts";
import { acceptJson } from "./accept.ts";
import { planKubernetesAnswer } from "./answer.ts";
import { readAsk, type KubernetesAsk } from "./ask.ts";
import { kubernetesFacts } from "./facts.ts";
import { pointerKeys, readObject, type BodyObject } from "./object.ts";
import { inAllForms, shiftsMask, touchesMask } from "./places.ts";
import { statusAnswer } from "./status.ts";

export interface KubernetesSettings {
  /** Whether `pods/proxy`, `services/proxy` and `nodes/proxy` are open to rules at all: what passes there is not read. */
  readonly proxies: boolean;
}

/** The API of Kubernetes. Requests are read as its own authoriser reads them; answers are JSON, or not shown under a mask. */
export class KubernetesAdapter implements WebAdapter {
  readonly protocol = "kubernetes";
  readonly problem = statusAnswer;
  readonly maskRule = inAllForms;
  readonly #settings: KubernetesSettings;

  constructor(settings: KubernetesSettings) {
    this.#settings = settings;
  }

  wantsBody(request: NormalRequest, reads: (prefix: string) => boolean): boolean {
    return (
      reads("object.") ||
      request.contentType?.type === "application/json-patch+json" ||
      (request.method === "DELETE" && reads("request.dry_run"))
    );
  }

  inspect(request: NormalRequest, body: ReadBody, reads: (prefix: string) => boolean): Result<Inspection, HttpFault> {
    const asked = readAsk(request);
    if (!asked.ok) return asked;
    const ask = asked.value;
    const coded = request.byName.has("content-encoding");
    const object = readObject(ask, body, request.contentType?.type ?? "", coded, this.#must(ask, reads));
    if (!object.ok) return object;
    const readable = ask.isResource && ask.stream === null && ask.subresource !== "proxy" && ask.subresource !== "log";
    const accepted = readable ? acceptJson(request.byName.get("accept")) : null;
    if (accepted?.field === null)
      return httpFault(
        406,
        "answers are given as application/json only; add it to Accept, behind what is liked better",
      );
    const secret = holdsSecrets(ask);
    return ok({
      actions: [kubernetesFacts(ask, request.target.path, object.value)],
      kinds: [ask.isResource ? `${ask.verb} ${ask.full}` : `get ${request.target.path}`],
      text: requestText(request, secret ? { kind: "unread" } : body),
      alwaysAnswers: false,
      refusal:
        ask.subresource === "proxy" && !this.#settings.proxies
          ? `${ask.full} is not open here, for what passes there can't be read (an operator may set proxies: allow)`
          : null,
      answer: (head, masks) => planKubernetesAnswer(ask, head, masks, accepted?.tables ?? false),
      objection: (masks) => objection(ask, object.value, masks),
      accept: accepted?.field ?? null,
      secret,
      stream: ask.stream,
      isText: ask.subresource === "log",
    });
  }

  #must(ask: KubernetesAsk, reads: (prefix: string) => boolean): boolean {
    const writes = ask.verb === "create" || ask.verb === "update" || ask.verb === "patch";
    return (
      (writes && ask.stream === null && reads("object.")) || (ask.verb.startsWith("delete") && reads("request.dry_run"))
    );
  }
}

/** Bodies and answers that are not kept, masked or not. */
function holdsSecrets({ group, resource, subresource }: KubernetesAsk): boolean {
  return (
    (group === "" && resource === "secrets") ||
    subresource === "token" ||
    (group === "authentication.k8s.io" && resource === "tokenreviews") ||
    (group === "certificates.k8s.io" && resource === "certificatesigningrequests")
  );
}

/** The labels that a selector asks for: `a=b`, `!a`, `a in (b, c)`, `a > 1`, with commas between. */
function labelsIn(selector: string): readonly string[] {
  return selector
    .replaceAll(/\([^)]*\)/g, "")
    .split(",")
    .map((one) => /^[\s!]*([^\s=!<>(]*)/.exec(one)![1]!)
    .filter((label) => label !== "");
}

/** Selectors and patches that would tell masked values without showing them; null when there are none. */
function objection(ask: KubernetesAsk, body: BodyObject, masks: BodyMasks): string | null {
  if (!masks.readsFields) return null;
  const rules = masks.rules.join(", ");
  for (const one of (ask.fieldSelector ?? "").split(",")) {
    const path = /^[^=!]*/.exec(one)![0].trim();
    if (path !== "" && touchesMask(masks, path.split(".")))
      return `the field selector asks for ${path}, which mask ${rules} hides: what it finds would tell the value`;
  }
  for (const label of labelsIn(ask.labelSelector ?? "")) {
    if (touchesMask(masks, ["metadata", "labels", label]))
      return `the label selector asks for ${label}, which mask ${rules} hides: what it finds would tell the value`;
  }
  if (body.kind === "steps") {
    for (const { op, path, from } of body.steps) {
      const place = op === "copy" || op === "move" ? from : op === "test" ? path : null;
      if (place !== null && touchesMask(masks, pointerKeys(place)))
        return `the patch has a step ${op} on ${place}, which mask ${rules} hides: it would tell the value`;
      const moved = [op === "test" || op === "replace" ? null : path, op === "move" ? from : null];
      if (moved.some((one) => one !== null && shiftsMask(masks, pointerKeys(one))))
        return `the patch has a step ${op} on ${path}, a list of which mask ${rules} names parts by their number: it would show another part`;
    }
  }
  if (ask.subresource === "proxy") return `mask ${rules} applies, and what passes a proxy can't be read`;
  return null;
}
