import { BOOL, STRING, enumOf, fact, listOf, mapOf, setOf, type Fact } from "./schema.ts";

export const KUBERNETES_VERBS = [
  "get",
  "list",
  "watch",
  "create",
  "update",
  "patch",
  "delete",
  "deletecollection",
  "other",
] as const;
export type KubernetesVerb = (typeof KUBERNETES_VERBS)[number];

/**
 * Facts of one request to a Kubernetes API server. `request.verb` is what the API server's own authoriser would see, so
 * that `kubectl exec` is `create` on `pods/exec`, whichever HTTP method carried it.
 */
export const KUBERNETES_FACTS = [
  fact("request.verb", enumOf("KubernetesVerb", KUBERNETES_VERBS), "execution", "What is done."),
  fact("request.group", STRING, "execution", "The API group; empty for the core group."),
  fact("request.version", STRING, "execution", "The API version; empty for a path that is no resource."),
  fact(
    "request.resource",
    STRING,
    "execution",
    "The resource with its subresource: `pods/exec`; empty when there is none.",
  ),
  fact("request.subresource", STRING, "execution", "The subresource alone; empty when there is none."),
  fact("request.namespace", STRING, "execution", "The namespace; empty for what has none, and for all namespaces."),
  fact("request.name", STRING, "execution", "The object's name; empty for a collection."),
  fact("request.path", STRING, "execution", "The path of the HTTP request, normalised."),
  fact("request.label_selector", STRING, "execution", "The label selector.", "optional"),
  fact("request.field_selector", STRING, "execution", "The field selector.", "optional"),
  fact("request.dry_run", BOOL, "execution", "Whether nothing is to be stored."),
  fact("request.patch_type", STRING, "execution", "The media type of a patch.", "optional"),
  fact("container.name", STRING, "execution", "The container that exec, attach or logs speak of.", "optional"),
  fact("container.command", listOf(STRING), "execution", "The command of an exec, word by word; else empty."),
  fact("container.programs", setOf(STRING), "execution", "Programs that the command runs, also within `sh -c`."),
  fact("container.tty", BOOL, "execution", "Whether a terminal was asked for."),
  fact("container.stdin", BOOL, "execution", "Whether input is to be sent."),
  fact("object.kind", STRING, "execution", "The kind of the object in the body.", "optional"),
  fact("object.labels", mapOf(STRING), "execution", "The labels of the object in the body."),
  fact("object.annotations", mapOf(STRING), "execution", "Its annotations."),
  fact("object.images", setOf(STRING), "execution", "Images of all containers in the body."),
  fact(
    "object.privileged",
    BOOL,
    "execution",
    "Whether a container in the body is privileged or shares a host namespace.",
  ),
  fact("object.host_paths", setOf(STRING), "execution", "Paths of the host that a pod in the body mounts."),
  fact("object.service_account", STRING, "execution", "The service account of a pod in the body.", "optional"),
] as const satisfies readonly Fact[];
