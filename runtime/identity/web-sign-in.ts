import { EncryptJWT, jwtDecrypt } from "jose";
import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  calculatePKCECodeChallenge,
  customFetch,
  discovery,
  type Configuration,
} from "openid-client";
import { err, ok, type Result } from "../../base/result.ts";
import type { Clock, Random } from "../outside/index.ts";
import type { Directory, Identity } from "./directory.ts";
import type { FetchImplementation } from "./token.ts";

export interface SignInSettings {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string | null;
  readonly scopes: string;
}

/** What the browser keeps between leaving and coming back: who asks and whereto, encrypted. */
interface Pending {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  readonly back: string;
}

const PENDING_S = 600;
const FETCH_MS = 10_000;

/** Sign-in in the browser: authorization code with PKCE (RFC 7636) at one issuer; the identity is that of its ID token. */
export class WebSignIn {
  readonly #settings: SignInSettings;
  readonly #directory: Directory;
  readonly #key: Uint8Array;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #fetch: FetchImplementation;
  #client: Promise<Configuration> | null = null;

  /** `key`: 32 bytes that only the gateway has. */
  constructor(
    settings: SignInSettings,
    directory: Directory,
    key: Uint8Array,
    clock: Clock,
    random: Random,
    fetch: FetchImplementation,
  ) {
    this.#settings = settings;
    this.#directory = directory;
    this.#key = key;
    this.#clock = clock;
    this.#random = random;
    this.#fetch = fetch;
  }

  /** What the issuer says of itself: asked once, and again after it could not be reached. */
  #configuration(): Promise<Configuration> {
    this.#client ??= this.#discover().catch((fault: unknown) => {
      this.#client = null;
      throw fault;
    });
    return this.#client;
  }

  #discover(): Promise<Configuration> {
    const { issuer, clientId, clientSecret } = this.#settings;
    const local = /^http:\/\/(127\.0\.0\.1|localhost|\[::1\])[:/]/.test(`${issuer}/`);
    return discovery(new URL(issuer), clientId, clientSecret ?? undefined, undefined, {
      timeout: FETCH_MS / 1000,
      [customFetch]: (url: string, options: object) => this.#fetch(url, options as Parameters<FetchImplementation>[1]),
      ...(local ? { execute: [allowInsecureRequests] } : {}),
    });
  }

  /**
   * Where the browser goes to sign in, and the cookie that it must bring back.
   *
   * @param callback the gateway's own address to come back to
   * @param back path to go to after that
   */
  async begin(
    callback: string,
    back: string,
  ): Promise<Result<{ readonly location: string; readonly cookie: string }, string>> {
    try {
      const client = await this.#configuration();
      const made = (): string => this.#random.bytes(32).toString("base64url");
      const pending: Pending = { state: made(), nonce: made(), verifier: made(), back };
      const location = buildAuthorizationUrl(client, {
        redirect_uri: callback,
        scope: this.#settings.scopes,
        code_challenge: await calculatePKCECodeChallenge(pending.verifier),
        code_challenge_method: "S256",
        state: pending.state,
        nonce: pending.nonce,
      });
      const cookie = await new EncryptJWT({ ...pending })
        .setProtectedHeader({ alg: "dir", enc: "A256GCM" })
        .setExpirationTime(Math.floor(this.#clock.now() / 1000) + PENDING_S)
        .encrypt(this.#key);
      return ok({ location: location.href, cookie });
    } catch (fault) {
      return err(`the issuer can't be reached: ${messageOf(fault)}`);
    }
  }

  /**
   * The browser came back.
   *
   * @param url the whole address that it came to
   * @param cookie what `begin` gave it
   */
  async finish(
    url: string,
    cookie: string,
  ): Promise<Result<{ readonly identity: Identity; readonly back: string }, string>> {
    let pending: Pending;
    try {
      const { payload } = await jwtDecrypt(cookie, this.#key, { currentDate: new Date(this.#clock.now()) });
      pending = payload as unknown as Pending;
    } catch {
      return err("the sign-in took too long, or began in another browser; begin again");
    }
    let token: string | undefined;
    try {
      const tokens = await authorizationCodeGrant(await this.#configuration(), new URL(url), {
        expectedState: pending.state,
        expectedNonce: pending.nonce,
        pkceCodeVerifier: pending.verifier,
        idTokenExpected: true,
      });
      token = tokens.id_token;
    } catch (fault) {
      return err(`the issuer's answer is not good: ${messageOf(fault)}`);
    }
    if (token === undefined) return err("the issuer gave no ID token");
    // Read by the same rules as a token that a client shows: issuer, audience, keys, claims.
    const found = await this.#directory.byToken(null, token);
    if (!found.ok) return err(found.error);
    return ok({ identity: { ...found.value, method: "web" }, back: pending.back });
  }
}

const messageOf = (fault: unknown): string => (fault instanceof Error ? fault.message : String(fault));
