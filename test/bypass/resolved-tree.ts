/**
 * PostgreSQL's own resolved form of a query, as it is kept for a view (pg_rewrite.ev_action): which base columns flow into each
 * of its outputs. Source: PostgreSQL sources, `nodes/outfuncs.c` and `nodes/parsenodes.h`.
 */
interface Node {
  readonly kind: string;
  readonly fields: ReadonlyMap<string, readonly Item[]>;
}
type Item = string | Node | readonly Item[];

export class UnreadableTree extends Error {}

function parse(text: string): Item {
  const tokens = text.match(/[(){}]|"(?:\\.|[^"\\])*"|(?:\\.|[^\s(){}])+/gs) ?? [];
  let at = 0;
  const item = (): Item => {
    const token = tokens[at++];
    if (token === undefined) throw new UnreadableTree("it ends too early");
    if (token === "(") {
      const items: Item[] = [];
      while (tokens[at] !== ")") items.push(item());
      at++;
      return items;
    }
    if (token !== "{") return token;
    const kind = String(item());
    const fields = new Map<string, Item[]>();
    let current: Item[] = [];
    while (tokens[at] !== "}") {
      const next = tokens[at]!;
      if (next.startsWith(":")) {
        at++;
        current = [];
        fields.set(next.slice(1), current);
      } else current.push(item());
    }
    at++;
    return { kind, fields };
  };
  return item();
}

const isNode = (item: Item | undefined): item is Node => typeof item === "object" && !Array.isArray(item);
const first = (node: Node, name: string): Item | undefined => node.fields.get(name)?.[0];
const number = (node: Node, name: string): number => Number(first(node, name));
const listOf = (node: Node, name: string): readonly Item[] => {
  const found = first(node, name);
  return Array.isArray(found) ? (found as readonly Item[]) : [];
};
const nodesOf = (node: Node, name: string): readonly Node[] => listOf(node, name).filter(isNode);

/** `relation oid.attribute number`; attribute 0 for the whole row. */
export type Source = string;

/** A query in its place: what is outside of it comes first. */
interface Place {
  readonly query: Node;
  readonly outer: Place | null;
}

const COUNTS: ReadonlySet<number> = new Set([2147, 2803]);
const RTE = { relation: 0, subquery: 1, join: 2, function: 3, values: 5, cte: 6, group: 9 } as const;

class Reader {
  readonly #open = new Set<string>();

  outputs(place: Place): readonly ReadonlySet<Source>[] {
    return this.#targets(place.query).map((_, i) => this.output(place, i));
  }

  #targets(query: Node): readonly Node[] {
    return nodesOf(query, "targetList").filter((target) => first(target, "resjunk") !== "true");
  }

  output(place: Place, i: number): ReadonlySet<Source> {
    const operation = first(place.query, "setOperations");
    if (isNode(operation)) return this.#setOperation(operation, place, i);
    const target = this.#targets(place.query)[i];
    return target === undefined ? new Set() : this.#of(first(target, "expr"), place);
  }

  #setOperation(operation: Node, place: Place, i: number): ReadonlySet<Source> {
    if (operation.kind === "RANGETBLREF")
      return this.#column(this.#entry(place, number(operation, "rtindex")), i + 1, place);
    const left = this.#setOperation(first(operation, "larg") as Node, place, i);
    // The right arm of EXCEPT decides which rows come, and is in none of them.
    if (number(operation, "op") === 3) return left;
    return new Set([...left, ...this.#setOperation(first(operation, "rarg") as Node, place, i)]);
  }

  #entry(place: Place, index: number): Node {
    const entry = nodesOf(place.query, "rtable")[index - 1];
    if (entry === undefined) throw new UnreadableTree(`no range table entry ${index}`);
    return entry;
  }

  #up(place: Place, levels: number): Place {
    let found: Place | null = place;
    for (let i = 0; i < levels; i++) found = found?.outer ?? null;
    if (found === null) throw new UnreadableTree("a level too many");
    return found;
  }

  #of(item: Item | undefined, place: Place): ReadonlySet<Source> {
    const found = new Set<Source>();
    const add = (sources: ReadonlySet<Source>): void => sources.forEach((source) => found.add(source));
    if (item === undefined || typeof item === "string") return found;
    if (Array.isArray(item)) {
      for (const one of item as readonly Item[]) add(this.#of(one, place));
      return found;
    }
    const node = item as Node;
    switch (node.kind) {
      case "VAR": {
        const at = this.#up(place, number(node, "varlevelsup"));
        return this.#column(this.#entry(at, number(node, "varno")), number(node, "varattno"), at);
      }
      case "SUBLINK": {
        if (number(node, "subLinkType") === 0) return found;
        add(this.#of(first(node, "testexpr"), place));
        const select = first(node, "subselect");
        if (isNode(select)) this.outputs({ query: select, outer: place }).forEach(add);
        return found;
      }
      case "AGGREF":
        if (COUNTS.has(number(node, "aggfnoid"))) return found;
        add(this.#of(first(node, "aggdirectargs"), place));
        for (const argument of nodesOf(node, "args"))
          if (first(argument, "resjunk") !== "true") add(this.#of(argument, place));
        return found;
      case "WINDOWFUNC":
        return COUNTS.has(number(node, "winfnoid")) ? found : this.#of(first(node, "args"), place);
      case "GROUPINGFUNC":
        return found;
      default:
        for (const items of node.fields.values()) add(this.#of(items, place));
        return found;
    }
  }

  #column(entry: Node, attribute: number, place: Place): ReadonlySet<Source> {
    const all = (count: number, of: (i: number) => ReadonlySet<Source>): ReadonlySet<Source> =>
      new Set(
        (attribute > 0 ? [attribute] : Array.from({ length: count }, (_, i) => i + 1)).flatMap((i) => [...of(i)]),
      );
    switch (number(entry, "rtekind")) {
      case RTE.relation:
        // System columns are nobody's data.
        return attribute < 0 ? new Set() : new Set([`${first(entry, "relid") as string}.${attribute}`]);
      case RTE.subquery: {
        const inner: Place = { query: first(entry, "subquery") as Node, outer: place };
        return all(this.#targets(inner.query).length, (i) => this.output(inner, i - 1));
      }
      case RTE.join: {
        const columns = listOf(entry, "joinaliasvars");
        return all(columns.length, (i) => this.#of(columns[i - 1], place));
      }
      case RTE.function:
        return this.#of(first(entry, "functions"), place);
      case RTE.values: {
        const rows = listOf(entry, "values_lists");
        return new Set(
          rows.flatMap((row) => [...this.#of(attribute > 0 ? (row as readonly Item[])[attribute - 1] : row, place)]),
        );
      }
      case RTE.cte: {
        const at = this.#up(place, number(entry, "ctelevelsup"));
        const name = first(entry, "ctename");
        const cte = nodesOf(at.query, "cteList").find((one) => first(one, "ctename") === name);
        if (cte === undefined) throw new UnreadableTree(`no WITH ${String(name)}`);
        const inner: Place = { query: first(cte, "ctequery") as Node, outer: at };
        return all(this.#targets(inner.query).length, (i) => this.#once(`${String(name)}.${i}`, inner, i));
      }
      case RTE.group: {
        const columns = listOf(entry, "groupexprs");
        return all(columns.length, (i) => this.#of(columns[i - 1], place));
      }
      default:
        throw new UnreadableTree(`range table entry of kind ${number(entry, "rtekind")}`);
    }
  }

  /** A recursive query sees its own columns: what is being worked out adds nothing to itself. */
  #once(key: string, place: Place, i: number): ReadonlySet<Source> {
    if (this.#open.has(key)) return new Set();
    this.#open.add(key);
    try {
      return this.output(place, i - 1);
    } finally {
      this.#open.delete(key);
    }
  }
}

/** Sources of each output column of a stored rule. @throws UnreadableTree for what this reader does not know */
export function sourcesOfRule(evAction: string): readonly ReadonlySet<Source>[] {
  const rule = parse(evAction);
  const query = Array.isArray(rule) ? (rule as readonly Item[])[0] : rule;
  if (!isNode(query) || query.kind !== "QUERY") throw new UnreadableTree("no query");
  return new Reader().outputs({ query, outer: null });
}
