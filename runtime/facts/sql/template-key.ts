import { TEMPLATE_BYTES_MAX } from "./limits.ts";

/** Stands for a number or a text in a key: bytes that a text with a key can't hold. */
const NUMBER_MARK = 1;
const TEXT_MARK = 2;

/** What each byte of a text means to the key: 0 refuses it, 1 is copied, 2 a digit, 3 a quote, 4 a word, 5 to be looked at. */
const CLASS = new Uint8Array(256);
for (let byte = 0x20; byte < 0x7f; byte++) CLASS[byte] = 1;
CLASS[0x09] = CLASS[0x0a] = CLASS[0x0d] = 1;
for (let byte = 0x30; byte <= 0x39; byte++) CLASS[byte] = 2;
CLASS[0x27] = 3;
for (let byte = 0x41; byte <= 0x5a; byte++) CLASS[byte] = CLASS[byte + 32] = 4;
CLASS[0x5f] = 4;
for (const char of "-/.") CLASS[char.charCodeAt(0)] = 5;
for (const char of '\\$"&') CLASS[char.charCodeAt(0)] = 0;

/**
 * The shape of a text: itself, with plain numbers and simple texts in quotes taken out. Anything that makes it less than
 * plain where a literal begins and ends (a backslash, a dollar, a double quote, a prefix before a quote, a comment, an
 * exponent, a continued string) gives no shape, and the text is its own key.
 *
 * Offsets of the literals are left in `starts` and `ends`, so that a hit makes nothing but the key.
 */
export class TemplateKey {
  readonly starts = new Int32Array(1024);
  readonly ends = new Int32Array(1024);
  count = 0;
  readonly #out = Buffer.alloc(TEMPLATE_BYTES_MAX);

  /** The key, or null when the text has no shape. */
  of(text: Uint8Array): string | null {
    const length = text.length;
    if (length > TEMPLATE_BYTES_MAX) return null;
    const out = this.#out;
    let to = 0;
    let at = 0;
    this.count = 0;
    while (at < length) {
      const byte = text[at]!;
      switch (CLASS[byte]) {
        case 1:
          out[to++] = byte;
          at++;
          break;
        case 4:
          // A word, with digits in it; a quote right behind it would be a prefixed literal.
          do out[to++] = text[at++]!;
          while (at < length && (CLASS[text[at]!] === 4 || CLASS[text[at]!] === 2));
          if (at < length && text[at] === 0x27) return null;
          break;
        case 2: {
          if (this.count === this.starts.length) return null;
          this.starts[this.count] = at;
          while (at < length && CLASS[text[at]!] === 2) at++;
          if (at < length && text[at] === 0x2e) {
            at++;
            while (at < length && CLASS[text[at]!] === 2) at++;
          }
          if (at < length && (CLASS[text[at]!] === 4 || text[at] === 0x2e || text[at] === 0x27)) return null;
          this.ends[this.count++] = at;
          out[to++] = NUMBER_MARK;
          break;
        }
        case 3: {
          if (this.count === this.starts.length) return null;
          this.starts[this.count] = at;
          at = closingQuote(text, at + 1);
          if (at < 0) return null;
          this.ends[this.count++] = at;
          out[to++] = TEXT_MARK;
          // Another quote after it, with only space between, may go on with the same literal.
          let next = at;
          while (
            next < length &&
            (text[next] === 0x20 || text[next] === 0x0a || text[next] === 0x0d || text[next] === 0x09)
          )
            next++;
          if (text[next] === 0x27) return null;
          break;
        }
        case 5:
          // `--` and `/*` begin comments; `.5` is a number.
          if ((byte === 0x2d && text[at + 1] === 0x2d) || (byte === 0x2f && text[at + 1] === 0x2a)) return null;
          if (byte === 0x2e && CLASS[text[at + 1] ?? 0] === 2) return null;
          // A minus before a number becomes part of the parser's constant, whose place then differs.
          if (byte === 0x2d && CLASS[text[at + 1] ?? 0] === 2) return null;
          out[to++] = byte;
          at++;
          break;
        default:
          return null;
      }
    }
    return out.toString("latin1", 0, to);
  }
}

/** Behind the quote that ends a text; -1 for anything that is not plain inside. Two quotes stand for one. */
function closingQuote(text: Uint8Array, start: number): number {
  for (let at = start; at < text.length; at++) {
    const byte = text[at]!;
    if (byte === 0x5c || byte === 0) return -1;
    if (byte !== 0x27) continue;
    if (text[at + 1] !== 0x27) return at + 1;
    at++;
  }
  return -1;
}
