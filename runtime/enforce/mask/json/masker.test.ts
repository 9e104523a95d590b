import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { REDACT, type MaskSpec } from "../../../../spec/contract/bundle/index.ts";
import { textMask } from "../value-mask.ts";
import { NO_PLACES, buildPlaces } from "./automaton.ts";
import { JSON_DEPTH_MAX, JSON_NUMBER_BYTES_MAX, JSON_VALUE_BYTES_MAX } from "./limits.ts";
import { LOOK_BYTES_MAX } from "./look.ts";
import { JsonStreamMasker, type TextScan } from "./masker.ts";
import { readFieldPattern, type PathStep } from "./path.ts";
import { maskText } from "./plan.ts";

const KEY = Buffer.alloc(32, 7);
type Fields = Readonly<Record<string, MaskSpec>>;

function stepsOf(path: string): readonly PathStep[] {
  const read = readFieldPattern(path);
  if (!read.ok || read.value.kind !== "path") throw new Error(read.ok ? path : read.error);
  return read.value.steps;
}

function maskerOf(fields: Fields, scan: TextScan | null = null, sequence = false): JsonStreamMasker {
  const specs = Object.values(fields);
  const patterns = Object.keys(fields).map((path, mask) => ({ steps: stepsOf(path), mask }));
  const places = patterns.length === 0 ? { ok: true as const, value: NO_PLACES } : buildPlaces(patterns, specs);
  if (!places.ok) throw new Error(places.error);
  return new JsonStreamMasker({
    places: places.value,
    masks: specs.map((spec) => textMask(spec, KEY)),
    scan,
    sequence,
  });
}

/** Hands the text in, cut at these places; the output, or the fault. */
function run(masker: JsonStreamMasker, text: Buffer, cuts: readonly number[] = []): string {
  const places = [...new Set(cuts.filter((at) => at > 0 && at < text.length))].sort((a, b) => a - b);
  const out: Buffer[] = [];
  let from = 0;
  for (const at of [...places, text.length]) {
    // A copy of each: what was answered must not change with memory that is used again.
    out.push(Buffer.from(masker.push(Buffer.from(text.subarray(from, at)))));
    from = at;
  }
  out.push(Buffer.from(masker.end()));
  return masker.fault === null ? Buffer.concat(out).toString("utf8") : `fault: ${masker.fault}`;
}

const mask = (fields: Fields, text: string, scan: TextScan | null = null): string =>
  run(maskerOf(fields, scan), Buffer.from(text));

const EMAIL: MaskSpec = { kind: "email", args: [] };
const LAST4: MaskSpec = { kind: "last", args: [4] };

describe("paths", () => {
  it.each<readonly [path: string, text: string, wanted: string]>([
    ["$.a", '{"a":"x","b":"x"}', '{"a":"***","b":"x"}'],
    ["$.a.b", '{"a":{"b":"x","c":"x"},"b":"x"}', '{"a":{"b":"***","c":"x"},"b":"x"}'],
    ["$.a[*].b", '{"a":[{"b":"x"},{"c":"x"},{"b":"y"}]}', '{"a":[{"b":"***"},{"c":"x"},{"b":"***"}]}'],
    ["$[*]", '["x",["y"],{"k":"z"}]', '["***",["***"],{"k":"***"}]'],
    ["$[1]", '["x","y","z"]', '["x","***","z"]'],
    ["$.*", '{"a":"x","b":["y"]}', '{"a":"***","b":["***"]}'],
    [
      "$..ssn",
      '{"ssn":"1","a":[{"ssn":"2","b":{"ssn":"3"}}],"x":"4"}',
      '{"ssn":"***","a":[{"ssn":"***","b":{"ssn":"***"}}],"x":"4"}',
    ],
    ["$..a.b", '{"a":{"b":"x"},"c":{"a":{"b":"y"}},"b":"z"}', '{"a":{"b":"***"},"c":{"a":{"b":"***"}},"b":"z"}'],
    ["$", '"x"', '"***"'],
    ['$["odd name"]', '{"odd name":"x","odd":"x"}', '{"odd name":"***","odd":"x"}'],
    ["$.größe", '{"größe":"x","grösse":"x"}', '{"größe":"***","grösse":"x"}'],
    ["$.a", '{"b":{"a":"x"}}', '{"b":{"a":"x"}}'],
  ])("%s in %s", (path, text, wanted) => {
    expect(mask({ [path]: REDACT }, text)).toBe(wanted);
  });

  it.each(["a", "$.", "$[", "$[x]", "$.a[", "$['a", "$...a", "$.a b", "$[-1]", "$.[a]", "a.b.c", ""])(
    "%j is no path",
    (text) => {
      expect(readFieldPattern(text).ok).toBe(false);
    },
  );

  it("GraphQL's fields by type", () => {
    expect(readFieldPattern("User.email")).toEqual({
      ok: true,
      value: { kind: "type-field", type: "User", field: "email" },
    });
  });

  it("of two masks the stricter stands", () => {
    expect(
      mask({ "$..n": LAST4, "$.a.n": REDACT, "$.b": EMAIL }, '{"a":{"n":"123456"},"n":"123456","b":{"n":"1@b.at"}}'),
    ).toBe('{"a":{"n":"***"},"n":"***3456","b":{"n":"***@***.at"}}');
  });

  it("paths that multiply are refused, not built", () => {
    const places = buildPlaces([{ steps: stepsOf(`$..a${"[*]".repeat(16)}`), mask: 0 }], [REDACT]);
    expect(places).toEqual({ ok: false, error: expect.stringMatching(/states/) as string });
  });
});

describe("ways around a mask", () => {
  it.each<readonly [title: string, text: string, wanted: string]>([
    ["an escaped key", '{"\\u0073sn":"x"}', '{"\\u0073sn":"***"}'],
    ["a doubled key", '{"ssn":"x","ssn":"y"}', '{"ssn":"***","ssn":"***"}'],
    ["white space", '{ "ssn"\n:\t"x" }', '{ "ssn"\n:\t"***" }'],
    ["a number", '{"ssn":123456}', '{"ssn":null}'],
    ["a number in parts", '{"ssn":-1.5e+10,"a":1}', '{"ssn":null,"a":1}'],
    ["true", '{"ssn":true}', '{"ssn":null}'],
    ["null stays", '{"ssn":null}', '{"ssn":null}'],
    ["a list of values", '{"ssn":["x",["y",{"z":"w","n":4}]]}', '{"ssn":["***",["***",{"z":"***","n":null}]]}'],
    ["an escaped value", '{"ssn":"\\u0078\\n"}', '{"ssn":"***"}'],
    ["a text that ends in an escaped quote", '{"ssn":"x\\"","a":"\\\\"}', '{"ssn":"***","a":"\\\\"}'],
  ])("%s", (_title, text, wanted) => {
    expect(mask({ "$..ssn": REDACT }, text)).toBe(wanted);
  });

  it("an overlong or broken key is no other key", () => {
    const text = Buffer.concat([Buffer.from('{"'), Buffer.from([0xc1, 0xb3]), Buffer.from('sn":"x"}')]);
    expect(run(maskerOf({ "$..ssn": REDACT }), text)).toMatch(/fault: a key is not UTF-8/);
  });
});

describe("what is no JSON is a fault", () => {
  it.each([
    "",
    " ",
    "{",
    "[",
    "[1,]",
    "[,1]",
    '{"a":1,}',
    "{'a':1}",
    "{a:1}",
    '{"a" 1}',
    '{"a":1 "b":2}',
    "[1 2]",
    "[1]]",
    "[1}",
    '{"a":1]',
    "01",
    "-",
    "1.",
    "1e",
    ".5",
    "+1",
    "0x1",
    "NaN",
    "nul",
    "nulx",
    "truee",
    '"a',
    '"\\x"',
    '"\\u12g4"',
    '"\n"',
    "1 2",
    "\uFEFF1",
    "/* */1",
  ])("%j", (text) => {
    expect(() => JSON.parse(text) as unknown).toThrow();
    for (const fields of [{}, { "$..a": REDACT }]) expect(mask(fields, text)).toMatch(/^fault: /);
  });

  it.each([
    ["depth", "[".repeat(JSON_DEPTH_MAX + 1)],
    ["a number", "1".repeat(JSON_NUMBER_BYTES_MAX + 2)],
    ["a masked value", `{"a":"${"x".repeat(JSON_VALUE_BYTES_MAX)}`],
  ])("limit of %s", (_title, text) => {
    expect(mask({ "$.a": REDACT }, text)).toMatch(/fault: .*(deeper|longer) than/);
  });

  it("what no mask touches may be longer than any limit, in flat memory", () => {
    const masker = maskerOf({ "$.b": REDACT });
    masker.push(Buffer.from('{"a":"'));
    const block = Buffer.alloc(65_536, "x");
    for (let i = 0; i < 64; i++) expect(masker.push(block).length).toBe(block.length);
    expect(masker.push(Buffer.from('","b":"y"}')).toString()).toBe('","b":"***"}');
    masker.end();
    expect(masker.fault).toBe(null);
  });
});

it("several values behind one another", () => {
  const text = '{"a":"x"}\n{"a":"y","b":1}\n\n"z"\n\u001e{"a":2}\n7';
  expect(run(maskerOf({ "$.a": REDACT }, null, true), Buffer.from(text))).toBe(
    '{"a":"***"}\n{"a":"***","b":1}\n\n"z"\n\u001e{"a":null}\n7',
  );
});

it("detectors see every text, key and number", () => {
  const scan: TextScan = (text) => text.replaceAll(/4111\d+/g, "***");
  const masker = maskerOf({ "$.a": LAST4 }, scan);
  expect(run(masker, Buffer.from('{"a":"123456","b":"card 4111111!","4111222":[4111333,1],"c":"\\u0034111"}'))).toBe(
    '{"a":"***3456","b":"card ***!","***":[null,1],"c":"\\u0034111"}',
  );
  expect([...masker.counts]).toEqual([1, 3]);
});

// ---- against parse, mask, stringify ----------------------------------------------------------------------------------

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
const KEYS = ["a", "b", "ssn", "e-mail", "größe", "😀", "", "toString"];
const json = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.oneof(
      fc.constant(null),
      fc.boolean(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.string({ unit: "binary" }),
      fc.string(),
    ),
    fc.array(tie("value"), { maxLength: 5 }),
    fc
      .uniqueArray(fc.tuple(fc.constantFrom(...KEYS), tie("value")), { maxLength: 5, selector: ([key]) => key })
      .map((all) => Object.fromEntries(all) as Json),
  ),
})).value;
const step = fc.constantFrom(
  ".a",
  ".b",
  ".ssn",
  '["e-mail"]',
  ".größe",
  '["😀"]',
  '[""]',
  ".toString",
  "[*]",
  ".*",
  "[0]",
  "[1]",
  "..a",
  "..ssn",
  "..*",
  "..[0]",
);
const path = fc.array(step, { maxLength: 4 }).map((steps) => `$${steps.join("")}`);
const spec = fc.constantFrom<MaskSpec>(
  REDACT,
  { kind: "null", args: [] },
  EMAIL,
  LAST4,
  { kind: "first", args: [2] },
  { kind: "hash", args: [] },
);
const fields = fc.dictionary(path, spec, { maxKeys: 4 });

/** The plain meaning: which masks match a place, by trying every pattern on its path. */
function matches(steps: readonly PathStep[], place: readonly (string | number)[]): boolean {
  if (steps.length === 0) return true;
  const [first, ...rest] = steps;
  const takes = (part: string | number): boolean =>
    first!.kind === "any" || (first!.kind === "name" ? part === first!.name : part === first!.index);
  for (let i = 0; i < (first!.deep ? place.length : Math.min(1, place.length)); i++)
    if (takes(place[i]!) && matches(rest, place.slice(i + 1))) return true;
  return false;
}
const STRICT = ["null", "redact", "hash", "email", "first", "last"];
function oracle(
  value: Json,
  all: readonly (readonly [readonly PathStep[], MaskSpec])[],
  place: readonly (string | number)[] = [],
): Json {
  if (Array.isArray(value)) return value.map((one, i) => oracle(one as Json, all, [...place, i]));
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(
      Object.entries(value).map(([key, one]) => [key, oracle(one as Json, all, [...place, key])]),
    );
  const specs = all.filter(([steps]) => matches(steps, place)).map(([, one]) => one);
  specs.sort((a, b) => STRICT.indexOf(a.kind) - STRICT.indexOf(b.kind));
  if (specs[0] === undefined || value === null) return value;
  return typeof value === "string" ? maskText(textMask(specs[0], KEY), value) : null;
}

/** JSON's own notion of what is equal: -0 is 0 in its text. */
const plain = (value: Json): unknown => JSON.parse(JSON.stringify(value));

describe("fuzz", () => {
  it("equals parse, mask and stringify, however it is cut", () => {
    fc.assert(
      fc.property(
        json,
        fields,
        fc.array(fc.nat(400), { maxLength: 8 }),
        fc.constantFrom(undefined, 1),
        (value, chosen, cuts, indent) => {
          const text = Buffer.from(JSON.stringify(value, null, indent));
          const out = run(maskerOf(chosen), text, cuts);
          const all = Object.entries(chosen).map(([one, by]) => [stepsOf(one), by] as const);
          expect(JSON.parse(out)).toEqual(plain(oracle(plain(value) as Json, all)));
        },
      ),
      { numRuns: 1500 },
    );
  });

  it("of texts longer than what is looked at in one go it is the same, wherever that ends", () => {
    fc.assert(
      fc.property(json, fields, fc.nat(200), (value, chosen, before) => {
        const own = JSON.stringify(value);
        const times = Math.ceil((2 * LOOK_BYTES_MAX) / own.length);
        const text = `[${" ".repeat(before)}${new Array<string>(times).fill(own).join()}]`;
        const out = run(maskerOf(chosen), Buffer.from(text));
        const all = Object.entries(chosen).map(([one, by]) => [stepsOf(one), by] as const);
        const masked = [0, times - 1].map((i) => oracle(plain(value) as Json, all, [i]));
        const found = JSON.parse(out) as readonly Json[];
        expect(found[0]).toEqual(plain(masked[0]!));
        // No path that is tried names an element this far behind.
        const last = JSON.stringify(found.at(-1));
        expect(JSON.parse(last)).toEqual(plain(masked[1]!));
        expect(new Set(found.slice(20).map((one) => JSON.stringify(one)))).toEqual(new Set([last]));
      }),
      { numRuns: 60 },
    );
  });

  it("cut at every byte it is the same", () => {
    fc.assert(
      fc.property(json, fields, (value, chosen) => {
        const text = Buffer.from(JSON.stringify(value));
        const whole = run(maskerOf(chosen), text);
        expect(
          run(
            maskerOf(chosen),
            text,
            Array.from({ length: text.length }, (_, i) => i),
          ),
        ).toBe(whole);
      }),
      { numRuns: 300 },
    );
  });

  it("any bytes: what JSON.parse refuses is a fault, and what it takes passes", () => {
    const scraps = fc.array(
      fc.constantFrom(
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        '"',
        "\\",
        "a",
        "1",
        "-",
        ".",
        "e",
        "true",
        "null",
        " ",
        "\n",
        "\\u00",
        "é",
        '"a":',
      ),
      { maxLength: 14 },
    );
    fc.assert(
      fc.property(scraps, fc.array(fc.nat(40), { maxLength: 3 }), (parts, cuts) => {
        const text = parts.join("");
        let valid = true;
        try {
          JSON.parse(text);
        } catch {
          valid = false;
        }
        const out = run(maskerOf({}), Buffer.from(text), cuts);
        expect(out.startsWith("fault: ")).toBe(!valid);
        if (valid) expect(out).toBe(text);
      }),
      { numRuns: 3000 },
    );
  });
});
