import { MORE, NO, YES, isDigit, isWord, type Candidate, type Verdict, type Verify } from "./candidate.ts";
import { isDay, luhn } from "./checks.ts";

const number = (text: string, from: number, to: number): number => Number(text.slice(from, to));

/**
 * A number of fixed shape. Its trigger is the whole of it, so it ends at `at`.
 *
 * @param count characters without separators
 * @param separators what may stand between them and is left out of what `valid` sees
 * @param before, after bytes that may not touch it, beside letters and digits
 */
function fixed(count: number, separators: string, valid: (text: string) => boolean, touching = ""): Verify {
  const skip = new Set([...separators].map((one) => one.charCodeAt(0)));
  const alone = new Set([...touching].map((one) => one.charCodeAt(0)));
  return (bytes: Uint8Array, start: number, at: number, end: number, out: Candidate): Verdict => {
    let from = at + 1;
    let text = "";
    while (text.length < count) {
      from--;
      if (from < start) return NO;
      const byte = bytes[from]!;
      if (!skip.has(byte)) text = String.fromCharCode(byte) + text;
    }
    if (from > start && (isWord(bytes[from - 1]) || alone.has(bytes[from - 1]!))) return NO;
    out.from = from;
    if (at + 1 >= end) {
      if (!out.final) return MORE;
    } else {
      const next = bytes[at + 1]!;
      // A sign that joins only counts when a digit follows: "123-45-6789-" may end a sentence.
      if (isWord(next) || (alone.has(next) && isDigit(bytes[at + 2]))) return NO;
    }
    if (!valid(text)) return NO;
    out.to = at + 1;
    return YES;
  };
}

/** Source: Social Security Administration, numbers that are not assigned. */
export const verifySsn = fixed(
  9,
  "- ",
  (text) => {
    const area = number(text, 0, 3);
    return area !== 0 && area !== 666 && area < 900 && number(text, 3, 5) !== 0 && number(text, 5, 9) !== 0;
  },
  "-",
);

const NINO_PREFIXES_UNUSED: ReadonlySet<string> = new Set(["BG", "GB", "KN", "NK", "NT", "TN", "ZZ"]);
/** Source: HM Revenue & Customs, National Insurance Manual NIM39110. */
export const verifyNino = fixed(9, " ", (text) => {
  const prefix = text.slice(0, 2).toUpperCase();
  return !/[DFIQUV]/.test(prefix) && prefix[1] !== "O" && !NINO_PREFIXES_UNUSED.has(prefix);
});

const DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE";
/** Citizens have eight digits and a letter, foreigners X, Y or Z, seven digits and a letter. */
export const verifyDni = fixed(9, "-", (text) => {
  const upper = text.toUpperCase();
  const digits = "XYZ".includes(upper[0]!) ? `${"XYZ".indexOf(upper[0]!)}${upper.slice(1, 8)}` : upper.slice(0, 8);
  return DNI_LETTERS[Number(digits) % 23] === upper[8];
});

/** Values of characters at odd places, for 0-9 and A-Z. Source: decree of 23 December 1976, table of the check letter. */
const CODICE_ODD = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
export const verifyCodiceFiscale = fixed(16, "", (text) => {
  const upper = text.toUpperCase();
  if (!"ABCDEHLMPRST".includes(upper[8]!)) return false;
  let sum = 0;
  for (let i = 0; i < 15; i++) {
    const code = upper.charCodeAt(i);
    const place = code < 0x3a ? code - 0x30 : code - 0x41;
    sum += i % 2 === 0 ? CODICE_ODD[place]! : place;
  }
  return upper.charCodeAt(15) === 0x41 + (sum % 26);
});

/** Sex, year, month, place of birth, order and key. Source: INSEE, numéro d'inscription au répertoire. */
export const verifyNir = fixed(15, " ", (text) => {
  const month = number(text, 3, 5);
  const believable = (month >= 1 && month <= 12) || (month >= 20 && month <= 42) || (month >= 50 && month <= 99);
  if (!believable || number(text, 5, 7) === 0 || (text[0] !== "1" && text[0] !== "2")) return false;
  return Number(97n - (BigInt(text.slice(0, 13)) % 97n)) === number(text, 13, 15);
});

const PESEL_WEIGHTS = [1, 3, 7, 9, 1, 3, 7, 9, 1, 3];
/** The century is told by what is added to the month. */
export const verifyPesel = fixed(11, "", (text) => {
  if (!isDay(number(text, 2, 4) % 20, number(text, 4, 6))) return false;
  const sum = PESEL_WEIGHTS.reduce((total, weight, i) => total + weight * Number(text[i]), 0);
  return (10 - (sum % 10)) % 10 === Number(text[10]);
});

const cpfDigit = (text: string, count: number): number => {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += Number(text[i]) * (count + 1 - i);
  return ((sum * 10) % 11) % 10;
};
export const verifyCpf = fixed(
  11,
  ".-",
  (text) => !/^(\d)\1*$/.test(text) && cpfDigit(text, 9) === Number(text[9]) && cpfDigit(text, 10) === Number(text[10]),
);

/** A co-ordination number has 60 added to its day. The century, if it is written, takes no part in the check. */
export const verifyPersonnummer = fixed(10, "-+", (text) => {
  const day = number(text, 4, 6);
  return isDay(number(text, 2, 4), day > 60 ? day - 60 : day) && luhn([...text].map(Number));
});
export const verifyPersonnummerLong = fixed(12, "-+", (text) => {
  const day = number(text, 6, 8);
  const century = number(text, 0, 2);
  return (
    century >= 18 &&
    century <= 20 &&
    isDay(number(text, 4, 6), day > 60 ? day - 60 : day) &&
    luhn([...text.slice(2)].map(Number))
  );
});

const HETU_CHECK = "0123456789ABCDEFHJKLMNPRSTUVWXY";
/** Date, century sign, number and check character. */
export const verifyHetu = fixed(11, "", (text) => {
  if (!isDay(number(text, 2, 4), number(text, 0, 2)) || number(text, 7, 10) < 2) return false;
  return HETU_CHECK[(number(text, 0, 6) * 1000 + number(text, 7, 10)) % 31] === text[10]!.toUpperCase();
});
