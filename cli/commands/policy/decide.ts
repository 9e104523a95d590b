import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { ABSENT, type FactValue, type ProtocolName } from "../../../spec/contract/facts/index.ts";
import type { Manifest } from "../../../spec/contract/bundle/index.ts";
import { verify } from "../../../spec/contract/bytecode/index.ts";
import { statedFacts, type ActionResult, type Decide } from "../../../compiler/index.ts";
import type { CheckedTest, TestCase } from "../../../lang/index.ts";
import type { Decision } from "../../../spec/contract/decision/index.ts";
import { LoadedBundle } from "../../../runtime/bundle/index.ts";
import { SessionPolicy, sqlFactReader } from "../../../runtime/decide/index.ts";
import { MaskedCatalog, planMasks } from "../../../runtime/enforce/mask/index.ts";
import type { Analysis, Catalog } from "../../../runtime/facts/index.ts";
import { analyseOffline, catalogFromSchema } from "../../../runtime/facts/sql/offline.ts";
import { prepare } from "../../../runtime/vm/index.ts";
import type { Io } from "../../io.ts";

const EMPTY_SCHEMA = "create schema public";

/** A manifest as the gateway would run it, without its signature. */
export function executableOf(manifest: Manifest): LoadedBundle {
  const verified = verify(manifest);
  if (!verified.ok)
    throw new Error(`the compiler wrote bytecode that does not verify: ${JSON.stringify(verified.error)}`);
  return new LoadedBundle("unsigned", "none", manifest, prepare(verified.value));
}

/** Catalogs of schema files, each read once. */
export class Schemas {
  readonly #io: Io;
  readonly #known = new Map<string, Catalog | string>();

  constructor(io: Io) {
    this.#io = io;
  }

  /** `name` is looked up beside the policy file that names it. Answers what is wrong when it can't be read. */
  of(name: string | null, policyFile: string): Catalog | string {
    if (name === null) return this.#read("", EMPTY_SCHEMA);
    const path = resolve(this.#io.cwd, dirname(policyFile), name);
    const known = this.#known.get(path);
    if (known !== undefined) return known;
    let text: string;
    try {
      text = readFileSync(path, "utf8");
    } catch {
      return `schema ${name} can't be read; it is looked up beside the policy file`;
    }
    return this.#read(path, text);
  }

  #read(path: string, text: string): Catalog | string {
    const made = catalogFromSchema(text);
    const found =
      "kind" in made ? `the schema can't be read: ${made.kind === "syntax" ? made.message : made.kind}` : made;
    this.#known.set(path, found);
    return found;
  }
}

/** One statement by the gateway's own analysis, decision and mask planning. */
export function decideSql(
  bundle: LoadedBundle,
  session: ReadonlyMap<string, FactValue>,
  catalog: Catalog,
  sql: string,
): (ActionResult & { readonly analysis: Analysis }) | string {
  const analysis = analyseOffline(sql, catalog, ["pg_catalog", "public"]);
  if ("kind" in analysis)
    return `the statement can't be analysed: ${analysis.kind === "syntax" ? analysis.message : analysis.kind}`;
  const policy = new SessionPolicy(bundle, "postgres", (path) => session.get(path) ?? ABSENT);
  const execution = {
    nowMs: 0,
    startedMs: 0,
    inTransaction: false,
    prepared: false,
    statementCount: analysis.statements.length,
    parameters: null,
  };
  const units = analysis.statements.flatMap((statement) => statement.units);
  const decision = policy.decideAll(units.map((unit) => sqlFactReader(unit, execution)));
  const { rules } = bundle.manifest;
  const masked =
    decision.masks.length === 0
      ? null
      : new MaskedCatalog(
          catalog,
          decision.masks.map((index) => rules[index]!),
        );
  const plans = analysis.statements.map((statement) => planMasks(statement, masked));
  const refused = plans.find((plan) => plan.kind === "refuse");
  const columns = analysis.statements.flatMap((statement, i) => {
    const plan = plans[i]!;
    return (statement.outputs ?? []).map((output, j) => ({
      name: output.name,
      rule: plan.kind === "mask" ? (plan.columns[j]?.rule ?? null) : null,
      mask: plan.kind === "mask" ? (plan.columns[j]?.spec ?? null) : null,
    }));
  });
  return {
    ...named(bundle, decision),
    columns,
    refusedUnderMask: refused?.kind === "refuse" ? refused.reason : null,
    analysis,
  };
}

/** The test runner's way to decide: with the very code that the gateway runs. */
export function testDecider(manifest: Manifest, io: Io): Decide {
  const bundle = executableOf(manifest);
  const schemas = new Schemas(io);
  return (test: CheckedTest, one: TestCase) => {
    const facts = statedFacts(test, one);
    const { action } = one;
    switch (action.form) {
      case "facts":
        return decideFacts(bundle, action.protocol, facts);
      case "sql": {
        const catalog = schemas.of(test.schema, test.file);
        return typeof catalog === "string" ? catalog : decideSql(bundle, facts, catalog, action.text);
      }
      default:
        return `a test can't read \`${action.form}\` actions yet; state what it would show with \`facts { … }\``;
    }
  };
}

/** A decision with its rules by name. */
function named(bundle: LoadedBundle, decision: Decision): Omit<ActionResult, "columns" | "refusedUnderMask"> {
  const { rules } = bundle.manifest;
  const nameOf = (index: number): string => rules[index]!.name;
  return {
    verdict: decision.verdict,
    deciding: decision.deciding.map(nameOf),
    matched: decision.matched.map(nameOf),
    rowLimit: decision.rowLimit,
    byteLimit: decision.byteLimit,
    because: decision.deciding.flatMap((index) => rules[index]!.because ?? []),
    approvals: decision.verdict === "approve" ? decision.deciding.flatMap((index) => rules[index]!.approve ?? []) : [],
  };
}

function decideFacts(
  bundle: LoadedBundle,
  protocol: ProtocolName,
  facts: ReadonlyMap<string, FactValue>,
): ActionResult {
  const policy = new SessionPolicy(bundle, protocol, (path) => facts.get(path) ?? ABSENT);
  return {
    ...named(
      bundle,
      policy.decide(() => undefined),
    ),
    columns: [],
    refusedUnderMask: null,
  };
}
