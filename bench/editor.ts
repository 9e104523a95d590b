import { readFileSync } from "node:fs";
import { Folder, LanguageClient } from "../test/support/language-client.ts";

/**
 * The language server as an editor meets it: from a key pressed to what is said of the new text, and from a question to its
 * answer, over the pipes of a running `policyc lsp`. Medians.
 *
 *   node bench/editor.ts [--rounds N]
 */
const roundsAt = process.argv.indexOf("--rounds");
const ROUNDS = roundsAt < 0 ? 25 : Number(process.argv[roundsAt + 1]);
const RULES = 1000;

const shop = readFileSync(new URL("../policies/shop/shop.policy", import.meta.url), "utf8");
const many = `package many\nlet office = user.groups has "staff"\n${Array.from(
  { length: RULES },
  (_, i) =>
    `deny rule_${i} on sql\n  when office and statement.kind == drop_table and user.name == "u${i}"\n  because "no"\n`,
).join("")}`;

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;

async function timed(run: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    const from = performance.now();
    await run();
    times.push(performance.now() - from);
  }
  return median(times);
}

using folder = new Folder({ "shop.policy": shop });
using large = new Folder({ "many.policy": many });
await using editor = await LanguageClient.start([folder, large]);
for (const [title, uri, text, word] of [
  ["the shop's policy", folder.uri("shop.policy"), shop, "statement.filtered"],
  [`${RULES} rules`, large.uri("many.policy"), many, "statement.kind"],
] as const) {
  await editor.open(uri, text);
  await editor.diagnostics(uri);
  const line = { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };
  const typed = await timed(async () => {
    await editor.change(uri, [{ range: line, text: " " }]);
    await editor.diagnostics(uri);
  });
  const completed = await timed(async () => {
    await editor.change(uri, [{ range: line, text: " " }]);
    await editor.ask("textDocument/completion", uri, word, "statement.".length);
  });
  const hovered = await timed(() => editor.ask("textDocument/hover", uri, word, 2));
  process.stdout.write(
    `${title}: key to diagnostics ${typed.toFixed(1)} ms, key to completion ${completed.toFixed(1)} ms, hover ${hovered.toFixed(1)} ms\n`,
  );
}
