import { createLocalJWKSet, createRemoteJWKSet, errors, jwtVerify, type JSONWebKeySet, type JWTPayload } from "jose";
import { err, ok, type Result } from "../../base/result.ts";
import { mockVerifier, passwordMatches, type ScramVerifier } from "../credentials/index.ts";
import type { Clock } from "../outside/index.ts";

/** Who the gateway found a client to be. */
export interface Identity {
  readonly name: string;
  readonly groups: readonly string[];
  readonly method: "password" | "token";
  /** Issuer of the token, when there was one. */
  readonly issuer: string | null;
  /** When the identity ends by itself, in ms; null: with the session. */
  readonly expiresAt: number | null;
}

export interface KnownUser {
  readonly name: string;
  readonly groups: readonly string[];
  readonly verifier: ScramVerifier | null;
}

export interface OidcIssuer {
  readonly issuer: string;
  readonly audience: string;
  /** Where its keys are: an address to fetch, or the keys themselves. */
  readonly jwks: { readonly url: string } | { readonly keys: JSONWebKeySet };
  readonly nameClaim: string;
  readonly groupsClaim: string;
}

/** Signatures that are taken. None that a holder of the public key could make. */
const ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"];
const CLOCK_SKEW_S = 30;
export const TOKEN_BYTES_MAX = 32 * 1024;
const GROUPS_MAX = 1000;
/** Failed sign-ins of one name or address before it must wait, and for how long. */
export const FAILURES_MAX = 10;
export const FAILURES_WINDOW_MS = 60_000;

interface Failures {
  count: number;
  since: number;
}

/** Everybody who may sign in, and how. */
export class Directory {
  #users: ReadonlyMap<string, KnownUser>;
  readonly #issuers: readonly { readonly issuer: OidcIssuer; readonly keys: ReturnType<typeof createLocalJWKSet> }[];
  readonly #mockSecret: Uint8Array;
  readonly #clock: Clock;
  readonly #failures = new Map<string, Failures>();

  constructor(users: readonly KnownUser[], issuers: readonly OidcIssuer[], mockSecret: Uint8Array, clock: Clock) {
    this.#users = new Map(users.map((user) => [user.name, user]));
    this.#mockSecret = mockSecret;
    this.#clock = clock;
    this.#issuers = issuers.map((issuer) => ({
      issuer,
      keys: "url" in issuer.jwks ? (createRemoteJWKSet(new URL(issuer.jwks.url), { timeoutDuration: 5000 }) as never) : createLocalJWKSet(issuer.jwks.keys),
    }));
  }

  /** Takes a changed users file over; sessions that are open keep what they have. */
  replaceUsers(users: readonly KnownUser[]): void {
    this.#users = new Map(users.map((user) => [user.name, user]));
  }

  get takesTokens(): boolean {
    return this.#issuers.length > 0;
  }

  user(name: string): KnownUser | undefined {
    return this.#users.get(name);
  }

  /** The verifier to sign `name` in with: a made-up one, always the same, for a name that nobody has. */
  verifierOf(name: string): ScramVerifier {
    return this.#users.get(name)?.verifier ?? mockVerifier(this.#mockSecret, name);
  }

  /** Who has just shown that they know the password of `name`. */
  byPassword(name: string): Identity | null {
    const user = this.#users.get(name);
    return user?.verifier == null ? null : { name, groups: user.groups, method: "password", issuer: null, expiresAt: null };
  }

  /** A name with a password in clear, for the control API. */
  async checkPassword(name: string, password: string): Promise<Identity | null> {
    const matches = await passwordMatches(password, this.verifierOf(name));
    return matches ? this.byPassword(name) : null;
  }

  /** Whether sign-ins under this key (a name, an address) must wait. */
  isHeldOff(key: string): boolean {
    const found = this.#failures.get(key);
    if (found === undefined) return false;
    if (this.#clock.now() - found.since > FAILURES_WINDOW_MS) {
      this.#failures.delete(key);
      return false;
    }
    return found.count >= FAILURES_MAX;
  }

  noteFailure(key: string): void {
    const now = this.#clock.now();
    const found = this.#failures.get(key);
    if (found === undefined || now - found.since > FAILURES_WINDOW_MS) {
      // Bounded: forgotten ones go before new ones come.
      if (this.#failures.size > 10_000) this.#failures.clear();
      this.#failures.set(key, { count: 1, since: now });
    } else found.count++;
  }

  noteSuccess(key: string): void {
    this.#failures.delete(key);
  }

  /**
   * Who a token speaks for, or why it is not taken. The client's own word for its name must be the token's.
   */
  async byToken(claimedName: string | null, token: string): Promise<Result<Identity, string>> {
    if (token.length > TOKEN_BYTES_MAX) return err("the token is too long");
    for (const { issuer, keys } of this.#issuers) {
      let payload: JWTPayload;
      try {
        const verified = await jwtVerify(token, keys, {
          issuer: issuer.issuer,
          audience: issuer.audience,
          algorithms: ALGORITHMS,
          clockTolerance: CLOCK_SKEW_S,
          requiredClaims: ["exp", "sub"],
          currentDate: new Date(this.#clock.now()),
        });
        payload = verified.payload;
      } catch (fault) {
        if (fault instanceof errors.JWTClaimValidationFailed && fault.claim === "iss") continue;
        return err(reasonOf(fault));
      }
      return identityOf(issuer, payload, claimedName);
    }
    return err("the token is of an issuer that is not configured");
  }
}

function reasonOf(fault: unknown): string {
  if (fault instanceof errors.JWTExpired) return "the token has expired; sign in again";
  if (fault instanceof errors.JWTClaimValidationFailed) return `the token's ${fault.claim} is not what is expected`;
  if (fault instanceof errors.JWSSignatureVerificationFailed || fault instanceof errors.JWKSNoMatchingKey) return "the token's signature does not fit the issuer's keys";
  if (fault instanceof errors.JOSEAlgNotAllowed) return "the token is signed in a way that is not taken";
  if (fault instanceof errors.JWTInvalid || fault instanceof errors.JWSInvalid) return "this is not a token";
  return "the issuer's keys can't be fetched";
}

function identityOf(issuer: OidcIssuer, payload: JWTPayload, claimedName: string | null): Result<Identity, string> {
  const name = payload[issuer.nameClaim];
  if (typeof name !== "string" || name === "") return err(`the token has no claim ${issuer.nameClaim}`);
  if (claimedName !== null && claimedName !== name) return err(`the token is of ${name}, not of ${claimedName}`);
  const claimed = payload[issuer.groupsClaim];
  const groups = Array.isArray(claimed) ? claimed.filter((group): group is string => typeof group === "string").slice(0, GROUPS_MAX) : [];
  return ok({ name, groups, method: "token", issuer: issuer.issuer, expiresAt: typeof payload.exp === "number" ? payload.exp * 1000 : null });
}
