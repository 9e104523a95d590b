import { Packr } from "msgpackr";
import { err, ok, type Result } from "../../../base/result.ts";
import { PROTOCOLS, type ProtocolName } from "../facts/index.ts";
import { encodeIndex, readIndex } from "./index-layout.ts";
import {
  DETECTOR_CHECKS,
  EFFECTS,
  PREDICATE_MODES,
  type BundleRule,
  type ColumnPattern,
  type Constant,
  type Expression,
  type LimitSpec,
  type Manifest,
  type TestVector,
  type VectorRecord,
  type VectorValue,
} from "./manifest.ts";
import { maskFault, maskRow, type MaskKind, type MaskSpec } from "./masks.ts";
import {
  Malformed,
  array,
  each,
  fail,
  int,
  intOrNull,
  ints,
  member,
  text,
  textOrNull,
  texts,
  type Where,
} from "./read.ts";
import { encodeTable, readTable } from "./table.ts";

/**
 * The payload: MessagePack arrays whose places are fixed, so that equal manifests give equal bytes. Reader and writer stand
 * side by side; the reader takes nothing that the writer would not have written.
 */
const packr = new Packr({
  useRecords: false,
  variableMapSize: true,
  encodeUndefinedAsNil: true,
  int64AsType: "number",
});

const CONSTANT_KINDS = ["bool", "int", "string", "set", "glob", "cidr", "expression", "zone"] as const;
const VERDICTS = ["allow", "approve", "deny"] as const;

export function encodeManifest(manifest: Manifest): Buffer {
  return Buffer.from(
    packr.pack([
      manifest.format,
      manifest.package,
      manifest.sequence,
      manifest.requires,
      manifest.facts,
      manifest.constants.map(encodeConstant),
      manifest.expressions.map((one) => [
        one.source,
        one.starts,
        one.inputs,
        one.inputCount,
        encodeTable(one.next),
        one.accepting,
      ]),
      manifest.detectors.map((one) => [
        one.name,
        one.expression,
        one.check === null ? null : DETECTOR_CHECKS.indexOf(one.check),
      ]),
      manifest.programs.map((program) => [program.stepsMax, program.code]),
      manifest.rules.map(encodeRule),
      manifest.sources.map((source) => [source.file, source.sha256]),
      manifest.vectors.map(encodeVector),
      manifest.stepsMax,
      encodeIndex(manifest.index),
    ]),
  );
}

function encodeConstant(constant: Constant): unknown[] {
  const kind = CONSTANT_KINDS.indexOf(constant.kind);
  switch (constant.kind) {
    case "set":
      return [kind, constant.values];
    case "glob":
      return [kind, constant.pattern];
    case "cidr":
      return [kind, constant.text];
    case "expression":
      return [kind, constant.expression];
    case "zone":
      return [kind, [constant.name, constant.from, constant.minutes]];
    default:
      return [kind, constant.value];
  }
}

const encodeMask = (mask: MaskSpec): unknown[] => [mask.kind, ...mask.args];

const encodeLimit = (limit: LimitSpec): unknown[] => [
  limit.rows,
  limit.bytes,
  limit.rate === null ? null : [limit.rate.count, limit.rate.perMs],
];

function encodeRule(rule: BundleRule): unknown[] {
  const { approve, mask, source } = rule;
  return [
    rule.name,
    EFFECTS.indexOf(rule.effect),
    rule.protocols.map((protocol) => PROTOCOLS.indexOf(protocol)),
    rule.condition,
    rule.because,
    rule.annotations.map((one) => [one.key, one.values]),
    [source.file, source.line, source.column],
    approve === null ? null : [approve.groups, approve.users, approve.quorum, approve.withinMs, approve.validMs],
    mask === null
      ? null
      : [
          mask.columns.map((c) => [c.schema, c.table, c.column]),
          mask.fields,
          mask.detect,
          mask.output,
          mask.with.map((w) => [w.name, encodeMask(w.mask)]),
          PREDICATE_MODES.indexOf(mask.predicates),
          mask.trusted,
        ],
    rule.limit === null ? null : encodeLimit(rule.limit),
    rule.alertTo,
  ];
}

function encodeVector(vector: TestVector): unknown[] {
  const facts = vector.facts.map(({ path, value }) => [path, encodeValue(value)]);
  return [PROTOCOLS.indexOf(vector.protocol), facts, VERDICTS.indexOf(vector.verdict), vector.matched];
}

function encodeValue(value: VectorValue | null): unknown {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
  if (isRecords(value)) return [1, ...value.records.map((record) => sortedEntries(record))];
  return [0, ...sortedEntries(value as Readonly<Record<string, string>>)];
}

const isRecords = (value: object): value is { readonly records: readonly VectorRecord[] } =>
  Array.isArray((value as { readonly records?: unknown }).records);

const sortedEntries = (of: Readonly<Record<string, unknown>>): unknown[] =>
  Object.entries(of).sort(([a], [b]) => (a < b ? -1 : 1));

/** What is wrong with a payload, and at which place of it. */
export interface LayoutError {
  readonly where: string;
  readonly why: string;
}

/** Reads a payload. Never throws: whatever the bytes, the answer is a manifest or what is wrong with them. */
export function decodeManifest(bytes: Uint8Array): Result<Manifest, LayoutError> {
  let raw: unknown;
  try {
    raw = packr.unpack(bytes);
  } catch (fault) {
    return err({
      where: "payload",
      why: `is not MessagePack: ${fault instanceof Error ? fault.message : "unreadable"}`,
    });
  }
  try {
    const manifest = readManifest(raw);
    return isCanonical(raw as readonly unknown[], manifest, bytes)
      ? ok(manifest)
      : err({ where: "payload", why: "is not in canonical form" });
  } catch (fault) {
    if (fault instanceof Malformed) return err({ where: fault.where, why: fault.message });
    if (fault instanceof RangeError) return err({ where: "payload", why: "is nested too deep" });
    throw fault;
  }
}

/**
 * Whether the writer would have written these bytes. Every place is read as it stands, so that what was read, written again,
 * tells; but for the test vectors, whose maps may have been out of order or had a key twice: those are built again.
 */
function isCanonical(raw: readonly unknown[], manifest: Manifest, bytes: Uint8Array): boolean {
  if (!packr.pack(raw).equals(bytes)) return false;
  const vectors = packr.pack(raw[VECTORS]);
  return vectors.equals(packr.pack(manifest.vectors.map(encodeVector)));
}

/** Place of the test vectors in the payload. */
const VECTORS = 11;

function readManifest(raw: unknown): Manifest {
  const top = array(raw, "payload", 14);
  if (top[0] !== 3) return fail("format", `is version ${String(top[0])}; this gateway reads version 3`);
  return {
    format: 3,
    package: text(top[1], "package"),
    sequence: int(top[2], "sequence"),
    requires: texts(top[3], "requires"),
    facts: texts(top[4], "facts"),
    constants: each(top[5], "constants", readConstant),
    expressions: each(top[6], "expressions", readExpression),
    detectors: each(top[7], "detectors", (item, where) => {
      const [name, expression, check] = array(item, where, 3);
      return {
        name: text(name, where),
        expression: int(expression, where),
        check: check === null ? null : member(DETECTOR_CHECKS, check, where),
      };
    }),
    programs: each(top[8], "programs", (item, where) => {
      const pair = array(item, where, 2);
      return { stepsMax: int(pair[0], where), code: ints(pair[1], where) };
    }),
    rules: each(top[9], "rules", readRule),
    sources: each(top[10], "sources", (item, where) => {
      const [file, sha256] = array(item, where, 2);
      return { file: text(file, where), sha256: text(sha256, where) };
    }),
    vectors: each(top[11], "vectors", readVector),
    stepsMax: int(top[12], "stepsMax"),
    index: readIndex(top[13], "index"),
  };
}

function readConstant(raw: unknown, where: Where): Constant {
  const pair = array(raw, where, 2);
  const kind = member(CONSTANT_KINDS, pair[0], where);
  const value = pair[1];
  switch (kind) {
    case "bool":
      return typeof value === "boolean" ? { kind, value } : fail(where, "is not true or false");
    case "int":
      return { kind, value: int(value, where) };
    case "string":
      return { kind, value: text(value, where) };
    case "glob":
      return { kind, pattern: text(value, where) };
    case "cidr":
      return { kind, text: text(value, where) };
    case "expression":
      return { kind, expression: int(value, where) };
    case "zone": {
      const [name, from, minutes] = array(value, where, 3);
      return { kind, name: text(name, where), from: ints(from, where), minutes: ints(minutes, where) };
    }
    case "set":
      return { kind, values: array(value, where).map((item) => (typeof item === "string" ? item : int(item, where))) };
  }
}

function readMask(raw: unknown, where: Where): MaskSpec {
  const [kind, ...args] = array(raw, where);
  const spec: MaskSpec = {
    kind: maskRow(text(kind, where)) === undefined ? fail(where, "is no mask that is known") : (kind as MaskKind),
    args: args.map((arg) => (typeof arg === "string" ? arg : int(arg, where))),
  };
  const wrong = maskFault(spec);
  return wrong === null ? spec : fail(where, wrong);
}

function readExpression(raw: unknown, where: Where): Expression {
  const [source, starts, inputs, inputCount, next, accepting] = array(raw, where, 6);
  return {
    source: text(source, where),
    starts: ints(starts, where),
    inputs: ints(inputs, where),
    inputCount: int(inputCount, where),
    next: readTable(next, where),
    accepting: ints(accepting, where),
  };
}

function readLimit(raw: unknown, where: Where): LimitSpec {
  const [rows, bytes, rate] = array(raw, where, 3);
  const readRate = (item: unknown): LimitSpec["rate"] => {
    const [count, perMs] = array(item, where, 2);
    return { count: int(count, where), perMs: int(perMs, where) };
  };
  return { rows: intOrNull(rows, where), bytes: intOrNull(bytes, where), rate: rate === null ? null : readRate(rate) };
}

function readRule(raw: unknown, where: Where): BundleRule {
  const r = array(raw, where, 11);
  const source = array(r[6], where, 3, ".source");
  return {
    name: text(r[0], where),
    effect: member(EFFECTS, r[1], where, ".effect"),
    protocols: array(r[2], where, undefined, ".protocols").map((item): ProtocolName =>
      member(PROTOCOLS, item, where, ".protocols"),
    ),
    condition: int(r[3], where, ".condition"),
    because: textOrNull(r[4], where, ".because"),
    annotations: array(r[5], where, undefined, ".annotations").map((item) => {
      const [key, values] = array(item, where, 2, ".annotations");
      return {
        key: text(key, where),
        values: array(values, where).map((value) =>
          typeof value === "string" || typeof value === "boolean" ? value : int(value, where, ".annotations"),
        ),
      };
    }),
    source: { file: text(source[0], where), line: int(source[1], where), column: int(source[2], where) },
    approve: r[7] === null ? null : readApproval(r[7], where),
    mask: r[8] === null ? null : readMaskClause(r[8], where),
    limit: r[9] === null ? null : readLimit(r[9], where),
    alertTo: texts(r[10], where, ".alertTo"),
  };
}

function readApproval(raw: unknown, where: Where): NonNullable<BundleRule["approve"]> {
  const a = array(raw, where, 5);
  return {
    groups: texts(a[0], where),
    users: texts(a[1], where),
    quorum: int(a[2], where),
    withinMs: int(a[3], where),
    validMs: int(a[4], where),
  };
}

function readMaskClause(raw: unknown, where: Where): NonNullable<BundleRule["mask"]> {
  const [columns, fields, detect, output, withs, predicates, trusted] = array(raw, where, 7);
  return {
    fields: texts(fields, where),
    detect: texts(detect, where),
    output: output === null ? null : ints(output, where),
    predicates: member(PREDICATE_MODES, predicates, where),
    trusted: texts(trusted, where),
    columns: array(columns, where).map((item): ColumnPattern => {
      const [schema, table, column] = array(item, where, 3);
      return { schema: textOrNull(schema, where), table: textOrNull(table, where), column: textOrNull(column, where) };
    }),
    with: array(withs, where).map((item) => {
      const [name, mask] = array(item, where, 2);
      return { name: textOrNull(name, where), mask: readMask(mask, where) };
    }),
  };
}

function readVector(raw: unknown, where: Where): TestVector {
  const [protocol, facts, verdict, matched] = array(raw, where, 4);
  return {
    protocol: member(PROTOCOLS, protocol, where),
    facts: array(facts, where).map((item) => {
      const [path, value] = array(item, where, 2);
      return { path: text(path, where), value: readValue(value, where) };
    }),
    verdict: member(VERDICTS, verdict, where),
    matched: ints(matched, where),
  };
}

function readValue(raw: unknown, where: Where): VectorValue | null {
  if (raw === null || typeof raw === "boolean" || typeof raw === "string") return raw;
  if (typeof raw === "number") return int(raw, where);
  const items = array(raw, where);
  if (items[0] === 1) return { records: items.slice(1).map((item) => readRecord(item, where)) };
  if (items[0] !== 0) return texts(items, where);
  return Object.fromEntries(
    items.slice(1).map((item) => {
      const [key, value] = array(item, where, 2);
      return [text(key, where), text(value, where)] as const;
    }),
  );
}

function readRecord(raw: unknown, where: Where): VectorRecord {
  return Object.fromEntries(
    array(raw, where).map((item) => {
      const [key, value] = array(item, where, 2);
      const read =
        typeof value === "boolean" || typeof value === "string"
          ? value
          : Array.isArray(value)
            ? texts(value, where)
            : int(value, where);
      return [text(key, where), read] as const;
    }),
  );
}
