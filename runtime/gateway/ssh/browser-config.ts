import type { ConfigReader } from "../config-reader.ts";

export interface BrowserSignInConfig {
  /** Where browsers reach the gateway's HTTP listener: scheme, host and port. */
  readonly origin: string;
  readonly waitMs: number;
}

const WAIT_MS = 180_000;
const LOCAL = /^(127\.0\.0\.1|\[::1\]|localhost|[a-z0-9-]+\.localhost)$/;

export function readBrowserSignIn(r: ConfigReader, node: unknown): BrowserSignInConfig {
  const f = r.map(node, "ssh.signIn", ["url", "waitMs"]);
  const text = r.text(f.get("url"), "ssh.signIn.url");
  const url = URL.canParse(text) ? new URL(text) : null;
  const bare = url !== null && url.pathname === "/" && url.search === "" && url.hash === "" && url.username === "";
  const safe = url?.protocol === "https:" || (url?.protocol === "http:" && LOCAL.test(url.hostname));
  if (text !== "" && (!bare || !safe))
    r.fail(f.get("url"), "ssh.signIn.url must be an address such as https://gateway.example.com, without a path");
  return {
    origin: url?.origin ?? "",
    waitMs: r.int(f.get("waitMs"), "ssh.signIn.waitMs", WAIT_MS, 1_000, 600_000),
  };
}

/**
 * The page needs a listener, and a host of its own: a page of a target under the same host could confirm a sign-in with the
 * browser's cookie, and nothing would tell it from the person.
 */
export function checkBrowserSignIn(
  r: ConfigReader,
  node: unknown,
  signIn: BrowserSignInConfig | null,
  http: { readonly listen: readonly object[]; readonly targets: readonly { readonly hosts: readonly string[] }[] },
): void {
  if (signIn === null || signIn.origin === "") return;
  if (http.listen.length === 0) r.fail(node, "ssh.signIn needs a listener with protocol: http, which shows its page");
  const { hostname } = new URL(signIn.origin);
  if (http.targets.some(({ hosts }) => hosts.includes(hostname)))
    r.fail(node, `ssh.signIn.url: the host ${hostname} is a target's; give the gateway a host of its own`);
}
