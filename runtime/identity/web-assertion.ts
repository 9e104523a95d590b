import { createHash, createPublicKey, type KeyObject } from "node:crypto";
import { SignJWT, exportJWK, type JWK } from "jose";
import type { Clock } from "../outside/index.ts";
import type { Identity } from "./directory.ts";

/** How long an assertion is good, and how long one is used again. Targets should check `exp`. */
const ASSERTION_S = 120;
export const ASSERTION_REUSE_MS = 30_000;

/** Tells targets who asks: a JWT that the gateway signs (EdDSA), and the keys to check it with. */
export class WebAssertions {
  readonly #key: KeyObject;
  readonly #kid: string;
  readonly #issuer: string;
  readonly #clock: Clock;

  /** `key`: an Ed25519 key of the gateway's own; `issuer`: its name. */
  constructor(key: KeyObject, issuer: string, clock: Clock) {
    this.#key = key;
    this.#issuer = issuer;
    this.#clock = clock;
    const spki = createPublicKey(key).export({ type: "spki", format: "der" });
    this.#kid = createHash("sha256").update(spki).digest("base64url").slice(0, 16);
  }

  /** @param session the session's name, which the record has too */
  make(identity: Identity, target: string, session: string): Promise<string> {
    const now = Math.floor(this.#clock.now() / 1000);
    return new SignJWT({ groups: identity.groups, sid: session, amr: [identity.method] })
      .setProtectedHeader({ alg: "EdDSA", kid: this.#kid, typ: "JWT" })
      .setIssuer(this.#issuer)
      .setSubject(identity.name)
      .setAudience(target)
      .setIssuedAt(now)
      .setExpirationTime(now + ASSERTION_S)
      .sign(this.#key);
  }

  /** The key set that targets check assertions with. */
  async keySet(): Promise<{ readonly keys: readonly JWK[] }> {
    const jwk = await exportJWK(createPublicKey(this.#key));
    return { keys: [{ ...jwk, kid: this.#kid, alg: "EdDSA", use: "sig" }] };
  }
}
