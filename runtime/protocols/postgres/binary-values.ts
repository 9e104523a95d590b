import { FLOAT4, addressBytes, addressText, type Family } from "../../enforce/mask/index.ts";

/** Between the text and the binary form of a type's values. Null: the bytes, or the text, are no value of it. */
export interface Codec {
  toText(bytes: Buffer, start: number, end: number): string | null;
  toBytes(text: string): Buffer | null;
}

const integer = (size: 2 | 4 | 8, signed = true): Codec => ({
  toText(bytes, start, end) {
    if (end - start !== size) return null;
    if (size === 8) return bytes.readBigInt64BE(start).toString();
    return String(signed ? bytes.readIntBE(start, size) : bytes.readUIntBE(start, size));
  },
  toBytes(text) {
    const out = Buffer.alloc(size);
    if (size === 8) out.writeBigInt64BE(BigInt(text));
    else if (signed) out.writeIntBE(Number(text), 0, size);
    else out.writeUIntBE(Number(text), 0, size);
    return out;
  },
});

const float = (size: 4 | 8): Codec => ({
  toText(bytes, start, end) {
    if (end - start !== size) return null;
    return String(size === 4 ? bytes.readFloatBE(start) : bytes.readDoubleBE(start));
  },
  toBytes(text) {
    const out = Buffer.alloc(size);
    if (size === 4) out.writeFloatBE(Number(text));
    else out.writeDoubleBE(Number(text));
    return out;
  },
});

const NUMERIC_BASE_DIGITS = 4;
const NEGATIVE = 0x4000;
const NO_NUMBERS: ReadonlySet<number> = new Set([0xc000, 0xd000, 0xf000]);
/** NaN, Infinity or -Infinity of numeric. */
export const isNoNumber = (bytes: Buffer, start: number, end: number): boolean =>
  end - start === 8 && bytes.readUInt16BE(start) === 0 && NO_NUMBERS.has(bytes.readUInt16BE(start + 4));

/** Source: src/backend/utils/adt/numeric.c, numeric_send: count, weight, sign, scale, digits of base 10,000. */
const numeric: Codec = {
  toText(bytes, start, end) {
    if (end - start < 8) return null;
    const count = bytes.readUInt16BE(start);
    const weight = bytes.readInt16BE(start + 2);
    const sign = bytes.readUInt16BE(start + 4);
    const scale = bytes.readUInt16BE(start + 6);
    if (end - start !== 8 + count * 2 || (sign !== 0 && sign !== NEGATIVE)) return null;
    const digit = (i: number): string =>
      (i >= 0 && i < count ? bytes.readUInt16BE(start + 8 + i * 2) : 0).toString().padStart(NUMERIC_BASE_DIGITS, "0");
    let whole = "";
    for (let i = 0; i <= weight; i++) whole += digit(i);
    let fraction = "";
    for (let i = weight + 1; fraction.length < scale; i++) fraction += digit(i);
    whole = whole.replace(/^0+(?=\d)/, "") || "0";
    return `${sign === NEGATIVE ? "-" : ""}${whole}${scale > 0 ? `.${fraction.slice(0, scale)}` : ""}`;
  },
  toBytes(text) {
    // Masks give whole numbers only.
    const match = /^(-?)(\d+)$/.exec(text);
    if (match === null) return null;
    const digits = match[2]!.replace(/^0+/, "");
    const padded = digits.padStart(Math.ceil(digits.length / NUMERIC_BASE_DIGITS) * NUMERIC_BASE_DIGITS, "0");
    const groups = padded.match(/.{4}/g) ?? [];
    const weight = groups.length - 1;
    while (groups.at(-1) === "0000") groups.pop();
    const out = Buffer.alloc(8 + groups.length * 2);
    out.writeUInt16BE(groups.length, 0);
    out.writeInt16BE(groups.length === 0 ? 0 : weight, 2);
    out.writeUInt16BE(match[1] === "-" && groups.length > 0 ? NEGATIVE : 0, 4);
    for (const [i, group] of groups.entries()) out.writeUInt16BE(Number(group), 8 + i * 2);
    return out;
  },
};

/** Days from 1970-01-01 to PostgreSQL's own beginning, 2000-01-01. */
const EPOCH_DAYS = 10_957;
const DAY_MICROS = 86_400_000_000n;
const DATE_INFINITY = 2_147_483_647;
const TIME_INFINITY = 9_223_372_036_854_775_807n;

/** Proleptic Gregorian calendar, days since 1970-01-01. Source: the algorithm of H. Hinnant, "chrono-compatible date algorithms". */
function civil(days: number): readonly [year: number, month: number, day: number] {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const ofEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (ofEra - Math.floor(ofEra / 1460) + Math.floor(ofEra / 36_524) - Math.floor(ofEra / 146_096)) / 365,
  );
  const ofYear = ofEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * ofYear + 2) / 153);
  const day = ofYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1;
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  return [yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day];
}

function daysOf(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const ofYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  return era * 146_097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + ofYear - 719_468;
}

const two = (value: number): string => String(value).padStart(2, "0");

function dateText(days: number): { readonly date: string; readonly era: string } {
  const [year, month, day] = civil(days);
  const shown = year > 0 ? year : 1 - year;
  return { date: `${String(shown).padStart(4, "0")}-${two(month)}-${two(day)}`, era: year > 0 ? "" : " BC" };
}

function daysFrom(text: string): number | null {
  const match = /^(\d{4,})-(\d\d)-(\d\d)/.exec(text);
  if (match === null) return null;
  const year = Number(match[1]);
  return daysOf(text.endsWith(" BC") ? 1 - year : year, Number(match[2]), Number(match[3]));
}

const date: Codec = {
  toText(bytes, start, end) {
    if (end - start !== 4) return null;
    const days = bytes.readInt32BE(start);
    if (days === DATE_INFINITY) return "infinity";
    if (days === -DATE_INFINITY - 1) return "-infinity";
    const { date: text, era } = dateText(days + EPOCH_DAYS);
    return text + era;
  },
  toBytes(text) {
    const out = Buffer.alloc(4);
    if (text.endsWith("infinity")) out.writeInt32BE(text.startsWith("-") ? -DATE_INFINITY - 1 : DATE_INFINITY);
    else {
      const days = daysFrom(text);
      if (days === null) return null;
      out.writeInt32BE(days - EPOCH_DAYS);
    }
    return out;
  },
};

/** In the binary form a time with time zone is in UTC, so units of it are those of UTC. */
const timestamp: Codec = {
  toText(bytes, start, end) {
    if (end - start !== 8) return null;
    const micros = bytes.readBigInt64BE(start);
    if (micros === TIME_INFINITY) return "infinity";
    if (micros === -TIME_INFINITY - 1n) return "-infinity";
    const ofDay = ((micros % DAY_MICROS) + DAY_MICROS) % DAY_MICROS;
    const days = Number((micros - ofDay) / DAY_MICROS);
    const seconds = Number(ofDay / 1_000_000n);
    const { date: text, era } = dateText(days + EPOCH_DAYS);
    return `${text} ${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}${era}`;
  },
  toBytes(text) {
    const out = Buffer.alloc(8);
    if (text.endsWith("infinity")) {
      out.writeBigInt64BE(text.startsWith("-") ? -TIME_INFINITY - 1n : TIME_INFINITY);
      return out;
    }
    const days = daysFrom(text);
    const hour = /[ T](\d\d):00:00/.exec(text);
    if (days === null || hour === null) return null;
    out.writeBigInt64BE(BigInt(days - EPOCH_DAYS) * DAY_MICROS + BigInt(hour[1]!) * 3_600_000_000n);
    return out;
  },
};

const uuid: Codec = {
  toText: (bytes, start, end) =>
    end - start === 16
      ? bytes.toString("hex", start, end).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5")
      : null,
  toBytes: (text) => Buffer.from(text.replaceAll("-", ""), "hex"),
};

const bytea: Codec = {
  toText: (bytes, start, end) => `\\x${bytes.toString("hex", start, end)}`,
  toBytes: (text) => Buffer.from(text.slice(2), "hex"),
};

const INET4 = 2;
const INET6 = 3;
/** Source: src/backend/utils/adt/network.c, network_send: family, bits, whether a cidr, count of bytes, bytes. */
const address = (cidr: boolean): Codec => ({
  toText(bytes, start, end) {
    if (end - start < 8) return null;
    const count = bytes[start + 3]!;
    if (end - start !== 4 + count || count !== (bytes[start] === INET4 ? 4 : 16)) return null;
    const bits = bytes[start + 1]!;
    const text = addressText(bytes.subarray(start + 4, end));
    return bits === count * 8 && !cidr ? text : `${text}/${bits}`;
  },
  toBytes(text) {
    const [ip, bits] = text.split("/") as [string, string | undefined];
    const found = addressBytes(ip);
    if (found === null) return null;
    const size = found.length;
    return Buffer.concat([
      Buffer.of(size === 4 ? INET4 : INET6, bits === undefined ? size * 8 : Number(bits), cidr ? 1 : 0, size),
      found,
    ]);
  },
});

const JSONB_VERSION = 1;

/** Where masks of a family make another value of it. */
export function codecOf(family: Family, type: number): Codec | null {
  switch (family) {
    case "int2":
      return integer(2);
    case "int4":
      return integer(4);
    case "int8":
      return integer(8);
    case "oid":
      return integer(4, false);
    case "decimal":
      return numeric;
    case "float":
      return float(type === FLOAT4 ? 4 : 8);
    case "date":
      return date;
    case "timestamp":
    case "timestamptz":
      return timestamp;
    case "uuid":
      return uuid;
    case "bytes":
      return bytea;
    case "address":
      return address(false);
    case "network":
      return address(true);
    case "bool":
      return {
        toText: (bytes, start, end) => (end - start === 1 ? (bytes[start] === 0 ? "f" : "t") : null),
        toBytes: (text) => Buffer.of(text === "t" ? 1 : 0),
      };
    case "time":
      return zeroOnly(8);
    case "timetz":
      return zeroOnly(12);
    case "interval":
      return zeroOnly(16);
    case "mac":
      return zeroOnly(6);
    case "mac8":
      return zeroOnly(8);
    case "json":
    case "xml":
    case "text":
      return utf8;
    case "jsonb":
      return {
        toText: (bytes, start, end) => (bytes[start] === JSONB_VERSION ? bytes.toString("utf8", start + 1, end) : null),
        toBytes: (text) => Buffer.concat([Buffer.of(JSONB_VERSION), Buffer.from(text, "utf8")]),
      };
    case "other":
      return null;
  }
}

const utf8: Codec = {
  toText: (bytes, start, end) => bytes.toString("utf8", start, end),
  toBytes: (text) => Buffer.from(text, "utf8"),
};

/** Types of which only the zero value is ever made. */
const zeroOnly = (size: number): Codec => ({ toText: () => "", toBytes: () => Buffer.alloc(size) });
