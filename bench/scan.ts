import { DETECTORS } from "../spec/contract/bundle/index.ts";
import { Scanner } from "../runtime/enforce/detect/index.ts";

/** Rows of a result, of which every tenth holds something that is looked for. Always the same ones. */
function sampleRows(count: number): Buffer {
  const rows: string[] = [];
  let seed = 12345;
  const random = (below: number): number => {
    seed = (seed * 1103515245 + 12345) & 0x7fffffff;
    return seed % below;
  };
  const words = "order shipped to customer warehouse pending review invoice note from support about delivery".split(
    " ",
  );
  const hits = [
    "4111 1111 1111 1111",
    "ana.b@mail.example.com",
    "536-90-4399",
    "DE89370400440532013000",
    `ghp_${"a1B2".repeat(9)}`,
  ];
  for (let i = 0; i < count; i++) {
    const text = Array.from({ length: 8 }, () => words[random(words.length)]).join(" ");
    const hit = i % 10 === 0 ? ` ${hits[random(hits.length)]}` : "";
    rows.push(`${i}\t${text}${hit}\t${random(1_000_000)}\t2026-0${1 + random(9)}-1${random(9)}\n`);
  }
  return Buffer.from(rows.join(""));
}

const NAMES = DETECTORS.map((one) => one.name).filter((name) => name !== "national_id");

/** One expression with what the scanner's triggers ask, as it would be written by hand; it checks nothing. */
const COMBINED = new RegExp(
  [
    "\\b[0-9](?:[ -]?[0-9]){11,18}\\b",
    "\\b[A-Z]{2}[0-9]{2}(?: ?[0-9A-Z]{4}){3,7}(?: ?[0-9A-Z]{1,3})?\\b",
    "\\b[0-9]{3}[- ][0-9]{2}[- ][0-9]{4}\\b",
    "\\b[A-Za-z]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]\\b",
    "\\b(?:[0-9]{8}|[XYZ][0-9]{7})-?[A-Z]\\b",
    "\\b[A-Za-z]{6}[0-9]{2}[A-Za-z][0-9]{2}[A-Za-z][0-9]{3}[A-Za-z]\\b",
    "\\b[0-9]{11}\\b|\\b[0-9]{3}\\.[0-9]{3}\\.[0-9]{3}-[0-9]{2}\\b|\\b[0-9]{6}[-+A-FU-Y][0-9]{3}[0-9A-Y]\\b",
    "[\\w.+%-]{1,64}@[\\w-]+(?:\\.[\\w-]+)+",
    "\\+[1-9][0-9](?:[ ./()-]?[0-9]){6,13}",
    "-----BEGIN [A-Z ]*PRIVATE KEY-----[\\s\\S]*?-----END [A-Z ]*PRIVATE KEY-----",
    "\\b(?:AKIA|ASIA)[0-9A-Z]{16}\\b|\\bAIza[\\w-]{35}|\\bgh[pousr]_\\w{36,}|\\bxox[abeoprs]-[\\w-]{10,}|\\b[sr]k_(?:live|test)_\\w{16,}",
    "\\beyJ[\\w-]{10,}\\.eyJ[\\w-]{10,}\\.[\\w-]*",
  ].join("|"),
  "g",
);

export interface ScanRates {
  readonly scannerMbs: number;
  readonly expressionMbs: number;
  readonly matches: number;
}

/** MB/s of the scanner with every built-in detector, and of one combined RegExp over the same text, turn by turn. */
export function benchScan(rounds: number): ScanRates {
  const bytes = sampleRows(40_000);
  const scanner = new Scanner(NAMES, { detectors: [], expressions: [] });
  const text = bytes.toString("latin1");
  const scanned: number[] = [];
  const matched: number[] = [];
  let matches = 0;
  const count = (): void => void matches++;
  for (let round = 0; round < rounds + 2; round++) {
    matches = 0;
    const a = performance.now();
    scanner.scan(bytes, 0, bytes.length, count);
    const b = performance.now();
    COMBINED.lastIndex = 0;
    let found = 0;
    while (COMBINED.exec(text) !== null) found++;
    const c = performance.now();
    if (found < matches) throw new Error(`the expression finds ${found} where the scanner finds ${matches}`);
    if (round < 2) continue;
    scanned.push(b - a);
    matched.push(c - b);
  }
  const rate = (times: readonly number[]): number =>
    bytes.length / 1000 / [...times].sort((x, y) => x - y)[Math.floor(times.length / 2)]!;
  return { scannerMbs: rate(scanned), expressionMbs: rate(matched), matches };
}

if (import.meta.main) {
  const { scannerMbs, expressionMbs, matches } = benchScan(9);
  process.stdout.write(
    `scanner ${scannerMbs.toFixed(0)} MB/s, one RegExp ${expressionMbs.toFixed(0)} MB/s, ratio ${(scannerMbs / expressionMbs).toFixed(1)}, ${matches} matches\n`,
  );
}
