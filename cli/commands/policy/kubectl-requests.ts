/** A request that kubectl sends. */
export interface KubectlRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly type: string;
  readonly body: string | null;
  /** It asks for an upgrade. */
  readonly stream: boolean;
}

interface Resource {
  readonly plural: string;
  readonly group: string;
  readonly version: string;
  readonly namespaced: boolean;
}

/** What kubectl's short names and singulars stand for, in Kubernetes of its own: `names: plural group/version`. */
const RESOURCES = new Map<string, Resource>();
const declare = (group: string, version: string, namespaced: boolean, lines: string): void => {
  for (const line of lines.trim().split("\n")) {
    const [plural, ...others] = line.trim().split(/\s+/) as [string, ...string[]];
    for (const name of [plural, ...others]) RESOURCES.set(name, { plural, group, version, namespaced });
  }
};
declare(
  "",
  "v1",
  true,
  `
  pods pod po
  services service svc
  secrets secret
  configmaps configmap cm
  serviceaccounts serviceaccount sa
  events event ev
  endpoints ep
  persistentvolumeclaims persistentvolumeclaim pvc
  replicationcontrollers replicationcontroller rc
  resourcequotas resourcequota quota
  limitranges limitrange limits`,
);
declare(
  "",
  "v1",
  false,
  `
  namespaces namespace ns
  nodes node no
  persistentvolumes persistentvolume pv`,
);
declare(
  "apps",
  "v1",
  true,
  `
  deployments deployment deploy
  statefulsets statefulset sts
  daemonsets daemonset ds
  replicasets replicaset rs`,
);
declare(
  "batch",
  "v1",
  true,
  `
  jobs job
  cronjobs cronjob cj`,
);
declare(
  "networking.k8s.io",
  "v1",
  true,
  `
  ingresses ingress ing
  networkpolicies networkpolicy netpol`,
);
declare(
  "rbac.authorization.k8s.io",
  "v1",
  true,
  `
  roles role
  rolebindings rolebinding`,
);
declare(
  "rbac.authorization.k8s.io",
  "v1",
  false,
  `
  clusterroles clusterrole
  clusterrolebindings clusterrolebinding`,
);

/** Options that take a value in the next word, by every name. */
const VALUED: Readonly<Record<string, string>> = {
  "-n": "namespace",
  "--namespace": "namespace",
  "-l": "selector",
  "--selector": "selector",
  "--field-selector": "fields",
  "-c": "container",
  "--container": "container",
  "-o": "output",
  "--output": "output",
  "-p": "patch",
  "--patch": "patch",
  "--type": "type",
  "--dry-run": "dryRun",
  "--replicas": "replicas",
  "-f": "file",
  "--filename": "file",
  "--tail": "tail",
  "--since": "since",
  "--grace-period": "grace",
};
const PLAIN: ReadonlySet<string> = new Set([
  "-A",
  "--all-namespaces",
  "-w",
  "--watch",
  "-i",
  "--stdin",
  "-t",
  "--tty",
  "-it",
  "-ti",
  "--follow",
  "--all",
  "--force",
  "--now",
  "--wait",
  "--overwrite",
  "--previous",
]);

/** Words as a shell makes them: quotes and backslashes, and nothing that would expand. */
export function splitWords(text: string): readonly string[] | string {
  const words: string[] = [];
  let word: string | null = null;
  for (let i = 0; i < text.length; i++) {
    const sign = text[i]!;
    if (sign === "'" || sign === '"') {
      const end = text.indexOf(sign, i + 1);
      if (end < 0) return "a quote in the command is not closed";
      word = (word ?? "") + text.slice(i + 1, end);
      i = end;
    } else if (/\s/.test(sign)) {
      if (word !== null) words.push(word);
      word = null;
    } else if (/[|;&<>$`()]/.test(sign)) return `${sign} is the shell's, and no part of a kubectl command; quote it`;
    else word = (word ?? "") + (sign === "\\" ? (text[++i] ?? "") : sign);
  }
  if (word !== null) words.push(word);
  return words;
}

interface Parsed {
  readonly operands: readonly string[];
  readonly options: ReadonlyMap<string, string>;
  readonly flags: ReadonlySet<string>;
  /** Behind `--`. */
  readonly rest: readonly string[];
}

function parse(words: readonly string[]): Parsed | string {
  const operands: string[] = [];
  const options = new Map<string, string>();
  const flags = new Set<string>();
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (word === "--") return { operands, options, flags, rest: words.slice(i + 1) };
    if (!word.startsWith("-") || word === "-") {
      operands.push(word);
      continue;
    }
    const equals = word.indexOf("=");
    const name = equals < 0 ? word : word.slice(0, equals);
    const known = Object.hasOwn(VALUED, name) ? VALUED[name]! : null;
    if (known !== null) {
      const value = equals >= 0 ? word.slice(equals + 1) : words[++i];
      if (value === undefined) return `${name} needs a value`;
      options.set(known, value);
    } else if (PLAIN.has(word)) flags.add(word);
    // `-f` of logs follows; of others it names a file, which a test has not.
    else return `the option ${name} is not known to policy tests; leave it out, or state facts`;
  }
  return { operands, options, flags, rest: [] };
}

/** The requests that kubectl sends for a command; in words why they can't be told. */
export function kubectlRequests(words: readonly string[]): readonly KubectlRequest[] | string {
  const [verb = "", ...others] = words;
  const parsed = parse(verb === "logs" ? others.map((one) => (one === "-f" ? "--follow" : one)) : others);
  if (typeof parsed === "string") return parsed;
  if (parsed.options.has("file"))
    return "a test has no files; write `facts { object.kind: …, … }` for what the file would say";
  switch (verb) {
    case "get":
    case "describe":
      return read(parsed);
    case "delete":
      return named(parsed, "DELETE");
    case "patch": {
      const patch = parsed.options.get("patch");
      const type = parsed.options.get("type") ?? "strategic";
      const media = { strategic: "strategic-merge-patch", merge: "merge-patch", json: "json-patch" }[type];
      if (patch === undefined || media === undefined) return "patch needs -p and a --type of strategic, merge or json";
      return named(parsed, "PATCH", `application/${media}+json`, patch);
    }
    case "label":
    case "annotate":
      return marked(parsed, verb === "label" ? "labels" : "annotations");
    case "scale": {
      const replicas = Number(parsed.options.get("replicas"));
      if (!Number.isInteger(replicas)) return "scale needs --replicas";
      const type = "application/merge-patch+json";
      return named(parsed, "PATCH", type, JSON.stringify({ spec: { replicas } }), "scale");
    }
    case "exec":
    case "attach":
    case "port-forward":
      return stream(verb, parsed);
    case "logs":
      return podPath(parsed, "log", []);
    case "cp": {
      const remote = parsed.operands.find((one) => one.includes(":"));
      const match = /^(?:([^/:]+)\/)?([^/:]+):(.*)$/.exec(remote ?? "");
      if (match === null) return "cp needs a place such as pod:/path on one side";
      const into = parsed.operands[1] === remote;
      const command = into ? ["tar", "-xmf", "-", "-C", "/"] : ["tar", "cf", "-", match[3]!];
      const options = new Map(parsed.options);
      if (match[1] !== undefined) options.set("namespace", match[1]);
      const flags = new Set(into ? ["-i"] : []);
      return stream("exec", { operands: [match[2]!], options, flags, rest: command });
    }
    default:
      return `kubectl ${verb} is not taken apart in policy tests; known are get, describe, delete, patch, label, annotate, scale, exec, attach, port-forward, logs and cp`;
  }
}

const request = (
  method: string,
  path: string,
  type = "",
  body: string | null = null,
  streams = false,
): KubectlRequest => ({
  method,
  path,
  type,
  body,
  stream: streams,
});

/** `pods`, `pods/name`, `pod name …`, `deploy,rs`. */
function objectsOf(operands: readonly string[]): readonly (readonly [Resource, string])[] | string {
  const [first = "", ...names] = operands;
  const found: (readonly [Resource, string])[] = [];
  const each = first.includes("/") ? operands : first.split(",");
  for (const one of each) {
    const [kind = "", name = ""] = one.split("/");
    const resource = RESOURCES.get(kind.toLowerCase()) ?? custom(kind);
    if (resource === null)
      return `the resource ${JSON.stringify(kind)} is not known to policy tests; write custom ones as plural.version.group, such as cards.v1.shop.example`;
    if (name !== "" || names.length === 0 || first.includes("/")) found.push([resource, name]);
    else for (const each of names) found.push([resource, each]);
  }
  return found;
}

function custom(kind: string): Resource | null {
  const match = /^([a-z]+)\.(v[0-9]+(?:(?:alpha|beta)[0-9]+)?)\.([a-z0-9.-]+)$/.exec(kind);
  return match === null ? null : { plural: match[1]!, version: match[2]!, group: match[3]!, namespaced: true };
}

function pathOf(
  { plural, group, version, namespaced }: Resource,
  name: string,
  { options, flags }: Parsed,
  sub = "",
): string {
  const base = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
  const everywhere = flags.has("-A") || flags.has("--all-namespaces");
  const inside = namespaced && !everywhere ? `/namespaces/${options.get("namespace") ?? "default"}` : "";
  return `${base}${inside}/${plural}${name === "" ? "" : `/${name}`}${sub === "" ? "" : `/${sub}`}`;
}

const withQuery = (path: string, query: readonly (readonly [string, string])[]): string =>
  query.length === 0
    ? path
    : `${path}?${query.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&")}`;

function selectors({ options }: Parsed): (readonly [string, string])[] {
  const query: (readonly [string, string])[] = [];
  const [labels, fields] = [options.get("selector"), options.get("fields")];
  if (labels !== undefined) query.push(["labelSelector", labels]);
  if (fields !== undefined) query.push(["fieldSelector", fields]);
  return query;
}

function read(parsed: Parsed): readonly KubectlRequest[] | string {
  const objects = objectsOf(parsed.operands);
  if (typeof objects === "string") return objects;
  const watch = parsed.flags.has("-w") || parsed.flags.has("--watch");
  return objects.map(([resource, name]) => {
    if (watch && name !== "")
      return request(
        "GET",
        withQuery(pathOf(resource, "", parsed), [
          ["fieldSelector", `metadata.name=${name}`],
          ["watch", "true"],
        ]),
      );
    const query = selectors(parsed);
    if (watch) query.push(["watch", "true"]);
    return request("GET", withQuery(pathOf(resource, name, parsed), query));
  });
}

function named(
  parsed: Parsed,
  method: string,
  type = "",
  body: string | null = null,
  sub = "",
): readonly KubectlRequest[] | string {
  const objects = objectsOf(parsed.operands);
  if (typeof objects === "string") return objects;
  const dry = parsed.options.get("dryRun");
  if (dry === "client") return "with --dry-run=client nothing is sent, so there is nothing to decide";
  const query = method === "DELETE" ? selectors(parsed) : [];
  if (dry === "server") query.push(["dryRun", "All"]);
  if (
    objects.some(([, name]) => name === "") &&
    (method !== "DELETE" || (query.length === 0 && !parsed.flags.has("--all")))
  )
    return "the command names no object";
  return objects.map(([resource, name]) =>
    request(method, withQuery(pathOf(resource, name, parsed, sub), query), type, body),
  );
}

function marked(parsed: Parsed, where: "labels" | "annotations"): readonly KubectlRequest[] | string {
  const marks = parsed.operands.filter((one) => /^[^/=]+(\/[^=]*)?=|-$/.test(one));
  const body: Record<string, string | null> = {};
  for (const mark of marks) {
    const at = mark.indexOf("=");
    body[at < 0 ? mark.slice(0, -1) : mark.slice(0, at)] = at < 0 ? null : mark.slice(at + 1);
  }
  if (marks.length === 0) return "the command sets nothing";
  const operands = parsed.operands.filter((one) => !marks.includes(one));
  return named(
    { ...parsed, operands },
    "PATCH",
    "application/merge-patch+json",
    JSON.stringify({ metadata: { [where]: body } }),
  );
}

function stream(verb: string, parsed: Parsed): readonly KubectlRequest[] | string {
  const query: (readonly [string, string])[] = [];
  const has = (...names: readonly string[]): boolean => names.some((name) => parsed.flags.has(name));
  if (verb === "exec") {
    if (parsed.rest.length === 0) return "exec needs -- and a command";
    for (const word of parsed.rest) query.push(["command", word]);
  }
  if (verb !== "port-forward") {
    query.push(["stdout", "true"]);
    if (has("-i", "--stdin", "-it", "-ti")) query.push(["stdin", "true"]);
    if (has("-t", "--tty", "-it", "-ti")) query.push(["tty", "true"]);
    else query.push(["stderr", "true"]);
  }
  const made = podPath(parsed, verb === "port-forward" ? "portforward" : verb, query);
  return typeof made === "string" ? made : made.map((one) => ({ ...one, stream: true }));
}

function podPath(
  parsed: Parsed,
  sub: string,
  query: readonly (readonly [string, string])[],
): readonly KubectlRequest[] | string {
  const [operand = ""] = parsed.operands;
  const [kind, name] = operand.includes("/") ? operand.split("/") : ["pod", operand];
  if (RESOURCES.get(kind!)?.plural !== "pods")
    return `${sub} in policy tests names a pod, for which one kubectl would choose is not known`;
  if (name === undefined || name === "") return "the command names no pod";
  const container = parsed.options.get("container");
  const all = container === undefined ? query : [...query, ["container", container] as const];
  return [request("GET", withQuery(pathOf(RESOURCES.get("pods")!, name, parsed, sub), all))];
}
