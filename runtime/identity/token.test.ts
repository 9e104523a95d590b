import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import {
  exportJWK,
  generateKeyPair,
  SignJWT,
  UnsecuredJWT,
  type CryptoKey,
  type JSONWebKeySet,
  type JWTPayload,
} from "jose";
// @ts-expect-error it comes without types
import UntypedProvider from "oidc-provider";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Clock } from "../outside/index.ts";
import { GROUPS_MAX, KEYS_COOLDOWN_MS } from "./limits.ts";
import { TokenVerifier, type OidcIssuer } from "./token.ts";

const Provider = UntypedProvider as new (issuer: string, configuration: object) => { callback(): RequestListener };

const NOW = Date.UTC(2026, 0, 2, 12);
const clock: Clock = { now: () => NOW, monotonic: () => 0, after: () => () => undefined };
const seconds = (ms: number): number => Math.floor(ms / 1000);
const noFetch = (): Promise<Response> => Promise.reject(new Error("there is no network here"));

const ISSUER = "https://id.example";
const first = await generateKeyPair("ES256");
const second = await generateKeyPair("ES256");
const rsa = await generateKeyPair("RS256");
const publicKeys: JSONWebKeySet = {
  keys: [
    { ...(await exportJWK(first.publicKey)), kid: "first", alg: "ES256", use: "sig" },
    { ...(await exportJWK(second.publicKey)), kid: "second", alg: "ES256", use: "sig" },
    { ...(await exportJWK(rsa.publicKey)), kid: "rsa", use: "sig" },
  ],
};

const issuer = (over: Partial<OidcIssuer> = {}): OidcIssuer => ({
  issuer: ISSUER,
  audience: "sallyport",
  jwks: { keys: publicKeys },
  nameClaim: "preferred_username",
  groupsClaim: "groups",
  maxAgeMs: 3_600_000,
  requiredClaims: {},
  ...over,
});

const claims = (over: Readonly<Record<string, unknown>> = {}): JWTPayload => ({
  iss: ISSUER,
  aud: "sallyport",
  sub: "u-1",
  preferred_username: "ann",
  groups: ["analyst", "privacy"],
  iat: seconds(NOW) - 60,
  exp: seconds(NOW) + 600,
  ...over,
});

const sign = (
  payload: JWTPayload,
  key: CryptoKey | Uint8Array = first.privateKey,
  header: { alg: string; kid?: string } = { alg: "ES256", kid: "first" },
): Promise<string> => new SignJWT(payload).setProtectedHeader(header).sign(key);

const verifierOf = (...issuers: OidcIssuer[]): TokenVerifier =>
  new TokenVerifier(issuers.length > 0 ? issuers : [issuer()], clock, noFetch);

async function reasonFor(token: string, verifier = verifierOf(), claimed: string | null = null): Promise<string> {
  const result = await verifier.verify(claimed, token);
  return result.ok ? `ok ${result.value.name}` : result.error;
}

it("takes a good token and tells who it is of", async () => {
  expect(await verifierOf().verify("ann", await sign(claims()))).toEqual({
    ok: true,
    value: {
      name: "ann",
      groups: ["analyst", "privacy"],
      method: "token",
      issuer: ISSUER,
      expiresAt: (seconds(NOW) + 600) * 1000,
    },
  });
});

describe("claims", () => {
  const cases: readonly (readonly [
    title: string,
    over: Readonly<Record<string, unknown>>,
    expected: RegExp | string,
  ])[] = [
    ["expired", { exp: seconds(NOW) - 31 }, /has expired/],
    ["expired within the skew", { exp: seconds(NOW) - 29 }, "ok ann"],
    ["without expiry", { exp: undefined }, /exp is not/],
    ["not yet valid", { nbf: seconds(NOW) + 31 }, /nbf is not/],
    ["issued in the future", { iat: seconds(NOW) + 60 }, /iat is not/],
    ["without time of issue", { iat: undefined }, /iat is not/],
    ["too old, though it lives on", { iat: seconds(NOW) - 3_700 }, /too old/],
    ["of another audience", { aud: "grafana" }, /aud is not/],
    ["of several audiences", { aud: ["grafana", "sallyport"] }, "ok ann"],
    ["without audience", { aud: undefined }, /aud is not/],
    ["of another issuer", { iss: "https://evil.example" }, /issuer that is not configured/],
    ["without issuer", { iss: undefined }, /issuer that is not configured/],
    ["without subject", { sub: undefined }, /sub is not/],
    ["without the name", { preferred_username: undefined }, /no claim preferred_username/],
    ["with an empty name", { preferred_username: "" }, /no claim preferred_username/],
    ["with a name that is no text", { preferred_username: ["ann"] }, /no claim preferred_username/],
    ["with a line break in the name", { preferred_username: "ann\nbob" }, /control characters/],
    ["with an endless name", { preferred_username: "a".repeat(257) }, /too long/],
    ["without groups", { groups: undefined }, "ok ann"],
    ["with one group as a text", { groups: "analyst" }, "ok ann"],
    ["with a group that is no text: none is left out silently", { groups: ["analyst", 7] }, /not a list/],
    ["with groups as an object", { groups: { contractor: true } }, /not a list/],
    [
      "with more groups than are read",
      { groups: Array.from({ length: GROUPS_MAX + 1 }, (_, i) => `g${i}`) },
      /not a list/,
    ],
  ];
  it.each(cases)("%s", async (_title, over, expected) => {
    const reason = await reasonFor(await sign(claims(over)));
    if (typeof expected === "string") expect(reason).toBe(expected);
    else expect(reason).toMatch(expected);
  });

  it("the client's own word for its name must be the token's", async () => {
    const token = await sign(claims());
    expect(await reasonFor(token, verifierOf(), "ann")).toBe("ok ann");
    expect(await reasonFor(token, verifierOf(), "bob")).toBe("the token is of ann, not of bob");
  });

  it.each([
    ["as wanted", { hd: "example.com" }, "ok ann"],
    ["in a list", { hd: ["x", "example.com"] }, "ok ann"],
    ["another", { hd: "evil.example" }, "the token's hd is not what is expected"],
    ["missing", {}, "the token's hd is not what is expected"],
  ] as const)("a required claim, %s", async (_title, over, expected) => {
    expect(
      await reasonFor(await sign(claims(over)), verifierOf(issuer({ requiredClaims: { hd: "example.com" } }))),
    ).toBe(expected);
  });

  it("claims that every object has are not there", async () => {
    expect(await reasonFor(await sign(claims()), verifierOf(issuer({ nameClaim: "constructor" })))).toMatch(/no claim/);
  });
});

describe("signatures", () => {
  it("by a key that is not the issuer's", async () => {
    const other = await generateKeyPair("ES256");
    expect(await reasonFor(await sign(claims(), other.privateKey))).toMatch(/signature does not fit/);
    expect(await reasonFor(await sign(claims(), first.privateKey, { alg: "ES256", kid: "unknown" }))).toMatch(
      /signature does not fit/,
    );
  });
  it("none at all", async () => {
    expect(await reasonFor(new UnsecuredJWT(claims()).encode())).not.toMatch(/^ok/);
  });
  it("by the public key as if it were a shared secret", async () => {
    const secret = Buffer.from(JSON.stringify(publicKeys.keys[0]));
    expect(await reasonFor(await sign(claims(), secret, { alg: "HS256", kid: "first" }))).toBe(
      "the token is signed in a way that is not taken",
    );
  });
  it("without a key id: any of the issuer's keys may be the one", async () => {
    expect(await reasonFor(await sign(claims(), second.privateKey, { alg: "ES256" }))).toBe("ok ann");
    expect(await reasonFor(await sign(claims(), rsa.privateKey, { alg: "RS256" }))).toBe("ok ann");
    const other = await generateKeyPair("ES256");
    expect(await reasonFor(await sign(claims(), other.privateKey, { alg: "ES256" }))).toMatch(/signature does not fit/);
  });
  it("every changed character fails", async () => {
    const token = await sign(claims());
    const verifier = verifierOf();
    // The last character of a base64url part may hold bits that are not used; the others count in full.
    for (let at = 0; at < token.length; at += 7) {
      if (token[at] === "." || token[at + 1] === "." || at === token.length - 1) continue;
      const changed = token.slice(0, at) + (token[at] === "A" ? "B" : "A") + token.slice(at + 1);
      expect(await reasonFor(changed, verifier), `character ${at}`).not.toMatch(/^ok/);
    }
  });
});

describe("several issuers", () => {
  it("each token is checked against its own issuer's keys only", async () => {
    const otherKeys = await generateKeyPair("EdDSA");
    const other = issuer({
      issuer: "https://other.example",
      jwks: { keys: { keys: [{ ...(await exportJWK(otherKeys.publicKey)), kid: "other", alg: "EdDSA" }] } },
    });
    const verifier = verifierOf(issuer(), other);
    const header = { alg: "EdDSA", kid: "other" };
    expect(
      await reasonFor(await sign(claims({ iss: "https://other.example" }), otherKeys.privateKey, header), verifier),
    ).toBe("ok ann");
    expect(await reasonFor(await sign(claims()), verifier)).toBe("ok ann");
    expect(await reasonFor(await sign(claims(), otherKeys.privateKey, header), verifier)).toMatch(
      /signature does not fit/,
    );
    expect(await reasonFor(await sign(claims({ iss: "https://other.example" })), verifier)).toMatch(
      /signature does not fit/,
    );
  });
  it("one issuer with two audiences", async () => {
    const verifier = verifierOf(issuer({ audience: "console" }), issuer());
    expect(await reasonFor(await sign(claims()), verifier)).toBe("ok ann");
  });
});

it("any text is answered with a reason, never with an exception", async () => {
  const verifier = verifierOf();
  const part = fc.oneof(
    fc.base64String(),
    fc.json().map((text) => Buffer.from(text).toString("base64url")),
    fc.string(),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.string(),
        fc.tuple(part, part, part).map((parts) => parts.join(".")),
      ),
      async (text) => {
        expect((await verifier.verify(null, text)).ok).toBe(false);
      },
    ),
  );
  expect(await reasonFor("x".repeat(40_000), verifier)).toBe("the token is too long");
});

describe("a real issuer on this machine", () => {
  const server = createServer();
  let address = "";
  let fetches = 0;
  const realClock: Clock = { ...clock, now: () => Date.now() };
  const counted = (input: string, init: RequestInit): Promise<Response> => {
    fetches++;
    return fetch(input, init);
  };

  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const keys = await generateKeyPair("RS256", { extractable: true });
    const provider = new Provider(address, {
      jwks: { keys: [{ ...(await exportJWK(keys.privateKey)), use: "sig", kid: "k1", alg: "RS256" }] },
      clients: [
        {
          client_id: "build",
          client_secret: "secret",
          grant_types: ["client_credentials"],
          redirect_uris: [],
          response_types: [],
        },
      ],
      features: {
        devInteractions: { enabled: false },
        clientCredentials: { enabled: true },
        resourceIndicators: {
          enabled: true,
          getResourceServerInfo: () => ({
            scope: "",
            audience: "sallyport",
            accessTokenTTL: 300,
            accessTokenFormat: "jwt",
            jwt: { sign: { alg: "RS256" } },
          }),
        },
      },
      extraTokenClaims: () => ({ groups: ["ci"] }),
      ttl: { ClientCredentials: 300 },
    });
    server.on("request", provider.callback());
  });
  afterAll(() => {
    server.close();
    server.closeAllConnections();
  });

  it("its token is taken; its keys are fetched once", async () => {
    const answer = await fetch(`${address}/token`, {
      method: "POST",
      headers: { authorization: `Basic ${btoa("build:secret")}`, "content-type": "application/x-www-form-urlencoded" },
      body: "grant_type=client_credentials&resource=urn:sallyport",
    });
    const { access_token: token } = (await answer.json()) as { access_token: string };
    const verifier = new TokenVerifier(
      [issuer({ issuer: address, jwks: { url: `${address}/jwks` }, nameClaim: "sub" })],
      realClock,
      counted,
    );
    expect(await verifier.verify("build", token)).toMatchObject({
      ok: true,
      value: { name: "build", groups: ["ci"], issuer: address },
    });
    expect(await verifier.verify("build", token)).toMatchObject({ ok: true });
    expect(fetches).toBe(1);
    // Made-up key ids ask again no more often than the cool-down lets them.
    expect(KEYS_COOLDOWN_MS).toBeGreaterThan(1_000);
    for (let i = 0; i < 5; i++) {
      const made = await sign(
        claims({ iss: address, iat: seconds(Date.now()), exp: seconds(Date.now()) + 60 }),
        rsa.privateKey,
        { alg: "RS256", kid: `made-${i}` },
      );
      expect((await verifier.verify(null, made)).ok).toBe(false);
    }
    expect(fetches).toBe(1);
  });

  it("keys that can't be fetched are told as such", async () => {
    const verifier = new TokenVerifier([issuer({ jwks: { url: `${address}/nothing-here` } })], clock, counted);
    expect(await reasonFor(await sign(claims()), verifier)).toBe("the issuer's keys can't be fetched");
    const gone = new TokenVerifier([issuer({ jwks: { url: "http://127.0.0.1:1/jwks" } })], clock, counted);
    expect(await reasonFor(await sign(claims()), gone)).toBe("the issuer's keys can't be fetched");
  });
});
