import type { Manifest } from "../../../spec/contract/bundle/index.ts";

/** Replaces parts of a text that comes in pieces. */
export interface TextMask {
  /** Takes a piece; answers what may be shown of it and of what was held back. */
  push(bytes: Buffer): Buffer;
  /** Nothing more is waited for: answers what was held back. */
  flush(): Buffer;
  /** Bytes that are held back. */
  readonly held: number;
  /** Names of the rules that replaced something. */
  readonly masked: readonly string[];
}

const NEWLINE = 0x0a;
const STARS = Buffer.from("***");

/** Shows of every line only that there is one. */
class WholeMask implements TextMask {
  readonly held = 0;
  readonly #rule: string;
  #inLine = false;
  #used = false;

  constructor(rule: string) {
    this.#rule = rule;
  }

  get masked(): readonly string[] {
    return this.#used ? [this.#rule] : [];
  }

  push(bytes: Buffer): Buffer {
    const out: Buffer[] = [];
    for (let at = 0; at < bytes.length;) {
      const end = bytes.indexOf(NEWLINE, at);
      const to = end < 0 ? bytes.length : end;
      if (to > at && !this.#inLine) {
        out.push(STARS);
        this.#inLine = true;
        this.#used = true;
      }
      if (end >= 0) {
        out.push(bytes.subarray(end, end + 1));
        this.#inLine = false;
      }
      at = to + 1;
    }
    return Buffer.concat(out);
  }

  flush(): Buffer {
    return Buffer.alloc(0);
  }
}

/** The mask on a text stream that these rules ask for; null when none of them speaks of texts. */
export function textMaskOf(manifest: Manifest, masks: readonly number[], _secret: Buffer): TextMask | null {
  const rules = masks.map((index) => manifest.rules[index]!).filter(({ mask }) => mask !== null);
  const speaking = rules.filter(({ mask }) => mask!.output !== null || mask!.detect.length > 0);
  const [first] = speaking;
  return first === undefined ? null : new WholeMask(first.name);
}
