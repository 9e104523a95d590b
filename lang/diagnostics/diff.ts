const CONTEXT = 3;

/**
 * What changed between two texts, in the unified form that `patch` reads; "" when they are equal. The lines that both begin
 * and end with are set apart, and the middle is compared line by line (longest common subsequence, at most `CELLS_MAX` steps;
 * past it the middle is shown as taken out and put in whole).
 */
export function unifiedDiff(path: string, before: string, after: string): string {
  if (before === after) return "";
  const a = before.split("\n");
  const b = after.split("\n");
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
  const middle = steps(a.slice(head, a.length - tail), b.slice(head, b.length - tail));
  const all: readonly Step[] = [
    ...a.slice(0, head).map((text): Step => ({ mark: " ", text })),
    ...middle,
    ...a.slice(a.length - tail).map((text): Step => ({ mark: " ", text })),
  ];
  // What `split` gives behind the last line break is no line.
  const lines = all.at(-1)?.mark === " " && all.at(-1)?.text === "" ? all.slice(0, -1) : all;
  return `--- a/${path}\n+++ b/${path}\n${hunks(lines)}`;
}

interface Step {
  readonly mark: " " | "-" | "+";
  readonly text: string;
}

const CELLS_MAX = 4_000_000;

function steps(a: readonly string[], b: readonly string[]): readonly Step[] {
  if (a.length * b.length > CELLS_MAX) {
    return [...a.map((text): Step => ({ mark: "-", text })), ...b.map((text): Step => ({ mark: "+", text }))];
  }
  const width = b.length + 1;
  const common = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      common[i * width + j] =
        a[i] === b[j]
          ? common[(i + 1) * width + j + 1]! + 1
          : Math.max(common[(i + 1) * width + j]!, common[i * width + j + 1]!);
    }
  }
  const found: Step[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      found.push({ mark: " ", text: a[i++]! });
      j++;
    } else if (j >= b.length || (i < a.length && common[(i + 1) * width + j]! >= common[i * width + j + 1]!)) {
      found.push({ mark: "-", text: a[i++]! });
    } else found.push({ mark: "+", text: b[j++]! });
  }
  return found;
}

function hunks(lines: readonly Step[]): string {
  let out = "";
  let at = 0;
  let lineA = 1;
  let lineB = 1;
  const skip = (to: number): void => {
    for (; at < to; at++) {
      if (lines[at]!.mark !== "+") lineA++;
      if (lines[at]!.mark !== "-") lineB++;
    }
  };
  for (;;) {
    const change = lines.findIndex((line, i) => i >= at && line.mark !== " ");
    if (change < 0) return out;
    skip(Math.max(at, change - CONTEXT));
    let end = change;
    for (let i = change; i < lines.length && i <= end + 2 * CONTEXT; i++) if (lines[i]!.mark !== " ") end = i;
    const shown = lines.slice(at, Math.min(lines.length, end + 1 + CONTEXT));
    const countA = shown.filter((line) => line.mark !== "+").length;
    const countB = shown.filter((line) => line.mark !== "-").length;
    out += `@@ -${lineA},${countA} +${lineB},${countB} @@\n${shown.map((line) => `${line.mark}${line.text}\n`).join("")}`;
    skip(at + shown.length);
  }
}
