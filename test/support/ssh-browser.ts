import { spawn, type ChildProcess } from "node:child_process";
import type { TestSshGateway } from "./ssh.ts";

/** OpenSSH's client, which was shown a link. */
export interface BrowserSsh {
  readonly link: string;
  readonly code: string;
  readonly child: ChildProcess;
  /** Everything that it showed, and its exit code, once it has ended. */
  readonly done: Promise<{ readonly out: string; readonly status: number | null }>;
}

/** Options of ssh that leave only the browser. */
const NO_KEYS = ["-o", "PubkeyAuthentication=no"];

export function sshWithoutKey(
  gateway: TestSshGateway,
  user: string,
  options: readonly string[] = NO_KEYS,
): Pick<BrowserSsh, "child" | "done"> & { readonly shown: Promise<Pick<BrowserSsh, "link" | "code">> } {
  const child = spawn(
    "ssh",
    ["-F", "none", ...options, "-o", "LogLevel=INFO", ...knownHosts(gateway), `${user}@127.0.0.1`, "echo in"],
    { stdio: ["ignore", "pipe", "pipe"], timeout: 50_000 },
  );
  let out = "";
  const { promise, resolve, reject } = Promise.withResolvers<Pick<BrowserSsh, "link" | "code">>();
  promise.catch(() => undefined);
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => {
      out += text;
      const found = /(https?:\/\/\S+\/\.sallyport\/ssh\/\S+)[^]*the code ([A-Z]{4}-[A-Z]{4})/.exec(out);
      if (found !== null) resolve({ link: found[1]!, code: found[2]! });
    });
  const done = new Promise<{ out: string; status: number | null }>((ended) =>
    child.once("close", (status) => {
      reject(new Error(`ssh showed no link: ${out}`));
      ended({ out, status });
    }),
  );
  return { child, done, shown: promise };
}

const knownHosts = (gateway: TestSshGateway): readonly string[] => [
  ...["-o", `UserKnownHostsFile=${gateway.folder}/known_hosts`, "-o", "StrictHostKeyChecking=yes"],
  ...["-o", `Port=${gateway.port}`, "-o", "IdentitiesOnly=yes"],
];

/** ssh that waits for the browser. */
export async function waitingSsh(
  gateway: TestSshGateway,
  user: string,
  options: readonly string[] = NO_KEYS,
): Promise<BrowserSsh> {
  const { child, done, shown } = sshWithoutKey(gateway, user, options);
  return { child, done, ...(await shown) };
}
