import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { Document } from "yaml";
import { readArguments } from "../arguments.ts";
import { EXIT, UsageError, type Io } from "../io.ts";

const HELP = `sallyport kubeconfig: a kubeconfig that leads kubectl and client-go through the gateway

  sallyport kubeconfig --server URL --target NAME [options]

  --server URL          where the gateway listens: https://gateway.example:6443
  --target NAME         the target's name, for the context
  --ca FILE             authorities that signed the gateway's certificate; left out: those of the system
  --tls-server-name N   the name in the gateway's certificate, when it is not the server's host
  --namespace NAME      the namespace that commands begin in
  --token-file FILE     where sallyport kube-credential finds your token (else SALLYPORT_TOKEN_FILE or SALLYPORT_TOKEN)
  --certificate FILE    sign in with a client certificate instead, and
  --key FILE            its key
  --command PATH        how the plugin is called (sallyport)
  -o, --output FILE     write it there, readable by you only; left out: to the terminal

No secret is in it: kubectl calls sallyport kube-credential whenever it needs one.

  sallyport kubeconfig --server https://gateway.example:6443 --target production -o production.kubeconfig
  kubectl --kubeconfig production.kubeconfig get pods
`;

const OPTIONS = {
  server: { type: "string" },
  target: { type: "string" },
  ca: { type: "string" },
  "tls-server-name": { type: "string" },
  namespace: { type: "string" },
  "token-file": { type: "string" },
  certificate: { type: "string" },
  key: { type: "string" },
  command: { type: "string" },
  output: { type: "string", short: "o" },
} as const;

/** Writes a kubeconfig whose user signs in by `sallyport kube-credential`. */
export function kubeconfigCommand(argv: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = readArguments(argv, OPTIONS);
  if (values.help === true) {
    io.stdout(HELP);
    return Promise.resolve(EXIT.ok);
  }
  if (positionals.length > 0) throw new UsageError(`${JSON.stringify(positionals[0])} is one argument too many`);
  const { server, target } = values;
  if (server === undefined || target === undefined) throw new UsageError("--server and --target are needed");
  if (!/^https?:\/\/[^/\s]+\/?$/.test(server))
    throw new UsageError("--server is an address such as https://gateway.example:6443");
  if (server.startsWith("http:") && !/^http:\/\/(127\.0\.0\.1|localhost|\[::1\])[:/]?/.test(server))
    throw new UsageError("--server must begin with https://: tokens are not sent in the clear");
  const args = ["kube-credential"];
  for (const name of ["token-file", "certificate", "key"] as const) {
    const value = values[name];
    // The plugin is called in whatever folder kubectl is.
    if (value !== undefined) args.push(`--${name}`, resolve(io.cwd, value));
  }
  const name = `sallyport-${target}`;
  const config = new Document({
    apiVersion: "v1",
    kind: "Config",
    "current-context": name,
    clusters: [
      {
        name,
        cluster: {
          server,
          ...(values["tls-server-name"] === undefined ? {} : { "tls-server-name": values["tls-server-name"] }),
          ...(values.ca === undefined ? {} : { "certificate-authority-data": authorities(resolve(io.cwd, values.ca)) }),
        },
      },
    ],
    users: [
      {
        name,
        user: {
          exec: {
            apiVersion: "client.authentication.k8s.io/v1",
            command: values.command ?? "sallyport",
            args,
            interactiveMode: "Never",
            provideClusterInfo: false,
            installHint: "Install sallyport; it signs kubectl in at the gateway.",
          },
        },
      },
    ],
    contexts: [
      {
        name,
        context: {
          cluster: name,
          user: name,
          ...(values.namespace === undefined ? {} : { namespace: values.namespace }),
        },
      },
    ],
  });
  const text = config.toString();
  if (values.output === undefined) io.stdout(text);
  else writeFileSync(resolve(io.cwd, values.output), text, { mode: 0o600 });
  return Promise.resolve(EXIT.ok);
}

function authorities(file: string): string {
  try {
    const text = readFileSync(file);
    if (!text.includes("-----BEGIN CERTIFICATE-----")) throw new UsageError(`${file} holds no certificate in PEM`);
    return text.toString("base64");
  } catch (fault) {
    if (fault instanceof UsageError) throw fault;
    throw new UsageError(`the authorities' certificates can't be read: ${(fault as Error).message}`);
  }
}
