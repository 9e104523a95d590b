import { createHash } from "node:crypto";
import type { ClientConnection } from "./client.ts";

/** Pages of the gateway's own for people: no script, nothing loaded from elsewhere, all that comes from outside as text. */
const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; --line: color-mix(in srgb, CanvasText 22%, Canvas); --soft: color-mix(in srgb, CanvasText 6%, Canvas); --quiet: color-mix(in srgb, CanvasText 68%, Canvas); }
body { max-width: 34rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.3rem; margin: .5rem 0 1rem; padding-bottom: .5rem; border-bottom: 1px solid var(--line); }
.code { font: 600 2rem/1.2 ui-monospace, monospace; letter-spacing: .08em; text-align: center; background: var(--soft); border-radius: .6rem; padding: 1rem; margin: 1rem 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; }
dt { color: var(--quiet); }
dd { margin: 0; overflow-wrap: anywhere; }
.late { color: light-dark(#a40000, #ff9a8a); font-weight: 600; }
label { display: block; margin: .75rem 0 0; overflow-wrap: anywhere; }
input { display: block; box-sizing: border-box; font: inherit; padding: .45rem .6rem; width: 100%; border: 1px solid var(--quiet); border-radius: .4rem; background: Canvas; color: CanvasText; }
button { font: inherit; padding: .5rem 1.1rem; margin: .75rem .5rem 0 0; border: 1px solid var(--quiet); border-radius: .4rem; background: var(--soft); color: CanvasText; cursor: pointer; }
button.main { background: light-dark(#0b57d0, #a8c7fa); color: light-dark(#fff, #062e6f); border-color: transparent; }
:focus-visible { outline: 3px solid Highlight; outline-offset: 2px; }
`;

const POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash("sha256").update(STYLE).digest("base64")}'`,
  "img-src data:",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join("; ");

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Somebody's text, as it stands between tags or in an attribute with quotes. */
export const text = (words: string): string => words.replace(/[&<>"']/g, (one) => ENTITIES[one]!);

export const definitions = (pairs: readonly (readonly [name: string, value: string])[]): string =>
  `<dl>${pairs.map(([name, value]) => `<dt>${text(name)}</dt><dd>${text(value)}</dd>`).join("")}</dl>`;

/** Answers with a page. `body` is markup. */
export function htmlPage(client: ClientConnection, status: number, title: string, body: string): void {
  const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${text(title)} · Sallyport</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
<main>
${body}
</main>
</html>
`;
  client.answer(
    status,
    [
      ["content-type", "text/html; charset=utf-8"],
      ["cache-control", "no-store"],
      ["content-security-policy", POLICY],
      ["x-content-type-options", "nosniff"],
      // Under `no-referrer` browsers would not say where a form comes from.
      ["referrer-policy", "same-origin"],
    ],
    Buffer.from(page),
  );
}
