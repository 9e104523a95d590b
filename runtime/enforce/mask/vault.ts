import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from "node:crypto";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { Tokens } from "./secrets.ts";

/** Tokens that are remembered without asking the vault. */
const REMEMBERED_MAX = 50_000;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const TOKEN_RANDOM_BYTES = 15;
const PREFIX = "tok_";

/**
 * Values and their tokens. A token tells nothing of its value; the vault alone knows both, and on disk the value is encrypted
 * under a key derived from the gateway's secret. The same value has the same token, whoever sees it, so that joins and counts
 * keep working.
 */
export class TokenVault implements Tokens {
  readonly #db: DatabaseSync;
  readonly #find: StatementSync;
  readonly #insert: StatementSync;
  readonly #lookupKey: Buffer;
  readonly #valueKey: Buffer;
  readonly #random: (bytes: number) => Uint8Array;
  readonly #remembered = new Map<string, string>();

  /** `path`: a file, or `:memory:`. `secret`: the gateway's, at least 16 bytes. `random`: from a secure source. */
  constructor(path: string, secret: Uint8Array, random: (bytes: number) => Uint8Array) {
    this.#random = random;
    const derive = (use: string): Buffer => Buffer.from(hkdfSync("sha256", secret, "", `sallyport vault ${use}`, 32));
    this.#lookupKey = derive("lookup");
    this.#valueKey = derive("value");
    this.#db = new DatabaseSync(path);
    this.#db.exec(`
      pragma journal_mode = wal;
      pragma synchronous = normal;
      create table if not exists token (
        lookup blob primary key, token text not null unique, value blob not null
      ) strict, without rowid;
    `);
    this.#find = this.#db.prepare("select token from token where lookup = ?");
    this.#insert = this.#db.prepare("insert into token (lookup, token, value) values (?, ?, ?) on conflict do nothing");
  }

  tokenFor(value: Uint8Array): string {
    const lookup = createHmac("sha256", this.#lookupKey).update(value).digest();
    const key = lookup.toString("latin1");
    const known = this.#remembered.get(key);
    if (known !== undefined) return known;
    let found = this.#stored(lookup);
    while (found === null) {
      // A token that is taken already, which chance all but rules out, is made anew.
      this.#insert.run(
        lookup,
        PREFIX + Buffer.from(this.#random(TOKEN_RANDOM_BYTES)).toString("base64url"),
        this.#seal(value, lookup),
      );
      found = this.#stored(lookup);
    }
    if (this.#remembered.size >= REMEMBERED_MAX) this.#remembered.clear();
    this.#remembered.set(key, found);
    return found;
  }

  #stored(lookup: Uint8Array): string | null {
    const row = this.#find.get(lookup) as { token: string } | undefined;
    return row?.token ?? null;
  }

  #seal(value: Uint8Array, lookup: Uint8Array): Buffer {
    const nonce = this.#random(NONCE_BYTES);
    const cipher = createCipheriv("aes-256-gcm", this.#valueKey, nonce);
    cipher.setAAD(lookup);
    return Buffer.concat([nonce, cipher.update(value), cipher.final(), cipher.getAuthTag()]);
  }

  /** The value of a token; null when there is no such token. @throws Error when the vault was tampered with */
  valueOf(token: string): Buffer | null {
    const row = this.#db.prepare("select lookup, value from token where token = ?").get(token) as
      { lookup: Uint8Array; value: Uint8Array } | undefined;
    if (row === undefined) return null;
    const { lookup, value } = row;
    const decipher = createDecipheriv("aes-256-gcm", this.#valueKey, value.subarray(0, NONCE_BYTES));
    decipher.setAAD(lookup);
    decipher.setAuthTag(value.subarray(value.length - TAG_BYTES));
    return Buffer.concat([decipher.update(value.subarray(NONCE_BYTES, value.length - TAG_BYTES)), decipher.final()]);
  }

  close(): void {
    this.#db.close();
  }
}
