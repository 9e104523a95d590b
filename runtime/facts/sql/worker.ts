import { parentPort } from "node:worker_threads";
import { loadModule, parseSync } from "libpg-query";
import { CatalogIndex, type Catalog } from "./catalog.ts";
import { analyseParsed } from "./parsed.ts";
import { asSyntaxError } from "./syntax-error.ts";

/** What the gateway sends to a worker. */
export type ToWorker =
  | { readonly kind: "catalog"; readonly id: number; readonly catalog: Catalog }
  | { readonly kind: "drop"; readonly id: number }
  | {
      readonly kind: "analyse";
      readonly id: number;
      readonly text: Uint8Array;
      readonly catalog: number;
      readonly searchPath: readonly string[] | null;
    };

/**
 * Runs inside a worker thread: the parser's memory and time are this thread's, and whoever waits for it can end it. Anything
 * but a syntax error leaves the parser in doubt, so it is told and the thread is thrown away.
 */
if (parentPort !== null) {
  const port = parentPort;
  const catalogs = new Map<number, CatalogIndex>();
  const decoder = new TextDecoder("utf-8", { fatal: true });
  await loadModule();
  port.postMessage({ kind: "ready" });
  port.on("message", (message: ToWorker) => {
    if (message.kind === "catalog") {
      catalogs.set(message.id, new CatalogIndex(message.catalog, parseSync));
      return;
    }
    if (message.kind === "drop") {
      catalogs.delete(message.id);
      return;
    }
    const catalog = catalogs.get(message.catalog);
    try {
      if (catalog === undefined) throw new Error("the catalog was not sent");
      const answer = analyseParsed(message.text, (text) => parseSync(text), decoder, {
        catalog,
        searchPath: message.searchPath,
      });
      port.postMessage({ kind: "answer", id: message.id, answer });
    } catch (fault) {
      const syntax = asSyntaxError(fault);
      if (syntax !== null) port.postMessage({ kind: "answer", id: message.id, answer: syntax });
      else
        port.postMessage({
          kind: "broken",
          id: message.id,
          why: fault instanceof Error ? fault.message : String(fault),
        });
    }
  });
}
