/** Half-open range of UTF-16 offsets in one file: `text.slice(start, end)` is exactly what is meant. */
export interface Span {
  readonly file: string;
  readonly start: number;
  readonly end: number;
}

export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** Offsets at which the lines of the last texts begin: messages and bundles ask for many places of few texts. */
const known = new Map<string, Int32Array>();
const KNOWN_MAX = 16;

function lineStarts(text: string): Int32Array {
  const found = known.get(text);
  if (found !== undefined) return found;
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  const made = Int32Array.from(starts);
  if (known.size >= KNOWN_MAX) known.clear();
  known.set(text, made);
  return made;
}

/** 1-based line and column (in UTF-16 units) of an offset. */
export function placeOf(text: string, offset: number): { readonly line: number; readonly column: number } {
  const starts = lineStarts(text);
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle]! <= offset) low = middle;
    else high = middle - 1;
  }
  return { line: low + 1, column: offset - starts[low]! + 1 };
}

/** A line's text, without its end; 1-based. */
export function lineOf(text: string, line: number): string {
  const starts = lineStarts(text);
  const from = starts[line - 1];
  if (from === undefined) return "";
  const to = starts[line];
  return text.slice(from, to === undefined ? text.length : to - 1);
}
