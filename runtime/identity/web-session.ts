import { SignJWT, jwtVerify } from "jose";
import type { Clock } from "../outside/index.ts";
import type { Identity } from "./directory.ts";
import { GROUPS_MAX, NAME_CHARS_MAX } from "./limits.ts";

const ISSUER = "sallyport";
const AUDIENCE = "sallyport browser session";
/** Longest cookie. */
const COOKIE_CHARS_MAX = 4_000;

/** A browser's sign-in as the cookie holds it, signed by the gateway and read by nobody else. */
export class WebSessions {
  readonly #key: Uint8Array;
  readonly #clock: Clock;

  /** `key`: at least 32 bytes that only the gateway has. */
  constructor(key: Uint8Array, clock: Clock) {
    this.#key = key;
    this.#clock = clock;
  }

  /** The cookie's value for who has just signed in; null when it would not fit into one. */
  async write(identity: Identity, sessionMs: number): Promise<string | null> {
    const now = Math.floor(this.#clock.now() / 1000);
    const until = Math.floor(
      Math.min(this.#clock.now() + sessionMs, identity.expiresAt ?? Number.MAX_SAFE_INTEGER) / 1000,
    );
    const value = await new SignJWT({ groups: identity.groups, from: identity.issuer })
      .setProtectedHeader({ alg: "HS256" })
      .setIssuer(ISSUER)
      .setAudience(AUDIENCE)
      .setSubject(identity.name)
      .setIssuedAt(now)
      .setExpirationTime(until)
      .sign(this.#key);
    return value.length > COOKIE_CHARS_MAX ? null : value;
  }

  /** Who a cookie is of; null when it is not good any more, or never was. */
  async read(value: string): Promise<Identity | null> {
    if (value.length > COOKIE_CHARS_MAX) return null;
    try {
      const { payload } = await jwtVerify(value, this.#key, {
        algorithms: ["HS256"],
        issuer: ISSUER,
        audience: AUDIENCE,
        currentDate: new Date(this.#clock.now()),
        requiredClaims: ["sub", "exp", "groups"],
      });
      const { sub, groups, from, exp } = payload;
      if (sub === undefined || sub.length > NAME_CHARS_MAX || !Array.isArray(groups) || groups.length > GROUPS_MAX)
        return null;
      return {
        name: sub,
        groups: groups.map(String),
        method: "web",
        issuer: typeof from === "string" ? from : null,
        expiresAt: exp! * 1000,
      };
    } catch {
      return null;
    }
  }
}
