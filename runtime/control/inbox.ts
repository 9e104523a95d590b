import { createHash } from "node:crypto";
import type { ServerResponse } from "node:http";

/**
 * A page for approvers: who waits for what, with buttons to grant and to deny. The password stays in the page's memory. All
 * that comes from outside is put in as text, never as markup; nothing is loaded from elsewhere.
 */
const STYLE = `
:root { color-scheme: light dark; font: 16px/1.45 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
article { border: 1px solid GrayText; border-radius: .5rem; padding: 1rem; margin: 1rem 0; }
h2 { font-size: 1.05rem; margin: 0 0 .5rem; }
pre { overflow-x: auto; white-space: pre-wrap; border-left: .25rem solid Highlight; padding-left: .75rem; }
label { display: block; margin: .5rem 0; }
input { font: inherit; padding: .3rem; width: min(24rem, 100%); }
button { font: inherit; padding: .4rem 1rem; margin-right: .5rem; }
:focus-visible { outline: 3px solid Highlight; outline-offset: 2px; }
`;

const SCRIPT = `
"use strict";
const $ = (id) => document.getElementById(id);
let authorization = null;
const make = (tag, text) => { const node = document.createElement(tag); if (text !== undefined) node.textContent = text; return node; };
const say = (text) => { $("said").textContent = text; };
async function call(path, body) {
  const response = await fetch(path, {
    method: body === undefined ? "GET" : "POST", credentials: "omit", cache: "no-store",
    headers: { authorization, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const value = await response.json();
  if (!response.ok) throw new Error(value.detail);
  return value;
}
function card(one) {
  const box = make("article");
  box.setAttribute("aria-label", "Request " + one.id);
  box.append(make("h2", one.requester + " on " + one.target), make("pre", one.summary));
  for (const rule of one.rules) box.append(make("p", rule.name + (rule.because ? ": " + rule.because : "") + " (" + rule.granted + " of " + rule.quorum + " granted)"));
  box.append(make("p", one.id + ", waits until " + new Date(one.expiresAt).toLocaleTimeString()));
  if (!one.mayDecide) { box.append(make("p", "This is not yours to decide.")); return box; }
  const label = make("label", "Reason ");
  const reason = make("input"); reason.maxLength = 1000; label.append(reason); box.append(label);
  for (const [verb, title] of [["approve", "Approve"], ["deny", "Deny"]]) {
    const button = make("button", title); button.type = "button";
    button.addEventListener("click", async () => {
      button.disabled = true;
      try { const done = await call("/v1/approvals/" + one.id + "/" + verb, { reason: reason.value }); say(one.id + " is " + done.state + "."); }
      catch (error) { say(error.message); }
      await refresh(true);
    });
    box.append(button);
  }
  return box;
}
let shown = "";
async function refresh(force) {
  if (authorization === null) return;
  try {
    const { approvals } = await call("/v1/approvals?state=pending");
    const now = JSON.stringify(approvals);
    if (now === shown && !force) return;
    // What somebody types is not taken away by a refresh.
    if (!force && $("list").contains(document.activeElement)) return;
    shown = now;
    $("list").replaceChildren(...approvals.map(card));
    $("count").textContent = approvals.length === 0 ? "Nothing waits." : approvals.length + " waiting";
  } catch (error) { say(error.message); }
}
$("sign-in").addEventListener("submit", async (event) => {
  event.preventDefault();
  const bytes = new TextEncoder().encode($("user").value + ":" + $("password").value);
  authorization = "Basic " + btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  try { await call("/v1/status"); } catch (error) { authorization = null; say(error.message); return; }
  $("password").value = ""; $("sign-in").hidden = true; $("inbox").hidden = false; say("");
  await refresh(true); $("count").focus();
});
setInterval(() => void refresh(false), 3000);
`;

const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Approvals</title>
<style>${STYLE}</style>
<h1>Approvals</h1>
<p id="said" role="status" aria-live="polite"></p>
<form id="sign-in" autocomplete="off">
<label>User <input id="user" required autocomplete="username" autofocus></label>
<label>Password <input id="password" type="password" required autocomplete="current-password"></label>
<button>Sign in</button>
</form>
<main id="inbox" hidden>
<p id="count" tabindex="-1"></p>
<div id="list"></div>
</main>
<script>${SCRIPT}</script>
</html>
`;

const hashOf = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

const POLICY = [
  "default-src 'none'",
  `style-src ${hashOf(STYLE)}`,
  `script-src ${hashOf(SCRIPT)}`,
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

export function inboxPage(response: ServerResponse): void {
  response.writeHead(200, {
    "content-type": "text/html; charset=utf-8",
    "content-length": Buffer.byteLength(PAGE),
    "cache-control": "no-store",
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
  });
  response.end(PAGE);
}
