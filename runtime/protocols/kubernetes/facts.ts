import { ABSENT, UNKNOWN, type FactValue } from "../../../spec/contract/facts/index.ts";
import { readCommandLine } from "../../facts/index.ts";
import type { OwnFacts } from "../http/index.ts";
import type { KubernetesAsk } from "./ask.ts";
import type { BodyObject, ObjectFacts } from "./object.ts";

const NO_TEXTS: ReadonlySet<string> = new Set();
const NO_MAP: ReadonlyMap<string, string> = new Map();

/** One word as a shell reads it back. */
const quoted = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;

/** The programs that a command runs, also within `sh -c`; unknown when that is not settled before it runs. */
function programsOf(command: readonly string[]): FactValue {
  if (command.length === 0) return NO_TEXTS;
  const line = readCommandLine(command.map(quoted).join(" "), null);
  if (!line.parsed || line.expands || line.commands.some((one) => one.program === "")) return UNKNOWN;
  return new Set(line.commands.map((one) => one.program));
}

/** The facts of one request to an API server, by path. */
export function kubernetesFacts(ask: KubernetesAsk, path: string, body: BodyObject): OwnFacts {
  const object = (pick: keyof ObjectFacts, none: FactValue): FactValue => {
    if (body.kind === "none") return none;
    if (body.kind === "unknown" || body.facts === null) return UNKNOWN;
    const value = body.facts[pick];
    return value ?? ABSENT;
  };
  return (name) => {
    switch (name) {
      case "request.verb":
        return ask.verb;
      case "request.group":
        return ask.group;
      case "request.version":
        return ask.version;
      case "request.resource":
        return ask.full;
      case "request.subresource":
        return ask.subresource;
      case "request.namespace":
        return ask.namespace;
      case "request.name":
        return ask.name;
      case "request.path":
        return path;
      case "request.label_selector":
        return ask.labelSelector ?? ABSENT;
      case "request.field_selector":
        return ask.fieldSelector ?? ABSENT;
      case "request.dry_run":
        return dryRunOf(ask, body);
      case "request.patch_type":
        return ask.patchType ?? ABSENT;
      case "container.name":
        return ask.container ?? ABSENT;
      case "container.command":
        return ask.stream?.command ?? [];
      case "container.programs":
        return programsOf(ask.stream?.command ?? []);
      case "container.tty":
        return ask.stream?.tty ?? false;
      case "container.stdin":
        return ask.stream?.stdin ?? false;
      case "object.kind":
        return object("kind", ABSENT);
      case "object.labels":
        return object("labels", NO_MAP);
      case "object.annotations":
        return object("annotations", NO_MAP);
      case "object.images":
        return object("images", NO_TEXTS);
      case "object.privileged":
        return object("privileged", false);
      case "object.host_paths":
        return object("hostPaths", NO_TEXTS);
      case "object.service_account":
        return object("serviceAccount", ABSENT);
      default:
        return /^(request|container|object)\./.test(name) ? UNKNOWN : undefined;
    }
  };
}

/** Of a deletion with options in its body the API server does not read the query's. */
function dryRunOf(ask: KubernetesAsk, body: BodyObject): FactValue {
  if (ask.verb !== "delete" && ask.verb !== "deletecollection") return ask.dryRun;
  if (body.kind === "none") return ask.dryRun;
  return body.kind === "object" ? body.dryRun : UNKNOWN;
}
