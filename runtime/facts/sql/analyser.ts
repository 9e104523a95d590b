import { Worker } from "node:worker_threads";
import { InvariantError } from "../../../base/assert.ts";
import type { AnalysedStatement, Analysis, AnalysisError, Literal } from "./analysis.ts";
import { AnalysisCache } from "./cache.ts";
import type { Catalog } from "./catalog.ts";
import { CACHE_BYTES_MAX, DEADLINE_MS, STATEMENT_BYTES_MAX, WORKER_HEAP_MB, WORKER_STACK_MB } from "./limits.ts";
import { prescan } from "./prescan.ts";
import { TemplateKey } from "./template-key.ts";

export type AnalysisResult =
  { readonly ok: true; readonly analysis: Analysis } | { readonly ok: false; readonly error: AnalysisError };

/** A catalog that was handed to the workers. Every version of it has a number of its own. */
export interface CatalogHandle {
  readonly id: number;
  readonly catalog: Catalog;
}

/** What text is read under. Kept by the session as long as it holds, so that look-ups need no key but the text. */
export class ReadingContext {
  readonly catalog: CatalogHandle;
  readonly searchPath: readonly string[] | null;
  readonly cache: AnalysisCache;

  constructor(catalog: CatalogHandle, searchPath: readonly string[] | null, cache: AnalysisCache) {
    this.catalog = catalog;
    this.searchPath = searchPath;
    this.cache = cache;
  }
}

export interface AnalyserOptions {
  readonly workers?: number;
  readonly deadlineMs?: number;
  readonly cacheBytes?: number;
  readonly statementBytes?: number;
  /** Calls back after so many milliseconds; answers how to call it off. */
  readonly after: (ms: number, call: () => void) => () => void;
}

interface Job {
  readonly id: number;
  readonly text: Uint8Array;
  readonly context: ReadingContext;
  readonly settle: (result: AnalysisResult) => void;
}

/**
 * Analyses statements without ever parsing on the caller's thread. A text that was seen before, or one of its shape, is
 * answered at once; others go to a worker with a deadline.
 */
export class Analyser {
  readonly #options: AnalyserOptions;
  readonly #cages: Cage[];
  readonly #contexts = new Map<string, ReadingContext>();
  readonly #template = new TemplateKey();
  readonly #statementBytes: number;
  #nextCatalog = 1;
  #nextJob = 1;

  constructor(options: AnalyserOptions) {
    this.#options = options;
    this.#statementBytes = options.statementBytes ?? STATEMENT_BYTES_MAX;
    this.#cages = Array.from(
      { length: options.workers ?? 1 },
      () => new Cage(options.deadlineMs ?? DEADLINE_MS, options.after),
    );
  }

  /** Resolves once every worker can parse. */
  async ready(): Promise<void> {
    await Promise.all(this.#cages.map((cage) => cage.ready()));
  }

  /** Makes a catalog known. Drop it when no session reads under it any more. */
  addCatalog(catalog: Catalog): CatalogHandle {
    const handle: CatalogHandle = { id: this.#nextCatalog++, catalog };
    for (const cage of this.#cages) cage.addCatalog(handle);
    return handle;
  }

  dropCatalog(handle: CatalogHandle): void {
    for (const cage of this.#cages) cage.dropCatalog(handle);
    for (const [key, context] of this.#contexts) if (context.catalog === handle) this.#contexts.delete(key);
  }

  /** The context of a catalog and search path: the same one for all sessions that share both. */
  context(catalog: CatalogHandle, searchPath: readonly string[] | null): ReadingContext {
    const key = JSON.stringify([catalog.id, searchPath]);
    const known = this.#contexts.get(key);
    if (known !== undefined) return known;
    const context = new ReadingContext(
      catalog,
      searchPath,
      new AnalysisCache(this.#options.cacheBytes ?? CACHE_BYTES_MAX),
    );
    this.#contexts.set(key, context);
    return context;
  }

  /** `text` is read before this returns or copied: the caller may use its memory again. */
  analyse(text: Buffer, context: ReadingContext): AnalysisResult | Promise<AnalysisResult> {
    const template = this.#template;
    const shape = template.of(text);
    if (shape !== null) {
      const known = context.cache.get(shape);
      if (known !== undefined) return { ok: true, analysis: atOffsets(known, template, text.length) };
    }
    // A mark that no shape begins with keeps the two kinds of key apart.
    const exact = `\0${text.toString("latin1")}`;
    const known = context.cache.get(exact);
    if (known !== undefined) return { ok: true, analysis: known };
    const refused = prescan(text, this.#statementBytes);
    if (refused !== null) return { ok: false, error: refused };
    return this.#ask(Uint8Array.from(text), context, shape, exact);
  }

  async #ask(text: Uint8Array, context: ReadingContext, shape: string | null, exact: string): Promise<AnalysisResult> {
    const cage = this.#cages.reduce((least, one) => (one.waiting < least.waiting ? one : least));
    const result = await new Promise<AnalysisResult>((settle) =>
      cage.run({ id: this.#nextJob++, text, context, settle }),
    );
    if (!result.ok) return result;
    // What came over a thread boundary is its own core again.
    const analysis: Analysis = withCore(result.analysis);
    if (shape !== null && analysis.slots !== null) context.cache.set(shape, analysis);
    else context.cache.set(exact, analysis);
    return { ok: true, analysis };
  }

  async close(): Promise<void> {
    await Promise.all(this.#cages.map((cage) => cage.close()));
  }
}

function withCore(analysis: Analysis): Analysis {
  const own = { ...analysis, core: {} };
  own.core = own;
  return own;
}

/** A known analysis for another text of its shape: the same but for the places of the literals. */
function atOffsets(known: Analysis, template: TemplateKey, length: number): Analysis {
  const statement = known.statements[0]!;
  const literals: Literal[] = [];
  let same = true;
  for (let i = 0; i < template.count; i++) {
    const literal = statement.literals[i];
    if (literal === undefined) throw new InvariantError("a shape has as many literals as its first text");
    const start = template.starts[i]!;
    const end = template.ends[i]!;
    if (start === literal.start && end === literal.end) literals.push(literal);
    else {
      same = false;
      literals.push({ start, end, columns: literal.columns, loose: literal.loose, secret: literal.secret });
    }
  }
  if (same) return known;
  const moved: AnalysedStatement = new MovedStatement(statement, length, literals);
  return { statements: [moved], bytes: known.bytes, slots: known.slots, core: known.core };
}

function movedPlace(place: number, from: readonly Literal[], to: readonly Literal[]): number {
  let shift = 0;
  for (let i = 0; i < from.length && from[i]!.end <= place; i++) shift = to[i]!.end - from[i]!.end;
  return place + shift;
}

/** A statement of a known shape: what is its own, and the rest from the first of that shape. */
class MovedStatement implements AnalysedStatement {
  readonly start = 0;
  readonly end: number;
  readonly literals: readonly Literal[];
  readonly units: AnalysedStatement["units"];
  readonly returns: AnalysedStatement["returns"];
  readonly outputs: AnalysedStatement["outputs"];
  readonly influences: AnalysedStatement["influences"];
  readonly stores: AnalysedStatement["stores"];
  readonly relations: AnalysedStatement["relations"];
  readonly reached: AnalysedStatement["reached"];
  readonly opaque: AnalysedStatement["opaque"];
  readonly reachesAnything: boolean;
  readonly calls: AnalysedStatement["calls"];
  readonly effects: AnalysedStatement["effects"];
  readonly copy: AnalysedStatement["copy"];
  readonly inner = null;
  readonly innerText = null;

  constructor(from: AnalysedStatement, end: number, literals: readonly Literal[]) {
    this.end = end;
    this.literals = literals;
    this.units = from.units;
    this.returns = from.returns;
    this.outputs = from.outputs;
    this.influences = from.influences;
    this.stores = from.stores;
    // Behind a literal of another length everything stands elsewhere.
    this.relations = from.relations.some((use) => typeof use.place === "number")
      ? from.relations.map((use) =>
          typeof use.place === "number" ? { ...use, place: movedPlace(use.place, from.literals, literals) } : use,
        )
      : from.relations;
    this.reached = from.reached;
    this.opaque = from.opaque;
    this.reachesAnything = from.reachesAnything;
    this.calls = from.calls;
    this.effects = from.effects;
    this.copy = from.copy;
  }
}

type FromWorker =
  | { readonly kind: "ready" }
  | { readonly kind: "answer"; readonly id: number; readonly answer: Analysis | AnalysisError }
  | { readonly kind: "broken"; readonly id: number; readonly why: string };

/** One worker and the work before it. A worker that breaks, or takes too long, is replaced; its work is refused. */
class Cage {
  readonly #deadlineMs: number;
  readonly #after: AnalyserOptions["after"];
  readonly #catalogs = new Map<number, CatalogHandle>();
  readonly #queue: Job[] = [];
  #worker: Worker;
  #ready: Promise<void> = Promise.resolve();
  #running: Job | null = null;
  #calledOff: () => void = () => undefined;
  #closed = false;

  constructor(deadlineMs: number, after: AnalyserOptions["after"]) {
    this.#deadlineMs = deadlineMs;
    this.#after = after;
    this.#worker = this.#start();
  }

  get waiting(): number {
    return this.#queue.length + (this.#running === null ? 0 : 1);
  }

  ready(): Promise<void> {
    return this.#ready;
  }

  #start(): Worker {
    // The worker is beside this file, compiled or not.
    const extension = import.meta.url.endsWith(".ts") ? ".ts" : ".js";
    const worker = new Worker(new URL(`./worker${extension}`, import.meta.url), {
      resourceLimits: { stackSizeMb: WORKER_STACK_MB, maxOldGenerationSizeMb: WORKER_HEAP_MB },
      // The parser writes to the error stream when it runs out of memory; nothing of it is for the log.
      stderr: true,
    });
    worker.stderr.resume();
    worker.unref();
    this.#ready = new Promise((resolve) => {
      worker.on("message", (message: FromWorker) => {
        if (message.kind === "ready") resolve();
        else this.#heard(worker, message);
      });
    });
    worker.on("error", (fault: unknown) => this.#replace(worker, fault instanceof Error ? fault.message : "it failed"));
    worker.on("exit", () => this.#replace(worker, "it ended"));
    for (const handle of this.#catalogs.values())
      worker.postMessage({ kind: "catalog", id: handle.id, catalog: handle.catalog });
    return worker;
  }

  addCatalog(handle: CatalogHandle): void {
    this.#catalogs.set(handle.id, handle);
    this.#worker.postMessage({ kind: "catalog", id: handle.id, catalog: handle.catalog });
  }

  dropCatalog(handle: CatalogHandle): void {
    this.#catalogs.delete(handle.id);
    this.#worker.postMessage({ kind: "drop", id: handle.id });
  }

  run(job: Job): void {
    this.#queue.push(job);
    this.#next();
  }

  #next(): void {
    if (this.#running !== null || this.#closed) return;
    const job = this.#queue.shift();
    if (job === undefined) return;
    this.#running = job;
    const worker = this.#worker;
    worker.ref();
    // The clock starts when the worker can: its own start is not the statement's fault.
    void this.#ready.then(() => {
      if (this.#running !== job) return;
      this.#calledOff = this.#after(this.#deadlineMs, () => this.#late(worker));
      const { context, text, id } = job;
      worker.postMessage({ kind: "analyse", id, text, catalog: context.catalog.id, searchPath: context.searchPath });
    });
  }

  #heard(worker: Worker, message: Exclude<FromWorker, { kind: "ready" }>): void {
    if (worker !== this.#worker || this.#running?.id !== message.id) return;
    if (message.kind === "broken") {
      this.#replace(worker, message.why);
      return;
    }
    const { answer } = message;
    this.#finish("kind" in answer ? { ok: false, error: answer } : { ok: true, analysis: answer });
  }

  #late(worker: Worker): void {
    if (worker !== this.#worker) return;
    this.#worker = this.#start();
    void worker.terminate();
    this.#finish({ ok: false, error: { kind: "timeout", ms: this.#deadlineMs } });
  }

  #replace(worker: Worker, why: string): void {
    if (worker !== this.#worker || this.#closed) return;
    this.#worker = this.#start();
    void worker.terminate();
    this.#finish({ ok: false, error: { kind: "parser-failed", message: why } });
  }

  #finish(result: AnalysisResult): void {
    this.#calledOff();
    this.#calledOff = () => undefined;
    const job = this.#running;
    this.#running = null;
    if (this.#queue.length === 0) this.#worker.unref();
    job?.settle(result);
    this.#next();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#calledOff();
    await this.#worker.terminate();
    const closed: AnalysisResult = { ok: false, error: { kind: "parser-failed", message: "the gateway is stopping" } };
    this.#running?.settle(closed);
    for (const job of this.#queue) job.settle(closed);
  }
}
