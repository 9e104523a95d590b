import { TOKEN_BYTES_MAX } from "../limits.ts";
import { MORE, NO, YES, alphabet, isWord, type Candidate, type Verdict, type Verify } from "./candidate.ts";

/** A token by its beginning: what stands there, what it is made of and how long that is. */
export interface TokenShape {
  /** The whole fixed beginning. */
  readonly prefix: string;
  /** So many of its bytes are the trigger. */
  readonly triggered: number;
  readonly alphabet: Uint8Array;
  readonly min: number;
  readonly max: number;
  /** The beginning is the name of a field: only what follows is the secret. */
  readonly label: boolean;
}

const ALNUM = alphabet("0-9A-Za-z");
const URL64 = alphabet("0-9A-Za-z_-");
const BASE64 = alphabet("0-9A-Za-z+/=");
const UPPER_DIGITS = alphabet("0-9A-Z");
const HEX = alphabet("0-9a-fA-F");
const DOTTED = alphabet("0-9A-Za-z_.-");
const SLASHED = alphabet("0-9A-Za-z/");
const TRIGGER_BYTES = 5;

const shape = (prefix: string, letters: Uint8Array, min: number, max = TOKEN_BYTES_MAX, label = false): TokenShape => ({
  prefix,
  triggered: Math.min(prefix.length, TRIGGER_BYTES),
  alphabet: letters,
  min,
  max,
  label,
});

/** Public shapes of tokens, as their issuers and their secret scanners describe them. */
export const TOKENS: readonly TokenShape[] = [
  ...["AKIA", "ASIA", "ABIA", "ACCA"].map((prefix) => shape(prefix, UPPER_DIGITS, 16, 16)),
  // A secret access key has no beginning of its own; beside its name it is believed.
  ...["aws_secret_access_key", "AWS_SECRET_ACCESS_KEY", "SecretAccessKey", "secretAccessKey"].map((name) =>
    shape(name, BASE64, 40, 40, true),
  ),
  shape("AIza", URL64, 35, 35),
  shape("ya29.", DOTTED, 20),
  shape("GOCSPX-", URL64, 28, 28),
  shape("AccountKey=", BASE64, 86, 88, true),
  shape("SharedAccessKey=", BASE64, 43, 44, true),
  ...["ghp_", "gho_", "ghu_", "ghs_", "ghr_"].map((prefix) => shape(prefix, ALNUM, 36)),
  shape("github_pat_", alphabet("0-9A-Za-z_"), 60),
  shape("glpat-", URL64, 20),
  ...["xoxb-", "xoxp-", "xoxa-", "xoxo-", "xoxs-", "xoxr-", "xoxe-", "xapp-"].map((prefix) =>
    shape(prefix, alphabet("0-9A-Za-z-"), 10),
  ),
  shape("hooks.slack.com/services/T", SLASHED, 20),
  ...["sk_live_", "sk_test_", "rk_live_", "rk_test_"].map((prefix) => shape(prefix, ALNUM, 16)),
  shape("whsec_", BASE64, 24),
  shape("npm_", ALNUM, 36, 36),
  shape("pypi-AgEIcHlwaS5vcmc", URL64, 50),
  shape("SG.", DOTTED, 60, 70),
  shape("dop_v1_", HEX, 64, 64),
  shape("dapi", HEX, 32, 32),
  shape("hvs.", URL64, 24),
  shape("shpat_", HEX, 32, 32),
];

/** Between a field's name and its value: quotes, a colon or an equals sign, blanks. */
const LINK = alphabet(" \t\"'=:>\\");
const LINK_BYTES_MAX = 8;

export function verifyToken({ prefix, triggered, alphabet: letters, min, max, label }: TokenShape): Verify {
  const codes = Uint8Array.from(prefix, (one) => one.charCodeAt(0));
  return (bytes: Uint8Array, start: number, at: number, end: number, out: Candidate): Verdict => {
    const from = at - triggered + 1;
    if (!label && from > start && isWord(bytes[from - 1])) return NO;
    out.from = from;
    for (let i = triggered; i < codes.length; i++) {
      if (from + i >= end) return out.final ? NO : MORE;
      if (bytes[from + i] !== codes[i]) return NO;
    }
    let value = from + codes.length;
    if (label) {
      const stop = Math.min(end, value + LINK_BYTES_MAX);
      while (value < stop && LINK[bytes[value]!] === 1) value++;
      if (value >= end) return out.final ? NO : MORE;
    }
    const stop = Math.min(end, value + max);
    let i = value;
    while (i < stop && letters[bytes[i]!] === 1) i++;
    if (i - value < min) return i >= end && !out.final ? MORE : NO;
    if (i >= end && !out.final) return MORE;
    // One of fixed length that goes on is something else.
    if (max < TOKEN_BYTES_MAX && i < end && letters[bytes[i]!] === 1) return NO;
    if (label) out.from = value;
    out.to = i;
    out.tail = max < TOKEN_BYTES_MAX ? null : letters;
    return YES;
  };
}

const AZURE_MARK_BEFORE = 4;
const AZURE_SECRET = alphabet("0-9A-Za-z_.~-");
/** Client secrets of Entra ID: three characters, a digit, `Q~` and 31 to 34 more. Its `Q~` ends at `at`. */
export const verifyAzureSecret: Verify = (bytes, start, at, end, out) => {
  const from = at - 1 - AZURE_MARK_BEFORE;
  if (from < start) return NO;
  for (let i = from; i < at - 2; i++) if (AZURE_SECRET[bytes[i]!] !== 1) return NO;
  out.from = from;
  let i = at + 1;
  while (i < end && i <= at + 34 && AZURE_SECRET[bytes[i]!] === 1) i++;
  if (i >= end && !out.final) return MORE;
  if (i - at - 1 < 31) return NO;
  out.to = i;
  return YES;
};

/** Three parts joined by dots of which two begin as `{"` does in base64url; `eyJ` ends at `at`. Source: RFC 7519. */
export const verifyJwt: Verify = (bytes, start, at, end, out) => {
  const from = at - 2;
  if (from > start && URL64[bytes[from - 1]!] === 1) return NO;
  out.from = from;
  let dots = 0;
  let part = from;
  let i = from;
  const stop = Math.min(end, from + TOKEN_BYTES_MAX);
  for (; i < stop; i++) {
    const byte = bytes[i]!;
    if (URL64[byte] === 1) continue;
    if (byte !== 0x2e || dots === 2) break;
    if (i - part < 10) return NO;
    dots++;
    part = i + 1;
    if (dots === 1 && i + 3 < end && !(bytes[i + 1] === 0x65 && bytes[i + 2] === 0x79)) return NO;
  }
  if (i >= end && !out.final) return MORE;
  if (dots < 2) return NO;
  out.to = i;
  out.tail = DOTTED;
  return YES;
};
