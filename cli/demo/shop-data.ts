/** Numbers that look random and are the same every time. Source: Vigna, "splitmix". */
function generator(seed: number): () => number {
  let state = BigInt(seed);
  return () => {
    state = (state + 0x9e3779b97f4a7c15n) & 0xffffffffffffffffn;
    let z = state;
    z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & 0xffffffffffffffffn;
    z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & 0xffffffffffffffffn;
    return Number((z ^ (z >> 31n)) >> 11n) / 2 ** 53;
  };
}

const FIRST = [
  "Anna",
  "Bilal",
  "Clara",
  "David",
  "Elif",
  "Felix",
  "Greta",
  "Hugo",
  "Ines",
  "Jonas",
  "Klara",
  "Leon",
  "Mira",
  "Noah",
  "Olga",
  "Paul",
  "Rosa",
  "Samir",
  "Tea",
  "Viktor",
];
const LAST = [
  "Aigner",
  "Berger",
  "Costa",
  "Dvorak",
  "Eder",
  "Fuchs",
  "Gruber",
  "Hofer",
  "Ivanova",
  "Jansen",
  "Koller",
  "Lang",
  "Maier",
  "Novak",
  "Orsini",
  "Pichler",
  "Reiter",
  "Schmid",
  "Toth",
  "Wagner",
];
const CITIES = ["Wien", "Graz", "Linz", "Salzburg", "Innsbruck", "Brno", "Ljubljana", "München"];
const PRODUCTS = ["Teapot", "Lamp", "Rug", "Chair", "Mug", "Blanket", "Clock", "Vase", "Desk", "Mirror"];
const STATUSES = ["new", "paid", "sent", "delivered", "returned"];
const ROLES = ["support", "warehouse", "engineering", "finance", "management"];

export const CUSTOMERS = 2_000;
export const ORDERS = 6_000;
export const STAFF = 40;

/** A card number that passes Luhn's check, from ranges that no bank gives out. */
function cardNumber(random: () => number): string {
  const digits = [4, 0, 0, 0, 0, 0, ...Array.from({ length: 9 }, () => Math.floor(random() * 10))];
  const sum = digits.reduce((total, digit, i) => {
    const doubled = i % 2 === 0 ? digit * 2 : digit;
    return total + (doubled > 9 ? doubled - 9 : doubled);
  }, 0);
  return [...digits, (10 - (sum % 10)) % 10].join("");
}

const quoted = (value: string | number): string =>
  typeof value === "number" ? String(value) : `'${value.replaceAll("'", "''")}'`;

function insert(table: string, rows: readonly (readonly (string | number)[])[]): string {
  return `insert into ${table} values\n${rows.map((row) => `(${row.map(quoted).join(",")})`).join(",\n")}`;
}

/** The statements that fill the shop's tables: a believable shop whose people do not exist. */
export function shopData(): readonly string[] {
  const random = generator(20_261_124);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
  const day = (): string =>
    `2026-${String(1 + Math.floor(random() * 10)).padStart(2, "0")}-${String(1 + Math.floor(random() * 28)).padStart(2, "0")} 10:00:00+00`;
  const people = Array.from({ length: CUSTOMERS }, (_, i) => {
    const [first, last] = [pick(FIRST), pick(LAST)];
    return [
      i + 1,
      `${first} ${last}`,
      `${first}.${last}${i + 1}@example.com`.toLowerCase(),
      `+43 660 ${1_000_000 + Math.floor(random() * 9_000_000)}`,
      `AT-${100_000_000 + Math.floor(random() * 900_000_000)}`,
      pick(CITIES),
      day(),
    ];
  });
  const orders = Array.from(
    { length: ORDERS },
    (_, i) =>
      [
        i + 1,
        1 + Math.floor(random() * CUSTOMERS),
        pick(STATUSES),
        500 + Math.floor(random() * 40_000),
        day(),
      ] as const,
  );
  const items = orders.map((order, i) => [
    i + 1,
    order[0],
    pick(PRODUCTS),
    1 + Math.floor(random() * 4),
    500 + Math.floor(random() * 9_000),
  ]);
  const payments = orders.map((order, i) => [i + 1, order[0], cardNumber(random), "visa", order[3], order[4]]);
  const staff = Array.from({ length: STAFF }, (_, i) => {
    const [first, last] = [pick(FIRST), pick(LAST)];
    return [
      i + 1,
      `${first} ${last}`,
      `${first}.${last}@shop.example`.toLowerCase(),
      pick(ROLES),
      280_000 + Math.floor(random() * 400_000),
    ];
  });
  return [
    insert("customers", people),
    insert("orders", orders),
    insert("order_items", items),
    insert("payments", payments),
    insert("staff", staff),
  ];
}
