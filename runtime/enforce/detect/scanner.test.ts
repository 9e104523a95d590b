import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DETECTORS, type Expression } from "../../../spec/contract/bundle/index.ts";
import { HOLD_BYTES_MAX, Scanner, StreamScanner } from "./index.ts";

const NONE = { detectors: [], expressions: [] };
const ALL = new Scanner(
  DETECTORS.map((one) => one.name).filter((name) => name !== "national_id"),
  NONE,
);

/** What a scanner finds, as `name: text`. */
function found(scanner: Scanner, text: string): readonly string[] {
  const bytes = Buffer.from(text, "utf8");
  const out: string[] = [];
  scanner.scan(bytes, 0, bytes.length, (detector, from, to) => {
    out.push(`${scanner.names[detector]}: ${bytes.toString("utf8", from, to)}`);
  });
  return out;
}

const KEY = `-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA1c7+9z5Pad7OejecsQ0bu3aozN3tihPmljnnudb9G3HECdnH\nlWu2/a1gB9JW5TBQ+AVpum9Okx7KfqkfBKL9mcHgSAyWMHMToyXn7cNpHgvHOYKs\n-----END RSA PRIVATE KEY-----`;
const JWT =
  "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c";
// Made of two pieces each, so that scanners of source code do not take them for real ones.
const AWS = `AKIA${"IOSFODNN7EXAMPLE"}`;
const GITHUB = `ghp_${"16C7e42F292c6912E7710c838347Ae178B4a"}`;
const STRIPE = `sk_live_${"4eC39HqLyjWDarjtT1zdp7dc"}`;
const SLACK = `xoxb-${"123456789012-1234567890123-4mt0t4l1yf4k3t0k3n"}`;
const GOOGLE = `AIza${"SyDaGmWKa4JsXZ-HjGw7ISLn_3namBGewQe"}`;
const AZURE = `AccountKey=${"Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="}`;

describe("what is found", () => {
  it.each<readonly [text: string, found: readonly string[]]>([
    ["card 4111111111111111.", ["credit_card: 4111111111111111"]],
    ["4111 1111 1111 1111 exp 12/29", ["credit_card: 4111 1111 1111 1111"]],
    ["5500-0000-0000-0004", ["credit_card: 5500-0000-0000-0004"]],
    ["amex 3782 822463 10005", ["credit_card: 3782 822463 10005"]],
    ["6304 9000 1774 0292 441", ["credit_card: 6304 9000 1774 0292 441"]],
    ["at 2024-01-01 4111111111111111", ["credit_card: 4111111111111111"]],
    ["two 4111111111111111,5500000000000004", ["credit_card: 4111111111111111", "credit_card: 5500000000000004"]],
    ["4111111111111112", []],
    ["94111111111111111", []],
    ["order 1234567890123456", []],
    ["0000 0000 0000 0000", []],
    ["iban GB82 WEST 1234 5698 7654 32 ok", ["iban: GB82 WEST 1234 5698 7654 32"]],
    ["DE89370400440532013000", ["iban: DE89370400440532013000"]],
    ["DE89370400440532013001", []],
    ["ssn 536-90-4399", ["us_ssn: 536-90-4399"]],
    ["536 90 4399", ["us_ssn: 536 90 4399"]],
    ["666-90-4399 000-12-3456 900-12-3456 123-00-4567", []],
    ["1536-90-4399", []],
    ["nino AB 12 34 56 C", ["uk_nino: AB 12 34 56 C"]],
    ["QQ123456C", []],
    ["dni 12345678Z, 12345678A", ["es_dni: 12345678Z"]],
    ["nie X1234567L", ["es_dni: X1234567L"]],
    ["RSSMRA85T10A562S", ["it_codice_fiscale: RSSMRA85T10A562S"]],
    ["RSSMRA85T10A562T", []],
    ["nir 2 55 08 14 168 025 38", ["fr_nir: 2 55 08 14 168 025 38"]],
    ["pesel 44051401359", ["pl_pesel: 44051401359"]],
    ["44051401358", []],
    ["cpf 529.982.247-25", ["br_cpf: 529.982.247-25"]],
    ["111.111.111-11", []],
    ["pnr 811228-9874, 19811228-9874", ["se_personnummer: 811228-9874", "se_personnummer: 19811228-9874"]],
    ["hetu 131052-308T", ["fi_hetu: 131052-308T"]],
    ["mail ana.b+c@mail.example.com, or", ["email: ana.b+c@mail.example.com"]],
    ["<ana@example.com>.", ["email: ana@example.com"]],
    ["ö@bücher.example", ["email: ö@bücher.example"]],
    ["user@host @handle a@b", []],
    ["call +43 1 234-56-78 90", ["phone: +43 1 234-56-78 90"]],
    ["1+23", []],
    [`x ${KEY} y`, [`private_key: ${KEY}`]],
    [JSON.stringify({ k: KEY }), [`private_key: ${JSON.stringify(KEY).slice(1, -1)}`]],
    ["-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----", []],
    [`id ${AWS};`, [`cloud_token: ${AWS}`]],
    [
      `aws_secret_access_key = ${"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}`,
      ["cloud_token: wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"],
    ],
    [`key=${GOOGLE}&`, [`cloud_token: ${GOOGLE}`]],
    [AZURE, [`cloud_token: ${AZURE.slice(11)}`]],
    [`token ${GITHUB}`, [`cloud_token: ${GITHUB}`]],
    [`"${SLACK}"`, [`cloud_token: ${SLACK}`]],
    [STRIPE, [`cloud_token: ${STRIPE}`]],
    ["sk_live_short AKIAshort npm_ SG.", []],
    [`Bearer ${JWT}`, [`jwt: ${JWT}`]],
    ["eyJhbGciOiJIUzI1NiJ9.rest.of", []],
    ["", []],
  ])("%s", (text, expected) => {
    expect(found(ALL, text)).toEqual(expected);
  });

  it("a group's matches carry its name", () => {
    expect(found(new Scanner(["national_id"], NONE), "44051401359 and 536-90-4399")).toEqual([
      "national_id: 44051401359",
      "national_id: 536-90-4399",
    ]);
  });
});

/** `E-[0-9]{6}`, by hand. */
const EMPLOYEE: Expression = {
  source: "E-[0-9]{6}",
  starts: [0, 0x2d, 0x2e, 0x30, 0x3a, 0x45, 0x46],
  inputs: [0, 1, 0, 2, 0, 3, 0],
  inputCount: 4,
  next: Uint32Array.from([
    ...[1, 1, 1, 2], // begin: E
    ...[1, 1, 1, 1], // dead
    ...[1, 3, 1, 1], // -
    ...[1, 1, 4, 1],
    ...[1, 1, 5, 1],
    ...[1, 1, 6, 1],
    ...[1, 1, 7, 1],
    ...[1, 1, 8, 1],
    ...[1, 1, 9, 1],
    ...[1, 1, 1, 1],
  ]),
  accepting: [9],
};

describe("detectors of the policy", () => {
  const scanner = new Scanner(["employee", "checked", "email"], {
    detectors: [
      { name: "employee", expression: 0, check: null },
      { name: "checked", expression: 0, check: "luhn" },
    ],
    expressions: [EMPLOYEE],
  });

  it("are found beside built-in ones", () => {
    expect(found(scanner, "öE-123456x a@b.example E-12345 EE-000000")).toEqual([
      "employee: E-123456",
      "email: a@b.example",
      "employee: E-000000",
    ]);
  });

  it("with a check only when it holds", () => {
    const checked = new Scanner(["checked"], {
      detectors: [{ name: "checked", expression: 0, check: "luhn" }],
      expressions: [EMPLOYEE],
    });
    expect(found(checked, "E-123456 E-123455")).toEqual(["checked: E-123455"]);
  });
});

/** What a stream cut into pieces gives. */
function streamed(scanner: Scanner, bytes: Uint8Array, cuts: readonly number[]): readonly string[] {
  const out: string[] = [];
  let text: number[] = [];
  const stream = new StreamScanner(scanner, {
    text: (part, from, to) => void text.push(...part.subarray(from, to)),
    match(detector, part, from, to) {
      out.push(Buffer.from(text).toString("latin1"));
      text = [];
      out.push(`${scanner.names[detector]}: ${Buffer.from(part.subarray(from, to)).toString("latin1")}`);
    },
  });
  let at = 0;
  for (const cut of [...cuts].sort((a, b) => a - b)) {
    stream.push(bytes.subarray(at, Math.max(at, cut)));
    at = Math.max(at, cut);
    expect(stream.held).toBeLessThanOrEqual(HOLD_BYTES_MAX);
  }
  stream.push(bytes.subarray(at));
  stream.flush();
  out.push(Buffer.from(text).toString("latin1"));
  return out;
}

const pieces = fc.array(
  fc.oneof(
    fc.constantFrom(
      ..."4111111111111111|4111 1111 1111 1111|6304 9000 1774 0292 441|GB82 WEST 1234 5698 7654 32|536-90-4399|AB 12 34 56 C|12345678Z".split(
        "|",
      ),
      ..."2 55 08 14 168 025 38|44051401359|529.982.247-25|811228-9874|131052-308T|ana.b@mail.example.com|+43 1 234 56 78 90".split(
        "|",
      ),
      ...[
        KEY,
        AWS,
        GITHUB,
        STRIPE,
        JWT,
        GOOGLE,
        AZURE,
        " ",
        "-",
        ".",
        "1",
        "a",
        "@",
        "\n",
        "-----BEGIN ",
        "eyJ",
        "ghp_",
      ],
    ),
    fc.string({ maxLength: 12 }),
  ),
  { maxLength: 8 },
);

describe("streams", () => {
  it("give the same wherever they are cut (property)", () => {
    fc.assert(
      fc.property(pieces, fc.array(fc.nat(400), { maxLength: 6 }), (texts, cuts) => {
        const bytes = Buffer.from(texts.join(""), "utf8");
        const whole = streamed(ALL, bytes, []);
        expect(
          streamed(
            ALL,
            bytes,
            cuts.map((cut) => Math.min(cut, bytes.length)),
          ),
        ).toEqual(whole);
        const direct: string[] = [];
        ALL.scan(bytes, 0, bytes.length, (detector, from, to) => {
          direct.push(`${ALL.names[detector]}: ${bytes.toString("latin1", from, to)}`);
        });
        expect(whole.filter((_, i) => i % 2 === 1)).toEqual(direct);
      }),
      { numRuns: 400 },
    );
  });

  it("cut at every byte", () => {
    const bytes = Buffer.from(`a 4111 1111 1111 1111, ${KEY}\n ana@b.example. ${JWT} +431234567890 x`, "utf8");
    const whole = streamed(ALL, bytes, []);
    expect(whole.length).toBe(11);
    expect(streamed(ALL, bytes, [...bytes.keys()])).toEqual(whole);
  });

  it("hide a match that is longer than is held, to its end", () => {
    const secret = "Q".repeat(3 * HOLD_BYTES_MAX);
    for (const size of [1, 700, 100_000]) {
      const bytes = Buffer.from(`x ghp_${secret} y`);
      const cuts = Array.from({ length: Math.floor(bytes.length / size) }, (_, i) => i * size);
      const out = streamed(ALL, bytes, cuts);
      expect(out[0]).toBe("x ");
      expect(out.at(-1)).toBe(" y");
      expect(out.filter((_, i) => i % 2 === 0).join("")).not.toContain("QQ");
    }
  });
});

describe("fuzz", () => {
  it("any bytes: matches are in order and apart, and nothing is told that mayMatch denies", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), pieces, (noise, texts) => {
        const bytes = Buffer.concat([noise, Buffer.from(texts.join("")), noise]);
        let last = 0;
        const count = ALL.scan(bytes, 0, bytes.length, (_, from, to) => {
          expect(from).toBeGreaterThanOrEqual(last);
          expect(to).toBeGreaterThan(from);
          last = to;
        });
        expect(last).toBeLessThanOrEqual(bytes.length);
        if (count > 0) expect(ALL.mayMatch(bytes, 0, bytes.length)).toBe(true);
      }),
      { numRuns: 400 },
    );
  });
});
