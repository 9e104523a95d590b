import type { Span } from "../../lang/index.ts";
import { quoted } from "./action.ts";
import type { Atom, Literal, Node, Place } from "./literal.ts";

/** The text of a place in the sources. */
export type TextOf = (span: Span) => string;

const NEGATED = { "<": ">=", "<=": ">", ">": "<=", ">=": "<" } as const;

/** A literal as a policy would say it. */
export function showLiteral({ place, test }: Literal, textOf: TextOf): string {
  const at = place.key === null ? place.path : `${place.path}[${quoted(place.key)}]`;
  if (test.kind === "atom") return showAtom(at, place, test.atom, test.negated, textOf);
  const inner = test.formula;
  if (inner.op === "literal" && inner.literal.test.kind === "atom" && inner.literal.place.path === `${place.path}[]`) {
    const { atom, negated } = inner.literal.test;
    if (atom.kind === "one-of" && negated === (test.kind === "all")) {
      const values = atom.values.map((value) => showConstant(inner.literal.place, value));
      const has = values.length === 1 ? `${at} has ${values[0]!}` : `${at} has any [${values.join(", ")}]`;
      return negated ? `not (${has})` : has;
    }
  }
  return `${test.kind} x in ${at} : ${showFormula(inner, textOf)}`;
}

/** A formula over an element, which is called `x`. */
function showFormula(node: Node, textOf: TextOf): string {
  switch (node.op) {
    case "yes":
      return "true";
    case "no":
      return "false";
    case "literal": {
      const { literal } = node;
      const dot = literal.place.path.lastIndexOf("].");
      const path = dot < 0 ? "x" : `x.${literal.place.path.slice(dot + 2)}`;
      return showLiteral({ ...literal, place: { ...literal.place, path } }, textOf);
    }
    case "and":
    case "or":
      return `(${node.parts.map((part) => showFormula(part, textOf)).join(` ${node.op} `)})`;
  }
}

function showAtom(at: string, place: Place, atom: Atom, negated: boolean, textOf: TextOf): string {
  const not = (text: string): string => (negated ? `not (${text})` : text);
  switch (atom.kind) {
    case "exists":
      return negated ? `not exists ${at}` : `exists ${at}`;
    case "one-of": {
      if (place.whole !== null) return not(short(textOf(place.whole.span)));
      if (place.type.kind === "bool") return (atom.values[0] === "true") === negated ? `not ${at}` : at;
      const values = atom.values.map((value) => showConstant(place, value));
      if (values.length === 1) return `${at} ${negated ? "!=" : "=="} ${values[0]!}`;
      return not(`${at} in [${values.join(", ")}]`);
    }
    case "order":
      return `${at} ${negated ? NEGATED[atom.op] : atom.op} ${atom.bound}`;
    case "pattern":
      return not(`${at} ${atom.machine.name}`);
    case "range":
      return not(`${at} within cidr("${atom.cidr}")`);
    case "expression":
      return not(short(textOf(atom.expr.span)));
  }
}

const showConstant = (place: Place, value: string): string =>
  place.type.kind === "string" || place.type.kind === "address" ? quoted(value) : value;

const short = (text: string): string => text.replaceAll(/\s+/g, " ");
