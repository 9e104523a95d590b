import { createHash } from "node:crypto";
import { SECRETS } from "./schema.ts";

const WINDOW = 6;

const reversed = (text: string): string => [...text].reverse().join("");
const rot13 = (text: string): string =>
  text.replaceAll(/[a-z]/gi, (c) => {
    const base = c <= "Z" ? 65 : 97;
    return String.fromCharCode(((c.charCodeAt(0) - base + 13) % 26) + base);
  });

/** Base64 of a text wherever it begins in a group of three bytes: what does not depend on its neighbours. */
function base64Forms(text: string): readonly string[] {
  return [0, 1, 2].map((shift) => {
    const encoded = Buffer.from("\0".repeat(shift) + text, "utf8").toString("base64");
    const from = shift === 0 ? 0 : shift + 1;
    return encoded.slice(from, from + Math.floor(((text.length - 2) * 4) / 3) - 1);
  });
}

/** Needles that are looked for without regard to case. */
function needlesOf(): ReadonlySet<string> {
  const found = new Set<string>();
  for (const [text, binary] of SECRETS) {
    for (let at = 0; at + WINDOW <= text.length; at++) {
      const piece = text.slice(at, at + WINDOW);
      // The part of the address that is no secret, and dates that begin like others of their century.
      if ("corp.example".includes(piece) || /^1871-0$/.test(piece)) continue;
      found.add(piece.toLowerCase());
      found.add(reversed(piece).toLowerCase());
      found.add(rot13(piece).toLowerCase());
      for (const form of [piece, piece.toLowerCase(), piece.toUpperCase()])
        found.add(Buffer.from(form, "utf8").toString("hex"));
    }
    if (binary !== undefined) found.add(binary.toString("latin1").toLowerCase());
    for (const form of [text, text.toLowerCase(), text.toUpperCase()]) {
      for (const encoded of base64Forms(form)) if (encoded.length >= 7) found.add(encoded.toLowerCase());
      for (const hash of ["md5", "sha1", "sha224", "sha256", "sha512"]) {
        const digest = createHash(hash).update(form).digest();
        found.add(digest.toString("hex"));
        found.add(digest.toString("latin1").toLowerCase());
      }
    }
    // One character's code after the other.
    found.add(
      [...text]
        .map((c) => c.charCodeAt(0))
        .join("")
        .slice(0, 12),
    );
  }
  return found;
}

const NEEDLES = [...needlesOf()];

/** What the gateway calls a decision: a session's end and a number may look like a piece of an address. */
const DECISION = /Decision [0-9a-z]{26}\.\d+\./g;

/** The first needle in what a client received (raw bytes, and all fields put together), or null. */
export function findMarker(bytes: Buffer, fields: readonly string[]): string | null {
  const raw = bytes.toString("latin1").replaceAll(DECISION, "Decision").toLowerCase();
  const joined = fields.join("").toLowerCase();
  const backwards = reversed(joined);
  for (const needle of NEEDLES) {
    if (raw.includes(needle) || joined.includes(needle) || backwards.includes(needle)) return needle;
  }
  return null;
}

/** Whole secrets only: for files in which short runs of digits may stand by chance. */
export function findSecret(bytes: Buffer): string | null {
  const raw = bytes.toString("latin1").toLowerCase();
  for (const [text] of SECRETS) {
    const lower = text.toLowerCase();
    for (const form of [
      lower,
      reversed(lower),
      Buffer.from(text).toString("hex"),
      Buffer.from(text).toString("base64").replace(/=+$/, "").toLowerCase(),
    ])
      if (raw.includes(form)) return form;
  }
  return null;
}
