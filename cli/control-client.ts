import { request as httpRequest } from "node:http";
import { CONTROL_DEFAULT } from "../runtime/gateway/config.ts";
import { configPath, loadConfig } from "./config-file.ts";
import { UsageError, type Io } from "./io.ts";

export interface ControlAddress {
  readonly host: string;
  readonly port: number;
}

/** Options that every command takes which speaks to a running gateway. */
export const CONTROL_OPTIONS = {
  config: { type: "string" },
  control: { type: "string" },
  user: { type: "string" },
} as const;

export const CONTROL_HELP = `  --config FILE     the gateway's configuration (SALLYPORT_CONFIG; sallyport.yaml), for its control address
  --control ADDRESS host:port, instead of the configuration's (SALLYPORT_CONTROL)
  --user NAME       sign in as this user (SALLYPORT_USER)

  The password is taken from SALLYPORT_PASSWORD or asked for; a token from SALLYPORT_TOKEN goes before it.`;

/** What the gateway said no to. */
export class Refused extends Error {
  override readonly name = "Refused";
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const ANSWER_BYTES_MAX = 16 * 1024 * 1024;
const TIMEOUT_MS = 15_000;

interface Given {
  readonly config?: string | undefined;
  readonly control?: string | undefined;
  readonly user?: string | undefined;
}

export function controlAddress(given: Given, io: Io): ControlAddress {
  const named = given.control ?? (given.config === undefined ? io.env["SALLYPORT_CONTROL"] : undefined);
  if (named !== undefined && named !== "") {
    const match = /^(?:http:\/\/)?(?:\[([0-9a-f:]+)\]|([\w.-]+)):(\d{1,5})\/?$/i.exec(named);
    if (match === null) throw new UsageError(`${JSON.stringify(named)} is no control address; it is host:port`);
    return { host: match[1] ?? match[2]!, port: Number(match[3]) };
  }
  const file = configPath(given.config, io);
  if (file === undefined) return CONTROL_DEFAULT;
  const { host, port } = loadConfig(file).config.control;
  return { host, port };
}

async function authorization(given: Given, io: Io): Promise<string> {
  const token = io.env["SALLYPORT_TOKEN"];
  if (token !== undefined && token !== "") return `Bearer ${token.trim()}`;
  const user = given.user ?? io.env["SALLYPORT_USER"];
  if (user === undefined || user === "")
    throw new UsageError("who are you? Give --user NAME, or set SALLYPORT_USER or SALLYPORT_TOKEN");
  const password = io.env["SALLYPORT_PASSWORD"] ?? (await io.askSecret(`Password of ${user}: `));
  if (password === undefined)
    throw new UsageError("there is no terminal to ask for the password: set SALLYPORT_PASSWORD");
  return `Basic ${Buffer.from(`${user}:${password}`, "utf8").toString("base64")}`;
}

export interface ControlClient {
  get(path: string): Promise<unknown>;
  post(path: string, body: object): Promise<unknown>;
}

/** Signs in (asks for the password once) and speaks to the gateway of the given or configured address. */
export async function controlClient(given: Given, io: Io): Promise<ControlClient> {
  const address = controlAddress(given, io);
  const signedIn = await authorization(given, io);
  return {
    get: (path) => call(address, "GET", path, signedIn, undefined),
    post: (path, body) => call(address, "POST", path, signedIn, JSON.stringify(body)),
  };
}

/** @throws Refused when the gateway says no; UsageError when nobody answers */
export function call(
  address: ControlAddress,
  method: string,
  path: string,
  signedIn: string | undefined,
  body: string | undefined,
): Promise<unknown> {
  const where = `${address.host.includes(":") ? `[${address.host}]` : address.host}:${address.port}`;
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      ...address,
      method,
      path,
      agent: false,
      timeout: TIMEOUT_MS,
      headers: {
        host: where,
        ...(signedIn === undefined ? {} : { authorization: signedIn }),
        ...(body === undefined
          ? {}
          : { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
      },
    });
    request.on("timeout", () => request.destroy(new Error("no answer in time")));
    request.on("error", (fault: NodeJS.ErrnoException) => {
      reject(
        new UsageError(
          `no gateway answers at ${where} (${fault.code ?? fault.message}); is it running, and is this its control address?`,
        ),
      );
    });
    request.on("response", (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > ANSWER_BYTES_MAX) request.destroy(new Error("an endless answer"));
        else chunks.push(chunk);
      });
      response.on("end", () => {
        const status = response.statusCode ?? 0;
        let value: unknown;
        try {
          value = JSON.parse(Buffer.concat(chunks).toString("utf8"));
        } catch {
          reject(new UsageError(`what answers at ${where} is not a gateway's control API`));
          return;
        }
        if (status < 400) resolve(value);
        else reject(new Refused(status, detailOf(value) ?? `the gateway answered ${status}`));
      });
    });
    request.end(body);
  });
}

/** The detail of a problem, or the problems that health tells. */
function detailOf(value: unknown): string | undefined {
  const { detail, problems } = (value ?? {}) as { detail?: unknown; problems?: unknown };
  if (typeof detail === "string") return detail;
  return Array.isArray(problems) && problems.length > 0 ? problems.join("; ") : undefined;
}
