import type { BrowserSignIns, Identity, NoIdentity, WaitingSignIn } from "../../identity/index.ts";
import type { NormalRequest } from "../../protocols/http/index.ts";
import type { ClientConnection } from "./client.ts";
import { readForm } from "./form.ts";
import { definitions, htmlPage, text } from "./html.ts";
import type { HttpService } from "./service.ts";

/** Paths of the pages, behind the gateway's own. */
export const SSH_PAGE = /^\/ssh\/([A-Za-z0-9_-]{22})$/;

/** The page on which a person confirms that an SSH connection is theirs. */
export interface SshPage {
  readonly service: HttpService;
  readonly client: ClientConnection;
  readonly request: NormalRequest;
  readonly waiting: BrowserSignIns;
  /** Where the page is, as browsers say it. */
  readonly origin: string;
  readonly id: string;
  /** Leads to the browser's sign-in. */
  readonly challenge: (why: NoIdentity) => void;
}

const OVER = "This sign-in is over, or never was. Connect again with ssh to get a new link.";

export async function sshSignInPage(page: SshPage): Promise<void> {
  const { service, client, request, waiting, id } = page;
  const reading = request.method === "GET" || request.method === "HEAD";
  if (!reading && request.method !== "POST")
    return notice(client, 405, "Not taken", "This page is read, and sent once.");
  if (service.recorder.failed !== null)
    return notice(client, 503, "Not available", "The record can't be written, so nobody is let in.");
  const known = await service.identify(client, request);
  // Without an issuer the page asks for the password itself.
  const byPassword = !known.ok && service.signIn === null && known.error.kind === "none";
  if (!known.ok && !byPassword) return page.challenge(known.error);
  const identity = known.ok ? known.value : null;
  // Only now: where there is an issuer, who has not signed in learns nothing of it.
  const shown = waiting.find(id);
  if (shown === null) return notice(client, 404, "Nothing to sign in", OVER);
  if (identity !== null && identity.name !== shown.name) return wrongPerson(page, identity);
  if (reading) return confirmPage(page, shown, identity, null);
  return answered(page, shown, identity);
}

/** A name that is not the page's. It is told no more, so that links tell nothing about others. */
function wrongPerson({ client, waiting, id }: SshPage, { name }: Identity): void {
  waiting.noteFailure(id);
  const words = `You are signed in here as ${name}, and this sign-in is of another name. Begin it with ssh ${name}%TARGET@…`;
  notice(client, 403, "Somebody else's sign-in", words);
}

/** The person's answer. A browser says of every form where it comes from; without that word nothing is taken. */
async function answered(page: SshPage, shown: WaitingSignIn, identity: Identity | null): Promise<void> {
  const { service, client, request, waiting, id, origin } = page;
  const site = request.byName.get("sec-fetch-site");
  if (request.byName.get("origin") !== origin || (site !== undefined && site !== "same-origin"))
    return notice(client, 403, "Wrong origin", "This is taken from the page itself only.");
  const form = await readForm(client, request);
  const answer = form?.get("answer");
  if (answer === "deny") {
    // While the form was on its way another tab may have confirmed it: then nothing was refused.
    if (waiting.deny(id) !== null) return notice(client, 409, "Nothing to sign in", OVER);
    return notice(
      client,
      200,
      "Denied",
      "The SSH sign-in was refused. Tell whoever runs the gateway if it was not you.",
    );
  }
  if (answer !== "confirm") return notice(client, 400, "Not taken", "The form did not arrive as the page sends it.");
  let found = identity;
  if (found === null) {
    if (!client.private) return notice(client, 403, "Not taken", "Passwords are taken over TLS only.");
    const checked = await service.identities.byPassword(shown.name, form?.get("password") ?? "", client.from);
    if (!checked.ok) {
      service.refusedSignIn(shown.name, client.from, `in the browser: ${checked.error}`);
      waiting.noteFailure(id);
      return confirmPage(page, shown, null, checked.error);
    }
    found = checked.value;
  }
  const fault = waiting.confirm(id, found);
  if (fault !== null) return notice(client, 409, "Nothing to sign in", OVER);
  notice(client, 200, "Signed in", "Go back to your terminal. You can close this page.");
}

function notice(client: ClientConnection, status: number, title: string, words: string): void {
  htmlPage(client, status, title, `<h1>${text(title)}</h1>\n<p role="status">${text(words)}</p>`);
}

function confirmPage(page: SshPage, shown: WaitingSignIn, identity: Identity | null, fault: string | null): void {
  const { client } = page;
  const { name, target, from, code } = shown;
  const elsewhere =
    from === client.from
      ? ""
      : `<p class="late">The SSH connection comes from another address than this browser. Go on only if you know why.</p>`;
  const password =
    identity !== null
      ? ""
      : `<input type="hidden" name="user" autocomplete="username" value="${text(name)}">
<label>Password of ${text(name)} <input name="password" type="password" autocomplete="current-password"></label>`;
  const title = "Sign in to SSH?";
  htmlPage(
    client,
    fault === null ? 200 : 403,
    title,
    `<h1>${title}</h1>
${fault === null ? "" : `<p role="alert" class="late">${text(`Not signed in: ${fault}.`)}</p>`}
<p>Go on only if you began this yourself, just now, and your terminal shows this code:</p>
<p class="code">${text(code)}</p>
${definitions([
  ["As", name],
  ["Target", target ?? "(none)"],
  ["SSH connection from", from],
  ["This browser", client.from],
])}
${elsewhere}
<form method="post">
${password}
<button class="main" name="answer" value="confirm">The codes are the same: sign in</button>
<button name="answer" value="deny">Deny</button>
</form>`,
  );
}
