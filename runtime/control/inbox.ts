import { createHash } from "node:crypto";
import type { ServerResponse } from "node:http";

/**
 * A page for approvers: who waits for what, with buttons to grant and to deny. The password stays in the page's memory. All
 * that comes from outside is put in as text, never as markup; nothing is loaded from elsewhere.
 */
const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; --line: color-mix(in srgb, CanvasText 22%, Canvas); --soft: color-mix(in srgb, CanvasText 6%, Canvas); --quiet: color-mix(in srgb, CanvasText 68%, Canvas); }
body { max-width: 52rem; margin: 0 auto; padding: 1rem; }
header { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: baseline; justify-content: space-between; border-bottom: 1px solid var(--line); margin-bottom: 1rem; }
h1 { font-size: 1.3rem; margin: .5rem 0; }
h2 { font-size: 1.05rem; margin: 1.5rem 0 .5rem; }
h3 { font-size: 1rem; margin: 0; }
article { border: 1px solid var(--line); border-radius: .6rem; padding: 1rem; margin: 0 0 1rem; }
article > * + * { margin-top: .75rem; }
pre { font: .95rem/1.45 ui-monospace, monospace; overflow-wrap: anywhere; white-space: pre-wrap; background: var(--soft); border-radius: .4rem; padding: .75rem; margin-bottom: 0; max-height: 20rem; overflow-y: auto; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin-bottom: 0; }
dt { color: var(--quiet); }
dd { margin: 0; overflow-wrap: anywhere; }
.quiet { color: var(--quiet); margin: 0; }
.late { color: light-dark(#a40000, #ff9a8a); font-weight: 600; }
#said:not(:empty), #lost { border: 1px solid var(--line); border-left: .3rem solid Highlight; border-radius: .4rem; padding: .5rem .75rem; margin: 0 0 1rem; }
#lost { border-left-color: light-dark(#a40000, #ff9a8a); }
label { display: block; margin: .75rem 0 0; }
input { display: block; box-sizing: border-box; font: inherit; padding: .45rem .6rem; width: min(28rem, 100%); border: 1px solid var(--quiet); border-radius: .4rem; background: Canvas; color: CanvasText; }
button { font: inherit; padding: .5rem 1.1rem; margin: .75rem .5rem 0 0; border: 1px solid var(--quiet); border-radius: .4rem; background: var(--soft); color: CanvasText; cursor: pointer; }
button.main { background: light-dark(#0b57d0, #a8c7fa); color: light-dark(#fff, #062e6f); border-color: transparent; }
button:disabled { opacity: .6; cursor: default; }
header button { margin: 0; padding: .25rem .75rem; }
ul { list-style: none; padding: 0; margin: 0; }
li { border-top: 1px solid var(--line); padding: .5rem 0; overflow-wrap: anywhere; }
:focus-visible { outline: 3px solid Highlight; outline-offset: 2px; }
`;

const SCRIPT = `
"use strict";
const $ = (id) => document.getElementById(id);
let authorization = null;
const make = (tag, text, name) => { const node = document.createElement(tag); if (text !== undefined) node.textContent = text; if (name) node.className = name; return node; };
const say = (text) => { $("said").textContent = text; };
async function call(path, body) {
  let response;
  try {
    response = await fetch(path, {
      method: body === undefined ? "GET" : "POST", credentials: "omit", cache: "no-store",
      headers: { authorization, ...(body === undefined ? {} : { "content-type": "application/json" }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch { $("lost").hidden = false; throw new Error("The gateway does not answer."); }
  $("lost").hidden = true;
  const value = await response.json();
  if (!response.ok) throw new Error(value.detail);
  return value;
}
const left = (iso) => {
  const seconds = Math.max(0, Math.round((Date.parse(iso) - Date.now()) / 1000));
  return seconds >= 120 ? Math.floor(seconds / 60) + " minutes left" : seconds + " seconds left";
};
function facts(pairs) {
  const list = make("dl");
  for (const [name, value] of pairs) list.append(make("dt", name), value instanceof Node ? value : make("dd", value));
  return list;
}
function card(one) {
  const box = make("article");
  box.setAttribute("aria-label", "Request " + one.id);
  const time = make("dd", left(one.expiresAt));
  time.dataset.until = one.expiresAt;
  box.append(
    make("h3", one.requester + " on " + one.target),
    make("pre", one.summary),
    facts([
      ...one.rules.map((rule) => ["Rule", rule.name + (rule.because ? ": " + rule.because : "") + " (" + rule.granted + " of " + rule.quorum + " granted)"]),
      ["Expires", time], ["Request", one.id], ["Session", one.session],
    ]),
  );
  if (!one.mayDecide) { box.append(make("p", "This is not yours to decide.", "quiet")); return box; }
  const form = make("form");
  const label = make("label", "Reason, for the record");
  const reason = make("input"); reason.maxLength = 1000; label.append(reason); form.append(label);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const verb = event.submitter.value;
    for (const button of form.querySelectorAll("button")) button.disabled = true;
    try { const done = await call("/v1/approvals/" + one.id + "/" + verb, { reason: reason.value }); say(one.id + " is " + done.state + "."); }
    catch (error) { say(error.message); }
    await refresh(true);
    $("count").focus();
  });
  for (const [verb, title, name] of [["approve", "Approve", "main"], ["deny", "Deny", ""]]) {
    const button = make("button", title, name); button.value = verb; form.append(button);
  }
  box.append(form);
  return box;
}
const past = (one) => {
  const who = one.decidedBy === null ? "" : " by " + one.decidedBy;
  const state = one.state === "used" ? "approved" + who + ", and it ran" : one.state + who;
  const item = make("li", one.requester + " on " + one.target + ": " + state + (one.reason ? " (" + one.reason + ")" : ""));
  item.append(make("p", one.summary.length > 200 ? one.summary.slice(0, 200) + "…" : one.summary, "quiet"));
  return item;
};
let shown = "";
let asked = 0;
let answered = 0;
async function refresh(force) {
  if (authorization === null) return;
  const turn = ++asked;
  try {
    const { approvals } = await call("/v1/approvals?state=all");
    // An answer that was overtaken by a later one would bring back what is over.
    if (turn < answered) return;
    answered = turn;
    const now = JSON.stringify(approvals);
    if (now === shown && !force) return;
    // What somebody types is not taken away by a refresh.
    if (!force && $("list").contains(document.activeElement)) return;
    shown = now;
    const pending = approvals.filter((one) => one.state === "pending");
    const decided = approvals.filter((one) => one.state !== "pending").sort((a, b) => b.createdAt.localeCompare(a.createdAt)).slice(0, 20);
    $("list").replaceChildren(...pending.map(card));
    $("past").replaceChildren(...decided.map(past));
    $("earlier").hidden = decided.length === 0;
    $("count").textContent = pending.length === 0 ? "Nothing waits." : pending.length === 1 ? "1 request waits." : pending.length + " requests wait.";
    document.title = (pending.length > 0 ? "(" + pending.length + ") " : "") + "Approvals";
  } catch (error) { if ($("lost").hidden) say(error.message); }
}
$("sign-in").addEventListener("submit", async (event) => {
  event.preventDefault();
  const bytes = new TextEncoder().encode($("user").value + ":" + $("password").value);
  authorization = "Basic " + btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  try { await call("/v1/status"); } catch (error) { authorization = null; say(error.message); return; }
  $("password").value = ""; $("sign-in").hidden = true; $("inbox").hidden = false; $("sign-out").hidden = false;
  $("me").textContent = $("user").value; say("");
  await refresh(true); $("count").focus();
});
$("sign-out").addEventListener("click", () => location.reload());
// Not the attribute autofocus: that waits for the first drawing, and keys pressed before it would be lost.
$("user").focus();
setInterval(() => void refresh(false), 3000);
setInterval(() => { for (const node of document.querySelectorAll("[data-until]")) { node.textContent = left(node.dataset.until); node.classList.toggle("late", Date.parse(node.dataset.until) - Date.now() < 120000); } }, 1000);
`;

const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Approvals</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
<header><h1>Approvals</h1><div><span id="me" class="quiet"></span> <button id="sign-out" type="button" hidden>Sign out</button></div></header>
<p id="lost" role="alert" hidden>The gateway does not answer. This page tries again every three seconds.</p>
<p id="said" role="status" aria-live="polite"></p>
<form id="sign-in" autocomplete="off">
<p>Sign in as you do for the databases behind this gateway. The password stays in this page until it is closed.</p>
<label>User <input id="user" required autocomplete="username"></label>
<label>Password <input id="password" type="password" required autocomplete="current-password"></label>
<button class="main">Sign in</button>
</form>
<main id="inbox" hidden>
<h2 id="count" tabindex="-1"></h2>
<div id="list"></div>
<section id="earlier" aria-label="Earlier requests" hidden><h2>Earlier</h2><ul id="past"></ul></section>
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
  "img-src data:",
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
