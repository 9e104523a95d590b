import {
  REDACT,
  compareMasks,
  type DetectorSpec,
  type Manifest,
  type MaskSpec,
} from "../../../spec/contract/bundle/index.ts";
import { Scanner, StreamScanner } from "../../enforce/detect/index.ts";
import { TO_NULL, textMask, type ValueMask } from "../../enforce/mask/index.ts";

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

interface Sought {
  readonly spec: MaskSpec;
  readonly rule: string;
}

/** What some rules look for, made ready; kept with the bundle, for it takes some milliseconds. */
interface Search {
  readonly scanner: Scanner;
  /** By the scanner's names. */
  readonly sought: readonly Sought[];
}

const searches = new WeakMap<Manifest, Map<string, Search>>();

function searchOf(manifest: Manifest, masks: readonly number[]): Search {
  const known = searches.get(manifest) ?? new Map<string, Search>();
  searches.set(manifest, known);
  const key = masks.join();
  const found = known.get(key);
  if (found !== undefined) return found;
  const sought = new Map<string, Sought>();
  const detectors: DetectorSpec[] = [...manifest.detectors];
  const look = (name: string, spec: MaskSpec, rule: string): void => {
    const before = sought.get(name);
    // Of several rules for one thing the strictest mask counts.
    if (before === undefined || compareMasks(spec, before.spec) < 0) sought.set(name, { spec, rule });
  };
  for (const index of masks) {
    const { mask, name: rule } = manifest.rules[index]!;
    if (mask === null) continue;
    const specOf = (name: string): MaskSpec =>
      (mask.with.find((one) => one.name === name) ?? mask.with.find((one) => one.name === null))?.mask ?? REDACT;
    for (const name of mask.detect) look(name, specOf(name), rule);
    for (const expression of mask.output ?? []) {
      const name = `output:${expression}`;
      if (!detectors.some((one) => one.name === name)) detectors.push({ name, expression, check: null });
      look(name, specOf("output"), rule);
    }
  }
  const scanner = new Scanner([...sought.keys()], { detectors, expressions: manifest.expressions });
  const made = { scanner, sought: scanner.names.map((name) => sought.get(name)!) };
  known.set(key, made);
  return made;
}

/** Replaces what is found in a stream, wherever its pieces are cut. */
class SearchMask implements TextMask {
  readonly #search: Search;
  readonly #scanner: StreamScanner;
  readonly #masks: readonly ValueMask[];
  readonly #rules = new Set<string>();
  #out: Buffer[] = [];

  constructor(search: Search, secret: Buffer) {
    this.#search = search;
    this.#masks = search.sought.map(({ spec }) => textMask(spec, secret));
    this.#scanner = new StreamScanner(search.scanner, {
      text: (bytes, from, to) => void this.#out.push(Buffer.from(bytes.subarray(from, to))),
      match: (detector, bytes, from, to) => this.#match(detector, bytes, from, to),
    });
  }

  get held(): number {
    return this.#scanner.held;
  }

  get masked(): readonly string[] {
    return [...this.#rules];
  }

  #match(detector: number, bytes: Uint8Array, from: number, to: number): void {
    const { spec, rule } = this.#search.sought[detector]!;
    this.#rules.add(rule);
    if (spec.kind === "null") return;
    const mask = this.#masks[detector]!;
    const room = Buffer.alloc(mask.bound(to - from));
    const end = mask.write(bytes, from, to, room, 0);
    if (end !== TO_NULL) this.#out.push(room.subarray(0, end));
  }

  #taken(): Buffer {
    const out = this.#out.length === 1 ? this.#out[0]! : Buffer.concat(this.#out);
    this.#out = [];
    return out;
  }

  push(bytes: Buffer): Buffer {
    this.#scanner.push(bytes);
    return this.#taken();
  }

  flush(): Buffer {
    this.#scanner.flush();
    return this.#taken();
  }
}

/** The mask on a text stream that these rules ask for; null when none of them speaks of texts. */
export function textMaskOf(manifest: Manifest, masks: readonly number[], secret: Buffer): TextMask | null {
  const speaking = masks.filter((index) => {
    const { mask } = manifest.rules[index]!;
    return mask !== null && (mask.output !== null || mask.detect.length > 0);
  });
  if (speaking.length === 0) return null;
  const whole = speaking.find((index) => manifest.rules[index]!.mask!.output?.length === 0);
  if (whole !== undefined) return new WholeMask(manifest.rules[whole]!.name);
  return new SearchMask(searchOf(manifest, speaking), secret);
}
