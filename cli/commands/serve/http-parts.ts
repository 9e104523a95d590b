import { join } from "node:path";
import type { KeyObject } from "node:crypto";
import type { GatewayConfig, GatewayParts } from "../../../runtime/gateway/index.ts";
import { recordingsIn } from "../../../runtime/outside/index.ts";
import { bytesOf, certificateAndKey } from "../../files.ts";
import { UsageError, type Io } from "../../io.ts";

type Source = { readonly file: string } | { readonly env: string };

/** Reads everything that the HTTP part of a configuration names; null when it has no HTTP listener. */
export function httpParts(
  { http }: GatewayConfig,
  at: (name: string) => string,
  io: Io,
  identityKey: () => KeyObject,
  state: string,
): GatewayParts["http"] {
  if (http.listen.length === 0) return null;
  const bytes = (name: string, what: string): Buffer => bytesOf(at(name), what);
  const secret = (source: Source, what: string): string => {
    if ("file" in source)
      return bytes(source.file, what)
        .toString("utf8")
        .replace(/\r?\n$/, "");
    const found = io.env[source.env];
    if (found === undefined)
      throw new UsageError(`${what}: environment variable ${source.env} is not set; put the secret there`);
    return found;
  };
  const names = new Set(http.targets.map((target) => target.name));
  const lost = http.listen.find(({ target }) => target !== null && !names.has(target));
  if (lost !== undefined)
    throw new UsageError(`listen.target: there is no HTTP target ${lost.target}; name one of ${[...names].join(", ")}`);
  return {
    listen: http.listen.map((one) => ({
      ...one,
      files:
        one.tls === null
          ? null
          : {
              ...certificateAndKey(at(one.tls.certificate), at(one.tls.key)),
              clientCa: one.tls.clientCa === null ? null : bytes(one.tls.clientCa, "the authorities' certificates"),
            },
    })),
    targets: http.targets.map((target) => ({
      ...target,
      secret:
        target.credential === null ? null : secret(target.credential.value, `the credential of target ${target.name}`),
      clientFiles:
        target.kubernetes?.certificate == null
          ? null
          : {
              certificate: bytes(target.kubernetes.certificate.file, "the target's client certificate"),
              key: bytes(target.kubernetes.certificate.key, "the client certificate's key"),
            },
      caBytes: target.tls.ca === null ? null : bytes(target.tls.ca, "the authorities' certificates"),
      schemaText:
        target.graphql === null || target.graphql.schema === "introspect"
          ? null
          : bytes(target.graphql.schema, "the GraphQL schema").toString("utf8"),
    })),
    settings: {
      ...http,
      clientSecret:
        http.signIn?.clientSecret == null ? null : secret(http.signIn.clientSecret, "http.signIn.clientSecret"),
    },
    identityKey: identityKey(),
    recordings: recordingsIn(join(state, "recordings")),
    fetch,
  };
}
