import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { err, ok, type Result } from "../../base/result.ts";
import type { ApprovalState, Approvals } from "../enforce/approve/index.ts";
import type { Directory, Identity } from "../identity/index.ts";
import { maySee, viewOf } from "./approvals.ts";
import { browserProblem } from "./guard.ts";
import { inboxPage } from "./inbox.ts";
import { BODY_BYTES_MAX, REASON_CHARS_MAX, URL_CHARS_MAX } from "./limits.ts";
import { notFound, problem, voteProblem, type Problem } from "./problem.ts";
import { SignIn } from "./sign-in.ts";

/** Whether the gateway can do its work: anybody on the machine may ask. `problems` holds words without secrets. */
export interface Health {
  readonly healthy: boolean;
  readonly problems: readonly string[];
}

/** What the control API shows and does; the gateway gives it. Values are sent as JSON. */
export interface ControlHost {
  readonly approvals: Approvals;
  readonly directory: Directory;
  /** Groups whose members see all sessions and approvals and may reload the bundle. */
  readonly administrators: readonly string[];
  health(): Health;
  status(): object;
  /** Sessions that are open now. `user` decides who sees them. */
  sessions(): readonly (object & { readonly user: string })[];
  /** The value behind a token; null: there is none; `refused`: not for these groups. The gateway records it. */
  reverseToken(user: string, groups: readonly string[], token: string): Promise<Uint8Array | null | "refused">;
  /** Reads the bundle file again. The error says why it was refused. */
  reloadBundle(): Promise<Result<{ readonly digest: string }, string>>;
}

interface Call {
  readonly host: ControlHost;
  readonly reader: Identity;
  readonly administrator: boolean;
  readonly query: URLSearchParams;
  /** Parts of the path that stand for `{…}` in the route. */
  readonly id: string;
  readonly body: { readonly reason: string | null };
}

type Answer = Result<object, Problem>;
interface Route {
  readonly method: "GET" | "POST";
  readonly path: RegExp;
  readonly answer: (call: Call) => Answer | Promise<Answer>;
}

const STATES: readonly ApprovalState[] = ["pending", "approved", "used", "denied", "expired", "withdrawn", "revoked"];
const ID = "([A-Za-z0-9_-]{1,64})";

const ROUTES: readonly Route[] = [
  {
    method: "GET",
    path: /^\/v1\/status$/,
    answer: ({ host, reader }) => ok({ ...host.status(), user: reader.name, groups: reader.groups }),
  },
  {
    method: "GET",
    path: /^\/v1\/sessions$/,
    answer: ({ host, reader, administrator }) =>
      ok({ sessions: host.sessions().filter((one) => administrator || one.user === reader.name) }),
  },
  { method: "GET", path: /^\/v1\/approvals$/, answer: listApprovals },
  { method: "GET", path: new RegExp(`^/v1/approvals/${ID}$`), answer: showApproval },
  { method: "POST", path: new RegExp(`^/v1/approvals/${ID}/approve$`), answer: (call) => decide(call, "approve") },
  { method: "POST", path: new RegExp(`^/v1/approvals/${ID}/deny$`), answer: (call) => decide(call, "deny") },
  { method: "POST", path: new RegExp(`^/v1/tokens/${ID}/reverse$`), answer: reverseToken },
  { method: "POST", path: /^\/v1\/bundle\/reload$/, answer: reloadBundle },
];

function listApprovals({ host, reader, administrator, query }: Call): Answer {
  const asked = query.get("state");
  const state = STATES.find((one) => one === asked) ?? null;
  if (asked !== null && asked !== "all" && state === null) {
    return err(problem(400, "bad-query", "Unknown state", `state is one of ${STATES.join(", ")} or all.`));
  }
  const visible = host.approvals.list(state).filter((record) => maySee(record, reader, administrator));
  return ok({ approvals: visible.map((record) => viewOf(record, reader)) });
}

function showApproval({ host, reader, administrator, id }: Call): Answer {
  const record = host.approvals.get(id);
  return record !== null && maySee(record, reader, administrator)
    ? ok(viewOf(record, reader))
    : err(notFound("such approval"));
}

async function decide(call: Call, vote: "approve" | "deny"): Promise<Answer> {
  const { host, reader, administrator, id, body } = call;
  const record = host.approvals.get(id);
  if (record === null || !maySee(record, reader, administrator)) return err(notFound("such approval"));
  const decided = await host.approvals[vote](id, reader, body.reason);
  return decided.ok ? ok(viewOf(decided.value, reader)) : err(voteProblem(decided.error));
}

async function reverseToken({ host, reader, id }: Call): Promise<Answer> {
  const value = await host.reverseToken(reader.name, reader.groups, id);
  if (value === null) return err(notFound("such token"));
  if (value === "refused")
    return err(
      problem(403, "not-allowed", "Not allowed", "tokens.reverse in the configuration names the groups that may."),
    );
  return ok({ token: id, value: Buffer.from(value).toString("utf8") });
}

async function reloadBundle({ host, administrator }: Call): Promise<Answer> {
  if (!administrator)
    return err(
      problem(
        403,
        "not-administrator",
        "Not an administrator",
        "control.administrators in the configuration names who may.",
      ),
    );
  const loaded = await host.reloadBundle();
  return loaded.ok ? ok(loaded.value) : err(problem(422, "bundle-refused", "Bundle refused", loaded.error));
}

/**
 * The control API: what `sallyport approvals`, `status` and the inbox page speak. To be served on a loopback address or a
 * private socket only. Every answer is JSON, errors are `application/problem+json`; nothing is answered to a request that a
 * foreign web page could have made.
 */
export function controlListener(host: ControlHost): RequestListener {
  const signIn = new SignIn(host.directory);
  return (request, response) => {
    respond(host, signIn, request, response).catch(() => {
      // A bug of ours: this one request fails, and says nothing about the inside.
      if (response.headersSent) response.destroy();
      else sendProblem(response, problem(500, "fault", "Fault", "The gateway could not answer. Its log says why."));
    });
  };
}

async function respond(
  host: ControlHost,
  signIn: SignIn,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const refused = browserProblem(request);
  if (refused !== null) return sendProblem(response, refused);
  const target = request.url ?? "/";
  if (target.length > URL_CHARS_MAX)
    return sendProblem(
      response,
      problem(414, "too-long", "Address too long", `An address has at most ${URL_CHARS_MAX} characters.`),
    );
  const [path = "/", query = ""] = target.split("?", 2);
  if (path === "/healthz" && isRead(request)) {
    const health = host.health();
    return send(response, health.healthy ? 200 : 503, {
      status: health.healthy ? "ok" : "failing",
      problems: health.problems,
    });
  }
  if (path === "/" && isRead(request)) return void inboxPage(response);
  const onPath = ROUTES.filter((route) => route.path.test(path));
  const route = onPath.find(
    (one) => one.method === request.method || (one.method === "GET" && request.method === "HEAD"),
  );
  if (route === undefined) {
    if (onPath.length === 0) return sendProblem(response, notFound("such page"));
    response.setHeader("allow", onPath.map((one) => one.method).join(", "));
    return sendProblem(
      response,
      problem(
        405,
        "wrong-method",
        "Wrong method",
        `This address takes ${onPath.map((one) => one.method).join(" and ")}.`,
      ),
    );
  }
  const body = route.method === "POST" ? await readBody(request) : ok({ reason: null });
  if (!body.ok) return sendProblem(response, body.error);
  const reader = await signIn.identify(request);
  if (!reader.ok) return sendProblem(response, reader.error);
  const administrator = reader.value.groups.some((group) => host.administrators.includes(group));
  const id = route.path.exec(path)?.[1] ?? "";
  const answer = await route.answer({
    host,
    reader: reader.value,
    administrator,
    query: new URLSearchParams(query),
    id,
    body: body.value,
  });
  if (answer.ok) send(response, 200, answer.value);
  else sendProblem(response, answer.error);
}

const isRead = (request: IncomingMessage): boolean => request.method === "GET" || request.method === "HEAD";

/** A body is `{}` or `{"reason": "…"}`, sent as JSON: a form of a foreign page can't send that without asking first. */
async function readBody(request: IncomingMessage): Promise<Result<{ reason: string | null }, Problem>> {
  if (!/^application\/json\s*(;\s*charset=utf-8\s*)?$/i.test(request.headers["content-type"] ?? "")) {
    return err(problem(415, "not-json", "Not JSON", "Send the body as application/json."));
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > BODY_BYTES_MAX)
        return err(problem(413, "too-large", "Body too large", `A body has at most ${BODY_BYTES_MAX} bytes.`));
      chunks.push(chunk);
    }
  } catch {
    return err(problem(400, "bad-body", "Body cut off", "The body did not arrive whole."));
  }
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks)));
  } catch {
    return err(problem(400, "bad-body", "Not JSON", "The body is not JSON in UTF-8."));
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return err(problem(400, "bad-body", "Not an object", 'The body is an object: {} or {"reason": "…"}.'));
  const { reason = null, ...others } = value as { reason?: unknown };
  const surplus = Object.keys(others)[0];
  if (surplus !== undefined) return err(problem(400, "bad-body", "Unknown field", "The body takes one field, reason."));
  if (reason !== null && (typeof reason !== "string" || reason.length > REASON_CHARS_MAX)) {
    return err(problem(400, "bad-body", "Bad reason", `reason is a text of at most ${REASON_CHARS_MAX} characters.`));
  }
  return ok({ reason: reason === "" ? null : reason });
}

function send(response: ServerResponse, status: number, value: object, type = "application/json"): void {
  const bytes = Buffer.from(`${JSON.stringify(value)}\n`, "utf8");
  response.writeHead(status, {
    "content-type": `${type}; charset=utf-8`,
    "content-length": bytes.length,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  });
  response.end(bytes);
}

function sendProblem(response: ServerResponse, { status, code, title, detail }: Problem): void {
  // No WWW-Authenticate: a browser would ask for the password itself, keep it, and send it along for other pages.
  if (status === 413 || status === 415) response.setHeader("connection", "close");
  send(
    response,
    status,
    { type: `urn:sallyport:problem:${code}`, title, status, detail, code },
    "application/problem+json",
  );
}
