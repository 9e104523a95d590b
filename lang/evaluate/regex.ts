import type { RegexNode } from "../syntax/index.ts";

type Places = ReadonlySet<number>;

/**
 * Whether the expression matches somewhere in the text: each node maps the places where it may begin to those where it may
 * end. No way is tried twice, so the time is bounded by expression times text squared; it is the meaning, not the fast form.
 */
export function regexFinds(node: RegexNode, text: string): boolean {
  const chars = Array.from(text, (char) => char.codePointAt(0)!);
  const everywhere = new Set(Array.from({ length: chars.length + 1 }, (_, i) => i));
  return ends(node, everywhere, chars).size > 0;
}

/** Whether it matches the text as a whole. */
export function regexIs(node: RegexNode, text: string): boolean {
  const chars = Array.from(text, (char) => char.codePointAt(0)!);
  return ends(node, new Set([0]), chars).has(chars.length);
}

function ends(node: RegexNode, from: Places, chars: readonly number[]): Places {
  switch (node.op) {
    case "chars": {
      const to = new Set<number>();
      for (const at of from) {
        const char = chars[at];
        if (char !== undefined && node.ranges.some(([low, high]) => char >= low && char <= high)) to.add(at + 1);
      }
      return to;
    }
    case "start":
      return new Set([...from].filter((at) => at === 0));
    case "end":
      return new Set([...from].filter((at) => at === chars.length));
    case "seq":
      return node.parts.reduce((at, part) => ends(part, at, chars), from);
    case "alt":
      return new Set(node.parts.flatMap((part) => [...ends(part, from, chars)]));
    case "repeat": {
      let at = from;
      for (let i = 0; i < node.min; i++) at = ends(node.of, at, chars);
      const found = new Set(at);
      for (let i = node.min; at.size > 0 && (node.max === null || i < node.max); i++) {
        const before = found.size;
        at = ends(node.of, at, chars);
        for (const place of at) found.add(place);
        if (found.size === before) break;
      }
      return found;
    }
  }
}
