import { MORE, NO, YES, isWord, type Candidate, type Verdict } from "./candidate.ts";
import { mod97 } from "./checks.ts";

/** Length of the account number of each country. Source: the SWIFT registry of IBAN formats. */
const LENGTHS = new Map(
  `AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 ES24 FI18 FO18 FR27 GB22 GE22
  GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MR27 MT31
  MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SE24 SI19 SK24 SM27 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20`
    .trim()
    .split(/\s+/)
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))] as const),
);
/** Two letters, two digits and four more characters trigger. */
const TRIGGER_BYTES = 8;

/** An IBAN whose first eight characters end at `at`, in one piece or in groups of four. */
export function verifyIban(bytes: Uint8Array, start: number, at: number, end: number, out: Candidate): Verdict {
  const from = at - TRIGGER_BYTES + (bytes[at - 4] === 0x20 ? 0 : 1);
  if (from < start) return NO;
  if (from > start && isWord(bytes[from - 1])) return NO;
  const length = LENGTHS.get(String.fromCharCode(bytes[from]! & ~0x20, bytes[from + 1]! & ~0x20));
  if (length === undefined) return NO;
  let text = "";
  let i = from;
  for (; text.length < length; i++) {
    if (i >= end) {
      out.from = from;
      return out.final ? NO : MORE;
    }
    const byte = bytes[i]!;
    if (byte === 0x20 && text.length > 0 && text.length % 4 === 0 && bytes[i - 1] !== 0x20) continue;
    if (!isWord(byte)) return NO;
    text += String.fromCharCode(byte);
  }
  if (i >= end && !out.final) {
    out.from = from;
    return MORE;
  }
  if (i < end && isWord(bytes[i])) return NO;
  if (mod97(text.slice(4) + text.slice(0, 4)) !== 1) return NO;
  out.from = from;
  out.to = i;
  return YES;
}
