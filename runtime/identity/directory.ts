import type { Result } from "../../base/result.ts";
import { mockVerifier, passwordMatches, type ScramVerifier } from "../credentials/index.ts";
import type { Clock } from "../outside/index.ts";
import { FAILURES_KEPT_MAX, FAILURES_MAX, FAILURES_WINDOW_MS } from "./limits.ts";
import { TokenVerifier, type FetchImplementation, type OidcIssuer } from "./token.ts";

/** Who the gateway found a client to be. */
export interface Identity {
  readonly name: string;
  readonly groups: readonly string[];
  readonly method: "password" | "token" | "key" | "certificate" | "web";
  /** Issuer of the token, when there was one. */
  readonly issuer: string | null;
  /** When the identity ends by itself, in ms; null: with the session. */
  readonly expiresAt: number | null;
}

export interface KnownUser {
  readonly name: string;
  readonly groups: readonly string[];
  readonly verifier: ScramVerifier | null;
  /** Public SSH keys, as the bytes that the protocol shows them in, in base64. */
  readonly keys?: readonly string[];
}

interface Failures {
  count: number;
  since: number;
}

/** Everybody who may sign in, and how. */
export class Directory {
  #users: ReadonlyMap<string, KnownUser>;
  readonly #tokens: TokenVerifier;
  readonly #mockSecret: Uint8Array;
  readonly #clock: Clock;
  readonly #failures = new Map<string, Failures>();

  /**
   * @param mockSecret keeps the made-up verifiers of unknown names the same over restarts; at least 32 random bytes
   * @param fetch gets the keys of issuers that give an address for them
   */
  constructor(
    users: readonly KnownUser[],
    issuers: readonly OidcIssuer[],
    mockSecret: Uint8Array,
    clock: Clock,
    fetch: FetchImplementation,
  ) {
    this.#users = new Map(users.map((user) => [user.name, user]));
    this.#mockSecret = mockSecret;
    this.#clock = clock;
    this.#tokens = new TokenVerifier(issuers, clock, fetch);
  }

  /** Takes a changed users file over; sessions that are open keep what they have. */
  replaceUsers(users: readonly KnownUser[]): void {
    this.#users = new Map(users.map((user) => [user.name, user]));
  }

  get takesTokens(): boolean {
    return this.#tokens.hasIssuers;
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
    return user?.verifier == null
      ? null
      : { name, groups: user.groups, method: "password", issuer: null, expiresAt: null };
  }

  /** Who has just signed with the private key of `blob` (base64), as `name`. */
  byKey(name: string, blob: string): Identity | null {
    const user = this.#users.get(name);
    return user?.keys?.includes(blob) === true
      ? { name, groups: user.groups, method: "key", issuer: null, expiresAt: null }
      : null;
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
      // The oldest goes, not all of them: a flood of addresses does not set a guessed name free at once.
      this.#failures.delete(key);
      const [oldest] = this.#failures.keys();
      if (oldest !== undefined && this.#failures.size >= FAILURES_KEPT_MAX) this.#failures.delete(oldest);
      this.#failures.set(key, { count: 1, since: now });
    } else found.count++;
  }

  noteSuccess(key: string): void {
    this.#failures.delete(key);
  }

  /** Who a token speaks for, or why it is not taken. The client's own word for its name must be the token's. */
  byToken(claimedName: string | null, token: string): Promise<Result<Identity, string>> {
    return this.#tokens.verify(claimedName, token);
  }
}
