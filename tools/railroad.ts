/** What a diagram is drawn from: a grammar rule as data, independent of where the grammar comes from. */
export type Shape =
  | { readonly kind: "terminal" | "nonterminal"; readonly text: string }
  | { readonly kind: "sequence" | "choice"; readonly parts: readonly Shape[] }
  | { readonly kind: "optional"; readonly of: Shape }
  /** One or more, with `separator` between them when there is one. */
  | { readonly kind: "repeat"; readonly of: Shape; readonly separator: Shape | null };

/** A drawn part: lines enter at the left, `up` below its top, and leave at the right at the same height. */
interface Drawn {
  readonly width: number;
  readonly up: number;
  readonly down: number;
  readonly svg: (x: number, y: number) => string;
}

const CHAR = 7.6;
const PAD = 10;
const HALF = 13;
const GAP = 12;
const TURN = 10;
const WIDTH_MAX = 900;

const escape = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const line = (x1: number, y: number, x2: number): string => (x2 > x1 ? `<path d="M${x1} ${y}H${x2}"/>` : "");

function box(text: string, round: boolean): Drawn {
  const width = text.length * CHAR + 2 * PAD;
  return {
    width,
    up: HALF,
    down: HALF,
    svg: (x, y) =>
      `<rect class="${round ? "t" : "n"}" x="${x}" y="${y - HALF}" width="${width}" height="${2 * HALF}"${round ? ` rx="${HALF}"` : ""}/><text x="${x + width / 2}" y="${y + 4}">${escape(text)}</text>`,
  };
}

function sequence(parts: readonly Drawn[]): Drawn {
  if (parts.length === 0) return { width: GAP, up: 0, down: 0, svg: (x, y) => line(x, y, x + GAP) };
  return {
    width: parts.reduce((sum, part) => sum + part.width, 0) + GAP * (parts.length - 1),
    up: Math.max(...parts.map((part) => part.up)),
    down: Math.max(...parts.map((part) => part.down)),
    svg: (x, y) => {
      let at = x;
      return parts
        .map((part, i) => {
          const drawn = (i === 0 ? "" : line(at - GAP, y, at)) + part.svg(at, y);
          at += part.width + GAP;
          return drawn;
        })
        .join("");
    },
  };
}

/** Parts that do not fit into one line go on in the next. */
function wrapped(parts: readonly Drawn[]): Drawn {
  const rows: Drawn[][] = [[]];
  let width = 0;
  for (const part of parts) {
    if (width > 0 && width + part.width > WIDTH_MAX) {
      rows.push([]);
      width = 0;
    }
    rows[rows.length - 1]!.push(part);
    width += part.width + GAP;
  }
  if (rows.length === 1) return sequence(parts);
  const lines = rows.map(sequence);
  const widest = Math.max(...lines.map((one) => one.width)) + 2 * TURN;
  const offsets: number[] = [];
  let at = 0;
  for (const [i, one] of lines.entries()) {
    if (i > 0) at += lines[i - 1]!.down + GAP + 2 * TURN + one.up;
    offsets.push(at);
  }
  return {
    width: widest,
    up: lines[0]!.up,
    down: at + lines[lines.length - 1]!.down,
    svg: (x, y) =>
      lines
        .map((one, i) => {
          const top = y + offsets[i]!;
          const drawn = one.svg(x + TURN, top) + line(x, top, x + TURN);
          if (i === lines.length - 1) return drawn + line(x + TURN + one.width, top, x + widest);
          const middle = top + one.down + GAP / 2 + TURN;
          const next = y + offsets[i + 1]!;
          const right = x + TURN + one.width;
          return `${drawn}<path d="M${right} ${top}h4q${TURN - 4} 0 ${TURN - 4} ${TURN - 4}V${middle - TURN + 4}q0 ${TURN - 4} -${TURN - 4} ${TURN - 4}H${x + 6}q-6 0 -6 6V${next}"/>`;
        })
        .join(""),
  };
}

function choice(parts: readonly Drawn[]): Drawn {
  const inner = Math.max(...parts.map((part) => part.width));
  const offsets: number[] = [0];
  for (let i = 1; i < parts.length; i++) offsets.push(offsets[i - 1]! + parts[i - 1]!.down + GAP + parts[i]!.up);
  const last = parts.length - 1;
  return {
    width: inner + 4 * TURN,
    up: parts[0]!.up,
    down: offsets[last]! + parts[last]!.down,
    svg: (x, y) =>
      parts
        .map((part, i) => {
          const top = y + offsets[i]!;
          const left = x + 2 * TURN;
          const right = left + inner;
          const drawn = part.svg(left, top) + line(left + part.width, top, right);
          if (i === 0) return line(x, y, left) + drawn + line(right, y, right + 2 * TURN);
          return `${drawn}<path d="M${x} ${y}q${TURN} 0 ${TURN} ${TURN}V${top - TURN}q0 ${TURN} ${TURN} ${TURN}M${right} ${top}q${TURN} 0 ${TURN} -${TURN}V${y + TURN}q0 -${TURN} ${TURN} -${TURN}"/>`;
        })
        .join(""),
  };
}

/** `of`, and a way back below it, on which the separator stands. */
function repeat(of: Drawn, separator: Drawn): Drawn {
  const inner = Math.max(of.width, separator.width);
  const below = of.down + GAP + separator.up;
  return {
    width: inner + 2 * TURN,
    up: of.up,
    down: below + separator.down,
    svg: (x, y) => {
      const left = x + TURN;
      const right = left + inner;
      const back = y + below;
      return `${line(x, y, left)}${of.svg(left, y)}${line(left + of.width, y, right + TURN)}${separator.svg(left, back)}${line(left + separator.width, back, right)}<path d="M${right} ${y}q${TURN} 0 ${TURN} ${TURN}V${back - TURN}q0 ${TURN} -${TURN} ${TURN}M${left} ${back}q-${TURN} 0 -${TURN} -${TURN}V${y + TURN}q0 -${TURN} ${TURN} -${TURN}"/>`;
    },
  };
}

function draw(shape: Shape): Drawn {
  switch (shape.kind) {
    case "terminal":
      return box(shape.text, true);
    case "nonterminal":
      return box(shape.text, false);
    case "sequence":
      return wrapped(shape.parts.map(draw));
    case "choice":
      return choice(shape.parts.map(draw));
    case "optional":
      return choice([sequence([]), draw(shape.of)]);
    case "repeat":
      return repeat(draw(shape.of), shape.separator === null ? sequence([]) : draw(shape.separator));
  }
}

/** A railroad diagram as an SVG document that is readable in light and in dark. */
export function railroad(title: string, shape: Shape): string {
  const drawn = draw(shape);
  const width = Math.ceil(drawn.width + 60);
  const height = Math.ceil(drawn.up + drawn.down + 20);
  const y = drawn.up + 10;
  const style =
    "svg{color-scheme:light dark}path{fill:none;stroke:light-dark(#555,#aaa);stroke-width:1.5}rect{stroke:light-dark(#555,#aaa);stroke-width:1.2}.t{fill:light-dark(#e8f0fe,#1d2c45)}.n{fill:light-dark(#f3f3f3,#2b2b2b)}text{font:12.5px ui-monospace,monospace;text-anchor:middle;fill:light-dark(#111,#eee)}";
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escape(title)}"><style>${style}</style><path d="M10 ${y - 8}V${y + 8}M10 ${y}H30M${drawn.width + 30} ${y}H${drawn.width + 50}M${drawn.width + 50} ${y - 8}V${y + 8}"/>${drawn.svg(30, y)}</svg>\n`;
}
