/** Queries made from a seed, over the tables of the bypass suite: every seed gives the same text for ever. */

interface Item {
  readonly alias: string;
  readonly columns: readonly string[];
}

/** Relations and columns; most of them are masked. */
const TABLES: readonly (readonly [name: string, columns: readonly string[]])[] = [
  ["people", ["id", "name", "ssn", "pin", "email", "dom", "score"]],
  ["public.people", ["name", "ssn", "note"]],
  ["plain", ["id", "a", "n"]],
  ["base", ["id", "ssn"]],
  ["parted", ["id", "ssn"]],
  ["sealed.notes", ["id", "body"]],
];

/** mulberry32: a small generator of numbers that needs nothing but its seed. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

class Generator {
  readonly #random: () => number;
  #names = 0;

  constructor(seed: number) {
    this.#random = randomFrom(seed);
  }

  #below(n: number): number {
    return Math.floor(this.#random() * n);
  }

  #pick<T>(items: readonly T[]): T {
    return items[this.#below(items.length)]!;
  }

  #name(prefix: string): string {
    return `${prefix}${this.#names++}`;
  }

  /** A query with so many columns of text. */
  query(depth: number, width: number, ctes: readonly Item[] = []): string {
    const choice = depth > 0 ? this.#below(9) : 0;
    if (choice === 1) {
      const operator = this.#pick(["union", "union all", "intersect", "except", "except all"]);
      return `(${this.query(depth - 1, width, ctes)}) ${operator} (${this.query(depth - 1, width, ctes)})`;
    }
    if (choice === 2) {
      const cte: Item = { alias: this.#name("w"), columns: ["k", "v"] };
      const inner = this.query(depth - 1, 2, ctes);
      return `with ${cte.alias}(k, v) as ${this.#pick(["", "materialized "])}(${inner}) ${this.#select(depth, width, [...ctes, cte])}`;
    }
    if (choice === 3) {
      const cte: Item = { alias: this.#name("r"), columns: ["k", "v"] };
      const inner = this.query(depth - 1, 2, ctes);
      return `with recursive ${cte.alias}(k, v) as ((${inner}) union select v, k from ${cte.alias}) ${this.#select(depth, width, [...ctes, cte])}`;
    }
    return this.#select(depth, width, ctes);
  }

  #select(depth: number, width: number, ctes: readonly Item[]): string {
    const items: Item[] = [];
    let from = this.#fromItem(depth, items, ctes);
    if (this.#below(3) === 0) {
      const kind = this.#pick(["join", "left join", "cross join"]);
      const right = this.#fromItem(depth, items, ctes);
      const on = kind === "cross join" ? "" : ` on ${this.#expression(0, items, ctes)} is not null`;
      from = `${from} ${kind} ${right}${on}`;
    }
    const grouped = this.#below(6) === 0;
    const outputs = Array.from({ length: width }, (_, i) => {
      const value = this.#expression(depth, items, ctes);
      return `${grouped ? this.#aggregate(value) : value} as c${i}`;
    });
    const where = this.#below(4) === 0 ? ` where ${this.#expression(0, items, ctes)} is not null` : "";
    const order = !grouped && this.#below(5) === 0 ? ` order by 1 limit ${1 + this.#below(5)}` : "";
    return `select ${outputs.join(", ")} from ${from}${where}${order}`;
  }

  #fromItem(depth: number, items: Item[], ctes: readonly Item[]): string {
    const alias = this.#name("t");
    const choice = depth > 0 ? this.#below(8) : 0;
    if (ctes.length > 0 && this.#below(2) === 0) {
      const cte = this.#pick(ctes);
      items.push({ alias, columns: cte.columns });
      return `${cte.alias} ${alias}`;
    }
    if (choice === 1) {
      const text = this.query(depth - 1, 2, ctes);
      items.push({ alias, columns: ["k", "v"] });
      return `(${text}) ${alias}(k, v)`;
    }
    if (choice === 2 && items.length > 0) {
      const value = this.#expression(0, items, ctes);
      items.push({ alias, columns: ["k"] });
      return `lateral (select ${value}) ${alias}(k)`;
    }
    if (choice === 3 && items.length > 0) {
      const value = this.#expression(0, items, ctes);
      items.push({ alias, columns: ["k"] });
      return `unnest(array[${value}, 'x']) ${alias}(k)`;
    }
    if (choice === 4 && items.length > 0) {
      const value = this.#expression(0, items, ctes);
      items.push({ alias, columns: ["k", "v"] });
      return `lateral (values (${value}, 'y')) ${alias}(k, v)`;
    }
    const [table, columns] = this.#pick(TABLES);
    if (this.#below(5) === 0) {
      const renamed = columns.map((_, i) => `x${i}`);
      items.push({ alias, columns: renamed });
      return `${table} ${alias}(${renamed.join(", ")})`;
    }
    items.push({ alias, columns });
    return `${table} ${alias}`;
  }

  #aggregate(value: string): string {
    return this.#pick([
      (v: string) => `max(${v})`,
      (v: string) => `min(${v})`,
      (v: string) => `string_agg(${v}, ',')`,
      (v: string) => `array_agg(${v})::text`,
      (v: string) => `count(${v})::text`,
      (v: string) => `json_agg(${v})::text`,
      (v: string) => `max(${v}) filter (where ${v} is not null)`,
    ])(value);
  }

  /** An expression of type text. */
  #expression(depth: number, items: readonly Item[], ctes: readonly Item[]): string {
    if (depth <= 0 || this.#below(3) === 0) {
      if (this.#below(8) === 0) return "'const'::text";
      const item = this.#pick(items);
      return `${item.alias}.${this.#pick(item.columns)}::text`;
    }
    const inner = (): string => this.#expression(depth - 1, items, ctes);
    switch (this.#below(14)) {
      case 0:
        return `(${inner()} || ${inner()})`;
      case 1:
        return `coalesce(${inner()}, ${inner()})`;
      case 2:
        return `case when ${inner()} is not null then ${inner()} else ${inner()} end`;
      case 3:
        return `${this.#pick(["upper", "lower", "reverse", "initcap", "md5", "quote_literal"])}(${inner()})`;
      case 4:
        return `encode(convert_to(${inner()}, 'UTF8'), '${this.#pick(["hex", "base64"])}')`;
      case 5:
        return `(array[${inner()}, ${inner()}])[${1 + this.#below(2)}]`;
      case 6:
        return `(select ${this.#pick(["max", "min"])}(s.c0) from (${this.query(depth - 1, 1, ctes)}) s)`;
      case 7:
        return `(select ${inner()})`;
      case 8:
        return `substr(${inner()}, 1, 100)`;
      case 9:
        return `greatest(${inner()}, ${inner()})`;
      case 10:
        return `(json_build_object('k', ${inner()}) ->> 'k')`;
      case 11:
        return `row(${inner()}, ${inner()})::text`;
      case 12:
        return `to_jsonb(${this.#pick(items).alias})::text`;
      default:
        return `array_to_string(string_to_array(${inner()}, null), '-')`;
    }
  }
}

export function generatedQuery(seed: number): string {
  const generator = new Generator(seed);
  return generator.query(1 + (seed % 3), 1 + (seed % 4));
}
