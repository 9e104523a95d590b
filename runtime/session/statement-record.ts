import { createHmac } from "node:crypto";
import { scannerOf, type Scanner } from "../enforce/detect/index.ts";
import { recordParameters, recordRows, recordText, unreadableText, type SampleHoles } from "../enforce/mask/index.ts";
import type { Analysis } from "../facts/index.ts";
import type { Clock } from "../outside/index.ts";
import type { Outcome, SqlAction, Ticket } from "../protocols/index.ts";
import { RecorderFailed, decisionFragments, type SessionLog } from "../record/index.ts";
import { STEADY, drifted } from "./drift.ts";
import type { Kept } from "./statement-verdicts.ts";
import type { TargetCatalog } from "./target-catalog.ts";

export interface StatementRecordParts {
  readonly log: SessionLog;
  readonly catalog: TargetCatalog;
  readonly clock: Clock;
  /** Key of the commitments to statements whose text is not kept whole. */
  readonly commitKey: Uint8Array;
}

/** What the record needs to know of a statement that runs, once its outcome comes. */
export interface SqlTicket extends Ticket {
  readonly startedAt: number;
  readonly holes: SampleHoles;
  /** What the policy looks for: the record keeps none of it. */
  readonly scanner: Scanner | null;
  /** It may have changed the catalog by the time it is done. */
  readonly catalog: boolean;
}

type RecordedText = ReturnType<typeof recordText>;

/** What the record keeps of the statements of one session. What it can't take is answered with null or false. */
export class StatementRecord {
  readonly #parts: StatementRecordParts;
  /** The text that was worked out last. */
  #text: {
    readonly action: SqlAction;
    readonly analysis: Analysis;
    readonly kept: Kept;
    readonly text: RecordedText;
  } | null = null;

  constructor(parts: StatementRecordParts) {
    this.#parts = parts;
  }

  /** Records a statement with its decision. Answers the entry's number. */
  statement(
    action: SqlAction,
    analysis: Analysis,
    kept: Kept,
    decisionId: number,
    refused: string | null,
  ): number | null {
    if (this.#parts.log.over) return null;
    const { text, hidden } = this.text(action, analysis, kept);
    this.#text = null;
    try {
      return this.#parts.log.statement({
        phase: action.phase,
        text,
        parameters:
          action.parameters.length === 0
            ? null
            : recordParameters(
                action.parameters,
                action.parameterFormats,
                kept.reaches,
                scannerOf(kept.bundle.manifest),
              ),
        decision: kept.fragments,
        decisionId,
        commit: hidden ? this.#commit(action.text) : null,
        refused,
      });
    } catch (fault) {
      return unwritten(fault);
    }
  }

  /** Records a text that could not be read. Answers the entry's number. */
  unreadable(action: SqlAction, bundle: string, decisionId: number, refused: string): number | null {
    if (this.#parts.log.over) return null;
    try {
      return this.#parts.log.statement({
        phase: action.phase,
        text: unreadableText(action.text),
        parameters: null,
        decision: decisionFragments({ verdict: "deny", rules: [], deciding: [], masks: [], bundle }, []),
        decisionId,
        commit: this.#commit(action.text),
        refused,
      });
    } catch (fault) {
      return unwritten(fault);
    }
  }

  /** That a statement's conditions go by masked columns is told in an entry of its own. */
  predicates(kept: Kept, decisionId: number): boolean {
    if (this.#parts.log.over) return false;
    try {
      this.#parts.log.append({
        type: "mask.predicates",
        decision: decisionId,
        substituted: kept.substitutes,
        observed: kept.observed,
      });
      return true;
    } catch (fault) {
      return unwritten(fault) !== null;
    }
  }

  /** Records what became of a statement that ran. Where that fails, the recorder stops everything by itself. */
  outcome({ decisionId, startedAt, holes, scanner }: SqlTicket, outcome: Outcome): void {
    const { log, clock } = this.#parts;
    if (this.#parts.log.over) return;
    try {
      log.outcome({
        decisionId,
        status: outcome.status,
        tag: outcome.tag,
        rows: outcome.rows,
        bytes: outcome.bytes,
        us: Math.round((clock.monotonic() - startedAt) * 1000),
        masked: outcome.maskedColumns,
        sqlstate: outcome.sqlstate,
        sample: outcome.sample === null ? null : recordRows(outcome.sample, holes, scanner),
      });
    } catch (fault) {
      unwritten(fault);
    }
  }

  /** The statements' text as it may be kept: worked out once for an alert, the record and an approval. */
  text(action: SqlAction, analysis: Analysis, kept: Kept): RecordedText {
    const known = this.#text;
    if (known !== null && known.action === action && known.analysis === analysis && known.kept === kept)
      return known.text;
    const { catalog } = this.#parts.catalog.current!;
    const { drifts, masked, path } = kept;
    const statements = !kept.unsure
      ? analysis.statements
      : analysis.statements.map(
          (one, i) => drifted(one, drifts?.[i] ?? STEADY, path, catalog, masked.forAnybody).statement,
        );
    const text = recordText(action.text, statements, masked.forAnybody, scannerOf(kept.bundle.manifest));
    this.#text = { action, analysis, kept, text };
    return text;
  }

  #commit(text: Buffer): string {
    return createHmac("sha256", this.#parts.commitKey).update(text).digest("hex");
  }
}

/** What the record can't take is answered with null; any other fault is one. */
function unwritten(fault: unknown): null {
  if (!(fault instanceof RecorderFailed)) throw fault;
  return null;
}
