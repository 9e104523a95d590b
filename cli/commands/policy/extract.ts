import { ABSENT, factsOf, type FactValue } from "../../../spec/contract/facts/index.ts";
import type { BundleRule } from "../../../spec/contract/bundle/index.ts";
import {
  NOTHING_SHOWN,
  actionText,
  protocolOf,
  statedFacts,
  type ActionForm,
  type Capture,
  type CapturedAction,
  type MaskingRule,
  type Shown,
  type RunCase,
} from "../../../compiler/index.ts";
import type { FactMap } from "../../../lang/index.ts";
import { sqlFactReader } from "../../../runtime/decide/index.ts";
import { MaskedCatalog, planMasks } from "../../../runtime/enforce/mask/index.ts";
import type { Analysis, Catalog } from "../../../runtime/facts/index.ts";
import { analyseOffline } from "../../../runtime/facts/sql/offline.ts";
import { captureHttp, captureTool } from "./extract-http.ts";
import { execRequest, sshFacts } from "../../../runtime/protocols/ssh/index.ts";
import type { Schemas } from "./schemas.ts";

/** What an extractor has at hand. */
export interface ExtractContext {
  readonly schemas: Schemas;
}

/** Finds an action's facts as the adapter of its protocol does in the gateway; a text is what is wrong with the test. */
export type Extractor = (one: RunCase, session: FactMap, context: ExtractContext) => CapturedAction | string;

const notYet =
  (form: ActionForm, what: string): Extractor =>
  () =>
    `this version can't take ${what} apart, so a test with \`${form}\` can't run; state what the policy asks for in \`facts { … }\` instead`;

/** One row for each form of an action. A new adapter puts its extraction here, and every tool that runs tests has it. */
const EXTRACTORS: Readonly<Record<ActionForm, Extractor>> = {
  facts: ({ row }, session) => ({ protocol: protocolOf(row), units: [session], show: () => NOTHING_SHOWN }),
  sql: ({ test, row }, session, { schemas }) => {
    const catalog = schemas.of(test.schema, test.file);
    return typeof catalog === "string" ? catalog : captureSql(actionText(row.action) ?? "", session, catalog);
  },
  ssh: ({ row }, session) => captureSsh(actionText(row.action) ?? "", session),
  http: captureHttp,
  kubectl: notYet("kubectl", "a kubectl command"),
  tool: captureTool,
};

/** The test runner's way to the facts of a case. */
export function captureWith(context: ExtractContext): Capture {
  return (one) => EXTRACTORS[one.row.action.form](one, statedFacts(one.test, one.row), context);
}

/** An SQL text by the gateway's own analysis. */
export function captureSql(sql: string, session: FactMap, catalog: Catalog): CapturedAction | string {
  const analysis = analyseSql(sql, catalog);
  if (typeof analysis === "string") return analysis;
  return {
    protocol: "postgres",
    units: unitFacts(analysis, session),
    show: (masks) => showSql(analysis, catalog, masks),
  };
}

/** A command line by the gateway's own reading, in the account's home folder and without a terminal unless the test says so. */
export function captureSsh(command: string, session: FactMap): CapturedAction {
  const read = sshFacts(execRequest(command, false, null), false);
  const facts = new Map<string, FactValue>(session);
  for (const { path } of factsOf("ssh")) {
    if (session.has(path)) continue;
    const value = read(path);
    if (value !== undefined && value !== ABSENT) facts.set(path, value);
  }
  return { protocol: "ssh", units: [facts], show: () => NOTHING_SHOWN };
}

/** The gateway's analysis of an SQL text, or what is wrong with it. */
export function analyseSql(sql: string, catalog: Catalog): Analysis | string {
  const analysis = analyseOffline(sql, catalog, ["pg_catalog", "public"]);
  return "kind" in analysis
    ? `the statement can't be analysed: ${analysis.kind === "syntax" ? analysis.message : analysis.kind}`
    : analysis;
}

function unitFacts(analysis: Analysis, session: FactMap): readonly FactMap[] {
  const started = session.get("session.started");
  const now = session.get("time");
  const execution = {
    nowMs: typeof now === "number" ? now : 0,
    startedMs: typeof started === "number" ? started : 0,
    inTransaction: false,
    prepared: false,
    statementCount: analysis.statements.length,
    parameters: null,
  };
  return analysis.statements
    .flatMap((statement) => statement.units)
    .map((unit) => {
      const read = sqlFactReader(unit, execution);
      const facts = new Map<string, FactValue>(session);
      for (const { path } of factsOf("postgres")) {
        // What a test states of its own accord stands in place of what would be found.
        if (session.has(path)) continue;
        const value = read(path);
        if (value !== undefined && value !== ABSENT) facts.set(path, value);
      }
      return facts;
    });
}

/** What of a mask rule masking looks at. */
const asBundleRule = (rule: MaskingRule): BundleRule => ({
  name: rule.name,
  effect: "mask",
  protocols: [],
  condition: -1,
  because: null,
  annotations: [],
  source: { file: "", line: 0, column: 0 },
  approve: null,
  // Streams are not masked by columns, so their expressions are left out.
  mask: rule.mask === null ? null : { ...rule.mask, output: rule.mask.output === null ? null : [] },
  limit: null,
  alertTo: [],
});

/** Masks put to the columns of a catalog are kept, for many actions and mutants share them. */
const maskedCatalogs = new WeakMap<Catalog, Map<string, MaskedCatalog>>();

function maskedCatalog(catalog: Catalog, masks: readonly MaskingRule[]): MaskedCatalog {
  let known = maskedCatalogs.get(catalog);
  if (known === undefined) maskedCatalogs.set(catalog, (known = new Map<string, MaskedCatalog>()));
  const key = JSON.stringify(masks.map((rule) => [rule.name, rule.mask]));
  let found = known.get(key);
  if (found === undefined) known.set(key, (found = new MaskedCatalog(catalog, masks.map(asBundleRule))));
  return found;
}

function showSql(analysis: Analysis, catalog: Catalog, masks: readonly MaskingRule[]): Shown {
  const masked = masks.length === 0 ? null : maskedCatalog(catalog, masks);
  const plans = analysis.statements.map((statement) => planMasks(statement, masked));
  const refused = plans.find((plan) => plan.kind === "refuse");
  const columns = analysis.statements.flatMap((statement, i) => {
    const plan = plans[i]!;
    return (statement.outputs ?? []).map((output, j) => {
      const mask = plan.kind === "mask" ? (plan.columns[j] ?? null) : null;
      return { name: output.name, rule: mask?.rule ?? null, mask: mask?.spec ?? null };
    });
  });
  return { columns, refused: refused?.kind === "refuse" ? refused.reason : null };
}
