import { JsonStreamMasker } from "../runtime/enforce/mask/index.ts";
import { maskRule, masksOf } from "../test/support/body-masks.ts";

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

interface Customer {
  id: number;
  name: string;
  email: string;
  card: string;
  address: { street: string; city: string; country: string };
  note: string;
  total: number;
  active: boolean;
}

/** A page of customers as an API answers it: about 47 kB. */
export function customers(count: number): readonly Customer[] {
  return Array.from({ length: count }, (_, i) => ({
    id: 1000 + i,
    name: `Customer number ${i}`,
    email: `customer${i}@mail.example.com`,
    card: `41111111111${String(10_000 + i)}`,
    address: { street: `Long Street ${i}`, city: "Salzburg", country: "Austria" },
    note: `Asked on Tuesday whether the delivery of order ${i} could be moved to the week after, and was told that it could.`,
    total: i * 3.5,
    active: i % 2 === 0,
  }));
}

/** Masking of a JSON body against JSON.parse, masking and JSON.stringify; both give the same bytes. */
export function benchJson(say: (text: string) => void, rounds: number): void {
  const document = Buffer.from(JSON.stringify({ customers: customers(155), next: null }));
  const { places, masks } = masksOf([
    maskRule("http", ["$.customers[*].email"], { name: "emails", mask: { kind: "email", args: [] } }),
    maskRule("http", ["$..card"], { name: "cards", mask: { kind: "last", args: [4] } }),
  ]);
  const own = (): Buffer => {
    const masker = new JsonStreamMasker({ places, masks, scan: null, sequence: false });
    const out = masker.push(document);
    masker.end();
    if (masker.fault !== null) throw new Error(masker.fault);
    return out;
  };
  const parsed = (): Buffer => {
    const value = JSON.parse(document.toString("utf8")) as { customers: Customer[] };
    for (const one of value.customers) {
      const at = one.email.lastIndexOf("@");
      one.email = `${one.email[0]!}***@***${one.email.slice(one.email.lastIndexOf(".", one.email.length)).slice(at < 0 ? 0 : 0)}`;
      one.card = `***${one.card.slice(-4)}`;
    }
    return Buffer.from(JSON.stringify(value));
  };
  if (!own().equals(parsed())) throw new Error("the two ways do not give the same bytes");
  const time = (work: () => Buffer): number => {
    const start = performance.now();
    for (let i = 0; i < 40; i++) work();
    return (performance.now() - start) / 40;
  };
  const [a, b, ratios]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round < Math.max(60, rounds * 20); round++) {
    const [mine, theirs] = [time(own), time(parsed)];
    // The first rounds pay for compiling.
    if (round < 10) continue;
    a.push(mine);
    b.push(theirs);
    ratios.push(theirs / mine);
  }
  say(
    `\nJSON body of ${document.length} bytes, 2 fields of each of 155 objects masked: ${(document.length / median(a) / 1000).toFixed(0)} MB/s, parse and stringify ${(document.length / median(b) / 1000).toFixed(0)} MB/s, ${median(ratios).toFixed(2)} times as fast`,
  );
}
