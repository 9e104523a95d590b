import { LEFT_TO_RIGHT, NOTHING, PROHIBITED, RIGHT_TO_LEFT, SPACES } from "./saslprep-tables.ts";

type Ranges = readonly (readonly [first: number, last: number])[];

const parse = (table: string): Ranges =>
  table.split(" ").map((range) => {
    const [first, last] = range.split("-");
    return [Number.parseInt(first!, 16), Number.parseInt(last ?? first!, 16)] as const;
  });

let tables: Record<"spaces" | "nothing" | "prohibited" | "rightToLeft" | "leftToRight", Ranges> | undefined;

/** Parsed at the first password that is not plain ASCII. */
const loadTables = (): NonNullable<typeof tables> =>
  (tables ??= {
    spaces: parse(SPACES),
    nothing: parse(NOTHING),
    prohibited: parse(PROHIBITED),
    rightToLeft: parse(RIGHT_TO_LEFT),
    leftToRight: parse(LEFT_TO_RIGHT),
  });

function contains(ranges: Ranges, codePoint: number): boolean {
  let low = 0;
  let high = ranges.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const [first, last] = ranges[middle]!;
    if (codePoint < first) high = middle - 1;
    else if (codePoint > last) low = middle + 1;
    else return true;
  }
  return false;
}

const isAscii = (bytes: Uint8Array): boolean => bytes.every((byte) => byte < 0x80);

/**
 * A password as PostgreSQL hashes it: prepared by SASLprep (RFC 4013), and left as its raw bytes where that can't be done
 * (bytes that are not UTF-8, prohibited or unassigned code points, mixed directions, nothing left).
 *
 * @returns bytes for PBKDF2
 */
export function saslPrep(password: Uint8Array): Uint8Array {
  if (isAscii(password)) return password;
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(password);
  } catch {
    return password;
  }
  const { spaces, nothing, prohibited, rightToLeft, leftToRight } = loadTables();
  let mapped = "";
  for (const character of text) {
    const codePoint = character.codePointAt(0)!;
    if (contains(spaces, codePoint)) mapped += " ";
    else if (!contains(nothing, codePoint)) mapped += character;
  }
  if (mapped === "") return password;
  // Before the normal form, not after it as the RFC has it: PostgreSQL looks at the mapped text, and its verifiers decide.
  const codePoints = Array.from(mapped, (character) => character.codePointAt(0)!);
  if (codePoints.some((codePoint) => contains(prohibited, codePoint))) return password;
  if (codePoints.some((codePoint) => contains(rightToLeft, codePoint))) {
    const isRightToLeft = (codePoint: number | undefined) =>
      codePoint !== undefined && contains(rightToLeft, codePoint);
    if (codePoints.some((codePoint) => contains(leftToRight, codePoint))) return password;
    if (!isRightToLeft(codePoints[0]) || !isRightToLeft(codePoints.at(-1))) return password;
  }
  return Buffer.from(mapped.normalize("NFKC"), "utf8");
}
