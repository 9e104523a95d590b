import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { readArguments } from "../arguments.ts";
import { EXIT, UsageError, type Io } from "../io.ts";

const HELP = `sallyport kube-credential: the exec credential plugin of kubectl and client-go

  sallyport kube-credential [--token-file FILE]
  sallyport kube-credential --certificate FILE --key FILE

  --token-file FILE     a token of your issuer or a service token (SALLYPORT_TOKEN_FILE; or the token itself in SALLYPORT_TOKEN)
  --certificate FILE    a client certificate in PEM, in place of a token
  --key FILE            its key

Kubeconfigs that sallyport kubeconfig writes call it; it prints an ExecCredential and nothing else. The token is read anew at
each call, so that it can be replaced while kubectl runs. A token that has ended is refused here, with what to do.
`;

const API_VERSION = "client.authentication.k8s.io/v1";
const CREDENTIAL_BYTES_MAX = 64 * 1024;
/** A token that ends sooner than this is not handed out: the request would arrive after its end. */
const REST_MS = 5_000;

/** Prints what a client is to sign in with (the `ExecCredential` of `client.authentication.k8s.io/v1`). */
export function kubeCredentialCommand(argv: readonly string[], io: Io, now: () => number = Date.now): Promise<number> {
  const { values, positionals } = readArguments(argv, {
    "token-file": { type: "string" },
    certificate: { type: "string" },
    key: { type: "string" },
  });
  if (values.help === true) {
    io.stdout(HELP);
    return Promise.resolve(EXIT.ok);
  }
  if (positionals.length > 0) throw new UsageError(`${JSON.stringify(positionals[0])} is one argument too many`);
  io.stdout(
    `${JSON.stringify({ apiVersion: apiVersion(io), kind: "ExecCredential", status: status(values, io, now()) })}\n`,
  );
  return Promise.resolve(EXIT.ok);
}

/** What the client asks in: it says so in `KUBERNETES_EXEC_INFO`. */
function apiVersion(io: Io): string {
  const info = io.env["KUBERNETES_EXEC_INFO"];
  if (info === undefined) return API_VERSION;
  try {
    const asked = (JSON.parse(info) as { apiVersion?: unknown }).apiVersion;
    if (asked === API_VERSION || asked === "client.authentication.k8s.io/v1beta1") return asked;
  } catch {
    // Told below.
  }
  throw new UsageError(
    `this client asks for another kind of credential than ${API_VERSION}; write its kubeconfig anew with sallyport kubeconfig`,
  );
}

function status(
  values: { readonly "token-file"?: string; readonly certificate?: string; readonly key?: string },
  io: Io,
  now: number,
): Readonly<Record<string, string>> {
  const { certificate, key } = values;
  if ((certificate === undefined) !== (key === undefined)) throw new UsageError("--certificate and --key go together");
  if (certificate !== undefined && key !== undefined)
    return {
      clientCertificateData: readText(certificate, "the certificate", io),
      clientKeyData: readText(key, "the key", io),
    };
  const file = values["token-file"] ?? io.env["SALLYPORT_TOKEN_FILE"];
  const token = (file === undefined ? io.env["SALLYPORT_TOKEN"] : readText(file, "the token", io))?.trim();
  if (token === undefined || token === "")
    throw new UsageError("there is no token: give --token-file FILE, or set SALLYPORT_TOKEN_FILE or SALLYPORT_TOKEN");
  if (!/^[A-Za-z0-9\-._~+/]+=*$/.test(token)) throw new UsageError("the token has characters that no token has");
  const ends = endOf(token);
  if (ends !== null && ends - REST_MS <= now)
    throw new UsageError(
      `the token ended at ${new Date(ends).toISOString()}; sign in again and put the new one in its place`,
    );
  return {
    token,
    ...(ends === null ? {} : { expirationTimestamp: new Date(ends).toISOString().replace(/\.\d+Z$/, "Z") }),
  };
}

function readText(name: string, what: string, io: Io): string {
  try {
    const bytes = readFileSync(resolve(io.cwd, name));
    if (bytes.length > CREDENTIAL_BYTES_MAX)
      throw new UsageError(`${what} in ${name} is longer than ${CREDENTIAL_BYTES_MAX} bytes`);
    return bytes.toString("utf8");
  } catch (fault) {
    if (fault instanceof UsageError) throw fault;
    throw new UsageError(`${what} can't be read: ${(fault as Error).message}`);
  }
}

/** When a JWT ends, in ms; null of tokens that do not tell. The gateway checks it; this is for the client's own clock. */
function endOf(token: string): number | null {
  const parts = token.split(".");
  if (parts.length !== 3) return null;
  try {
    const { exp } = JSON.parse(Buffer.from(parts[1]!, "base64url").toString("utf8")) as { exp?: unknown };
    return typeof exp === "number" && Number.isFinite(exp) ? exp * 1000 : null;
  } catch {
    return null;
  }
}
