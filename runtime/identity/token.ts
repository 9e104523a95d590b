import {
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  decodeJwt,
  errors,
  jwtVerify,
  type CryptoKey,
  type FetchImplementation,
  type JSONWebKeySet,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
} from "jose";
import { err, ok, type Result } from "../../base/result.ts";
import type { Clock } from "../outside/index.ts";
import type { Identity } from "./directory.ts";
import {
  CLOCK_SKEW_S,
  GROUPS_MAX,
  KEYS_AGE_MS_MAX,
  KEYS_COOLDOWN_MS,
  KEYS_FETCH_MS,
  NAME_CHARS_MAX,
  TOKEN_BYTES_MAX,
} from "./limits.ts";

export type { FetchImplementation };

export interface OidcIssuer {
  readonly issuer: string;
  readonly audience: string;
  /** Where its keys are: an address to fetch, or the keys themselves. */
  readonly jwks: { readonly url: string } | { readonly keys: JSONWebKeySet };
  readonly nameClaim: string;
  readonly groupsClaim: string;
  /** Oldest token that is taken, by its time of issue. */
  readonly maxAgeMs: number;
  /** Claims that must have just this value, or hold it in their list. */
  readonly requiredClaims: Readonly<Record<string, string | boolean>>;
}

/** Signatures that are taken. None that a holder of the public key could make. */
const ALGORITHMS = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
];

/** Checks tokens against the issuers' keys, which are fetched when they are needed first, and again for an unknown key id. */
export class TokenVerifier {
  readonly #issuers: readonly { readonly issuer: OidcIssuer; readonly keys: JWTVerifyGetKey }[];
  readonly #clock: Clock;

  constructor(issuers: readonly OidcIssuer[], clock: Clock, fetch: FetchImplementation) {
    this.#clock = clock;
    this.#issuers = issuers.map((issuer) => ({
      issuer,
      keys:
        "url" in issuer.jwks
          ? createRemoteJWKSet(new URL(issuer.jwks.url), {
              timeoutDuration: KEYS_FETCH_MS,
              cooldownDuration: KEYS_COOLDOWN_MS,
              cacheMaxAge: KEYS_AGE_MS_MAX,
              [customFetch]: fetch,
            })
          : createLocalJWKSet(issuer.jwks.keys),
    }));
  }

  get hasIssuers(): boolean {
    return this.#issuers.length > 0;
  }

  /** Who a token speaks for, or why it is not taken; the reason holds nothing of the token but a name that it proved. */
  async verify(claimedName: string | null, token: string): Promise<Result<Identity, string>> {
    if (token.length > TOKEN_BYTES_MAX) return err("the token is too long");
    let says: unknown;
    try {
      says = decodeJwt(token).iss;
    } catch {
      return err("this is not a token");
    }
    // The unproved word for the issuer only chooses whose keys must prove it.
    let result: Result<Identity, string> = err("the token is of an issuer that is not configured");
    for (const { issuer, keys } of this.#issuers.filter((one) => one.issuer.issuer === says)) {
      result = await this.#verifyBy(issuer, keys, claimedName, token);
      if (result.ok) return result;
    }
    return result;
  }

  async #verifyBy(
    issuer: OidcIssuer,
    keys: JWTVerifyGetKey,
    claimedName: string | null,
    token: string,
  ): Promise<Result<Identity, string>> {
    const options: JWTVerifyOptions = {
      issuer: issuer.issuer,
      audience: issuer.audience,
      algorithms: ALGORITHMS,
      clockTolerance: CLOCK_SKEW_S,
      maxTokenAge: Math.ceil(issuer.maxAgeMs / 1000),
      requiredClaims: ["exp", "sub"],
      currentDate: new Date(this.#clock.now()),
    };
    try {
      return identityOf(issuer, await payloadOf(token, keys, options), claimedName);
    } catch (fault) {
      return err(reasonOf(fault));
    }
  }
}

async function payloadOf(token: string, keys: JWTVerifyGetKey, options: JWTVerifyOptions): Promise<JWTPayload> {
  try {
    return (await jwtVerify(token, keys, options)).payload;
  } catch (fault) {
    if (!(fault instanceof errors.JWKSMultipleMatchingKeys)) throw fault;
    // A token without a key id, and several keys of its kind: any of them may be the one.
    for await (const key of fault as AsyncIterable<CryptoKey>) {
      try {
        return (await jwtVerify(token, key, options)).payload;
      } catch (inner) {
        if (!(inner instanceof errors.JWSSignatureVerificationFailed)) throw inner;
      }
    }
    throw new errors.JWSSignatureVerificationFailed();
  }
}

function reasonOf(fault: unknown): string {
  if (fault instanceof errors.JWTExpired)
    return fault.claim === "iat" ? "the token is too old; sign in again" : "the token has expired; sign in again";
  if (fault instanceof errors.JWTClaimValidationFailed) return `the token's ${fault.claim} is not what is expected`;
  if (fault instanceof errors.JWSSignatureVerificationFailed || fault instanceof errors.JWKSNoMatchingKey) {
    return "the token's signature does not fit the issuer's keys";
  }
  if (fault instanceof errors.JOSEAlgNotAllowed) return "the token is signed in a way that is not taken";
  if (fault instanceof errors.JWTInvalid || fault instanceof errors.JWSInvalid) return "this is not a token";
  if (fault instanceof errors.JOSENotSupported) return "the token needs something that is not supported";
  return "the issuer's keys can't be fetched";
}

function identityOf(issuer: OidcIssuer, payload: JWTPayload, claimedName: string | null): Result<Identity, string> {
  for (const [claim, wanted] of Object.entries(issuer.requiredClaims)) {
    const found = Object.hasOwn(payload, claim) ? payload[claim] : undefined;
    if (found !== wanted && !(Array.isArray(found) && found.includes(wanted)))
      return err(`the token's ${claim} is not what is expected`);
  }
  const name = Object.hasOwn(payload, issuer.nameClaim) ? payload[issuer.nameClaim] : undefined;
  if (typeof name !== "string" || name === "") return err(`the token has no claim ${issuer.nameClaim}`);
  if (!isPlainName(name)) return err(`the token's ${issuer.nameClaim} is too long or holds control characters`);
  if (claimedName !== null && claimedName !== name) return err(`the token is of ${name}, not of ${claimedName}`);
  const groups = groupsOf(Object.hasOwn(payload, issuer.groupsClaim) ? payload[issuer.groupsClaim] : undefined);
  if (groups === undefined)
    return err(`the token's ${issuer.groupsClaim} is not a list of at most ${GROUPS_MAX} names`);
  return ok({
    name,
    groups,
    method: "token",
    issuer: issuer.issuer,
    expiresAt: typeof payload.exp === "number" ? payload.exp * 1000 : null,
  });
}

/** All groups or none at all: a rule may deny by a group, so that one left out could let something through. */
function groupsOf(claim: unknown): readonly string[] | undefined {
  if (claim === undefined || claim === null) return [];
  const list: readonly unknown[] = Array.isArray(claim) ? claim : [claim];
  if (list.length > GROUPS_MAX) return undefined;
  return list.every((group): group is string => typeof group === "string" && isPlainName(group))
    ? [...new Set(list)]
    : undefined;
}

const isPlainName = (name: string): boolean =>
  name.length <= NAME_CHARS_MAX && !/[\u0000-\u001f\u007f-\u009f]/.test(name) && name.isWellFormed();
