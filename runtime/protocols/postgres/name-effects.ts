import type { AnalysedStatement } from "../../facts/index.ts";
import type { Expect } from "./expect.ts";
import type { Names } from "./names.ts";

const NO_PARAMETERS: readonly (Buffer | null)[] = [];
const NO_FORMATS: readonly number[] = [];

/** What SQL itself does to names: PREPARE, DEALLOCATE, DECLARE, CLOSE, DISCARD. `among`: with others in one message. */
export function noteEffects(names: Names, statement: AnalysedStatement, expect: Expect, among: boolean): void {
  const { prepares, deallocates, declares, closes } = statement.effects;
  if (prepares === null && deallocates === null && declares === null && closes === null) return;
  const undo = expect.undo;
  const undos: (() => void)[] = undo === null ? [] : [undo];
  const inner = statement.inner;
  if (prepares !== null && inner !== null) {
    undos.push(
      names.setStatement(prepares, {
        text: null,
        memo: null,
        statement: inner,
        innerText: statement.innerText === null ? null : Buffer.from(statement.innerText),
        madeBy: expect,
        columns: null,
        resultFormats: NO_FORMATS,
        from: null,
      }),
    );
  }
  if (declares !== null && inner !== null) {
    undos.push(
      names.setPortal(declares, {
        prepared: null,
        parameters: NO_PARAMETERS,
        parameterFormats: NO_FORMATS,
        declared: inner,
        madeBy: expect,
        columns: null,
        resultFormats: NO_FORMATS,
        from: null,
      }),
    );
  }
  expect.undo = () => {
    for (const one of undos.reverse()) one();
    if (!among) return;
    // PREPARE and DEALLOCATE are not rolled back: those before the one that failed have happened.
    for (const name of [prepares, deallocates]) if (name !== null) names.forget("statement", name);
    if (deallocates === "*") names.dropAllStatements();
  };
  const before = expect.done;
  expect.done = () => {
    before?.();
    if (deallocates === "*") names.dropAllStatements();
    else if (deallocates !== null) names.dropStatement(deallocates);
    if (closes === "*") names.dropAllPortals();
    else if (closes !== null) names.dropPortal(closes);
  };
}
