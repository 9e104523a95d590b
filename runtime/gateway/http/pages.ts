import type { Identity, NoIdentity, WebSignIn } from "../../identity/index.ts";
import { takeCookie, type Field, type NormalRequest } from "../../protocols/http/index.ts";
import type { ClientConnection } from "./client.ts";
import type { HttpService } from "./service.ts";
import { SSH_PAGE, sshSignInPage } from "./ssh-page.ts";

/** Everything under it is the gateway's own and never goes to a target. */
export const OWN_PATH = "/.sallyport";

/** Names of the gateway's cookies: only over TLS, only this host, in a secure place; without TLS on this machine under others. */
export const cookieName = (encrypted: boolean, what: "session" | "sign-in"): string =>
  encrypted ? `__Host-sallyport-${what}` : `sallyport-${what}`;

const cookie = (name: string, value: string, maxAgeS: number, encrypted: boolean): Field => [
  "set-cookie",
  `${name}=${value}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${maxAgeS}${encrypted ? "; Secure" : ""}`,
];

const NO_STORE: Field = ["cache-control", "no-store"];

/** Address under which the client knows the gateway. */
export const originOf = (client: ClientConnection, { authority: { host, port } }: NormalRequest): string =>
  `${client.encrypted ? "https" : "http"}://${host}${port === null ? "" : `:${port}`}`;

/** A path on this host to go back to: anything else is not taken, and of the gateway's own pages only the one that leads here. */
const safeBack = (path: string | null | undefined): string =>
  path != null &&
  /^\/(?![/\\])[\x21-\x7e]*$/.test(path) &&
  !path.includes("\\") &&
  (!path.startsWith(`${OWN_PATH}/`) || SSH_PAGE.test(path.slice(OWN_PATH.length)))
    ? path
    : "/";

/**
 * The gateway's own pages: sign-in, sign-out, approvals of whoever asks, sign-ins of SSH, the key set for targets.
 *
 * @param shared a target answers beside them, under whatever host is asked for
 */
export async function ownPage(
  service: HttpService,
  client: ClientConnection,
  request: NormalRequest,
  shared: boolean,
): Promise<void> {
  const path = request.target.path.slice(OWN_PATH.length);
  const isRead = request.method === "GET" || request.method === "HEAD";
  const approval = /^\/approvals\/(apr_[a-z0-9]{1,40})$/.exec(path);
  if (path === "/jwks.json" && isRead) return json(client, 200, await service.assertions.keySet());
  if (path === "/sign-in" && isRead) return beginSignIn(service, client, request);
  if (path === "/callback" && isRead) return finishSignIn(service, client, request);
  if (path === "/sign-out" && request.method === "POST") {
    if (!sameOrigin(client, request)) return void client.problem(FOREIGN);
    return client.answer(
      204,
      [NO_STORE, cookie(cookieName(client.encrypted, "session"), "", 0, client.encrypted)],
      Buffer.alloc(0),
    );
  }
  const ssh = SSH_PAGE.exec(path);
  const { browser } = service;
  if (ssh !== null && !shared && browser?.origin === originOf(client, request)) {
    const fields = service.settings.identityFields;
    const leadIn = (why: NoIdentity): void => challenge(service, client, request, why, fields);
    return sshSignInPage({ service, client, request, ...browser, id: ssh[1]!, challenge: leadIn });
  }
  if (approval !== null && isRead) {
    const identity = await service.identify(client, request);
    if (!identity.ok) return challenge(service, client, request, identity.error, service.settings.identityFields);
    return showApproval(service, client, approval[1]!, identity.value);
  }
  return client.problem({
    status: 404,
    kind: "not-found",
    title: "Not found",
    detail: "The gateway has no such page.",
  });
}

function json(client: ClientConnection, status: number, value: object): void {
  client.answer(status, [["content-type", "application/json"], NO_STORE], Buffer.from(`${JSON.stringify(value)}\n`));
}

function showApproval(service: HttpService, client: ClientConnection, id: string, identity: Identity): void {
  const found = service.approvals.get(id);
  if (found === null || found.requester !== identity.name)
    return client.problem({ status: 404, kind: "not-found", title: "Not found", detail: "You have no such approval." });
  json(client, 200, {
    approval: found.id,
    state: found.state,
    summary: found.summary,
    rules: found.rules.map((rule) => ({ name: rule.name, because: rule.because, quorum: rule.quorum })),
    grants: found.votes.length,
    decidedBy: found.decidedBy,
    reason: found.reason,
    expires: new Date(found.expiresAt).toISOString(),
  });
}

// ---- sign-in -----------------------------------------------------------------------------------------------------------

async function beginSignIn(service: HttpService, client: ClientConnection, request: NormalRequest): Promise<void> {
  const signIn: WebSignIn | null = service.signIn;
  if (signIn === null)
    return client.problem({
      status: 404,
      kind: "not-found",
      title: "Not found",
      detail: "Browser sign-in is not set up here (http.signIn in the configuration).",
    });
  const back = safeBack(new Map(request.target.query).get("back"));
  const begun = await signIn.begin(`${originOf(client, request)}${OWN_PATH}/callback`, back);
  if (!begun.ok) return client.problem({ status: 502, kind: "sign-in", title: "Sign-in failed", detail: begun.error });
  client.answer(
    302,
    [
      ["location", begun.value.location],
      NO_STORE,
      cookie(cookieName(client.encrypted, "sign-in"), begun.value.cookie, 600, client.encrypted),
    ],
    Buffer.alloc(0),
  );
}

async function finishSignIn(service: HttpService, client: ClientConnection, request: NormalRequest): Promise<void> {
  const { signIn, settings, sessions } = service;
  const pending = takeCookie(request.byName.get("cookie") ?? "", cookieName(client.encrypted, "sign-in"));
  if (signIn === null || settings.signIn === null || pending.found === null || pending.doubled)
    return client.problem({
      status: 400,
      kind: "sign-in",
      title: "Sign-in failed",
      detail: "The sign-in did not begin in this browser; begin again.",
    });
  const done = await signIn.finish(`${originOf(client, request)}${request.target.encoded}`, pending.found);
  if (!done.ok) {
    service.refusedSignIn("(browser)", client.from, done.error);
    return client.problem({ status: 403, kind: "sign-in", title: "Sign-in failed", detail: done.error });
  }
  const value = await sessions.write(done.value.identity, settings.signIn.sessionMs);
  if (value === null)
    return client.problem({
      status: 403,
      kind: "sign-in",
      title: "Sign-in failed",
      detail: "You are in too many groups for a cookie.",
    });
  client.answer(
    303,
    [
      ["location", done.value.back],
      NO_STORE,
      cookie(
        cookieName(client.encrypted, "session"),
        value,
        Math.floor(settings.signIn.sessionMs / 1000),
        client.encrypted,
      ),
      cookie(cookieName(client.encrypted, "sign-in"), "", 0, client.encrypted),
    ],
    Buffer.alloc(0),
  );
}

export const FOREIGN = {
  status: 403,
  kind: "wrong-origin",
  title: "Wrong origin",
  detail: "A request of another web page is not taken under a browser's sign-in.",
} as const;

/**
 * Whether a browser says that the request is of a page of this very host. Without a word of the browser about it, it is no
 * browser that minds cookies of others.
 */
export function sameOrigin(client: ClientConnection, request: NormalRequest): boolean {
  const site = request.byName.get("sec-fetch-site");
  if (site !== undefined && site !== "same-origin" && site !== "none") return false;
  const origin = request.byName.get("origin");
  return origin === undefined || origin.toLowerCase() === originOf(client, request);
}

/** Says that somebody must sign in: browsers are led there, others are told how. */
export function challenge(
  service: HttpService,
  client: ClientConnection,
  request: NormalRequest,
  why: NoIdentity,
  names: readonly string[],
): void {
  const wantsPage =
    request.method === "GET" && !request.websocket && (request.byName.get("accept") ?? "").includes("text/html");
  if (wantsPage && service.signIn !== null && why.kind === "none") {
    const back = encodeURIComponent(request.target.encoded);
    return client.answer(302, [["location", `${OWN_PATH}/sign-in?back=${back}`], NO_STORE], Buffer.alloc(0));
  }
  const proxied = why.field === "proxy-authorization" || (why.field === null && service.proxied(request));
  const field = names[0]!;
  client.problem({
    status: proxied ? 407 : 401,
    kind: "sign-in-required",
    title: "Sign in",
    detail: `${why.why[0]!.toUpperCase()}${why.why.slice(1)}. Send ${field}: Bearer and a token of your issuer, or a service token${service.signIn === null ? "" : `; in a browser, open ${OWN_PATH}/sign-in`}.`,
    fields: proxied
      ? [["proxy-authenticate", 'Basic realm="sallyport"']]
      : [["www-authenticate", `Bearer realm="sallyport"`]],
    close: true,
  });
}
