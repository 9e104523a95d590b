import { spawnSync } from "node:child_process";
import { createServer } from "node:http";
import { request as httpsRequest } from "node:https";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SignJWT, exportJWK, generateKeyPair } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startHttpGateway, startTarget, type HttpTestGateway, type TestTarget } from "../support/http-gateway.ts";
// @ts-expect-error it comes without types
import UntypedProvider from "oidc-provider";

const Provider = UntypedProvider as new (
  issuer: string,
  configuration: object,
) => {
  callback(): Parameters<typeof createServer>[1];
  proxy: boolean;
};

const POLICY = `package http_identity
allow engineers on http
  when user.groups has "engineer"
`;

const files = mkdtempSync(join(tmpdir(), "sallyport-ca-"));
const openssl = (...args: readonly string[]): void => {
  const ran = spawnSync("openssl", args, { cwd: files, encoding: "utf8" });
  if (ran.status !== 0) throw new Error(ran.stderr);
};
const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
const read = (name: string): Buffer => readFileSync(join(files, name));

let target: TestTarget;
let gateway: HttpTestGateway;
let provider: ReturnType<typeof createServer>;
let issuer = "";
let signed: (claims: object) => Promise<string>;

beforeAll(async () => {
  // A server's certificate, an authority of clients, and one that nobody trusts.
  openssl(
    "req",
    "-x509",
    ...newKey,
    "-days",
    "2",
    "-subj",
    "/CN=localhost",
    "-addext",
    "subjectAltName=DNS:localhost,IP:127.0.0.1",
    "-keyout",
    "server.key",
    "-out",
    "server.crt",
  );
  for (const ca of ["ca", "other"]) {
    openssl("req", "-x509", ...newKey, "-days", "2", "-subj", `/CN=${ca}`, "-keyout", `${ca}.key`, "-out", `${ca}.crt`);
    for (const name of ["dev", "nobody"]) {
      openssl("req", ...newKey, "-subj", `/CN=${name}`, "-keyout", `${ca}-${name}.key`, "-out", "one.csr");
      openssl(
        "x509",
        "-req",
        "-in",
        "one.csr",
        "-CA",
        `${ca}.crt`,
        "-CAkey",
        `${ca}.key`,
        "-CAcreateserial",
        "-days",
        "2",
        "-out",
        `${ca}-${name}.crt`,
      );
    }
  }
  target = await startTarget((request, _body, response) =>
    response.end(`hello ${String(request.headers["sallyport-user"])}`),
  );
  const { privateKey, publicKey } = await generateKeyPair("ES256");
  const jwk = { ...(await exportJWK(publicKey)), kid: "k", alg: "ES256", use: "sig" };
  signed = (claims) =>
    new SignJWT({ groups: ["engineer"], ...claims })
      .setProtectedHeader({ alg: "ES256", kid: "k" })
      .setIssuer("https://id.example")
      .setAudience("sallyport")
      .setSubject("u-1")
      .setIssuedAt()
      .setExpirationTime("5m")
      .sign(privateKey);

  provider = createServer();
  await new Promise<void>((resolve) => provider.listen(0, "127.0.0.1", () => resolve()));
  issuer = `http://127.0.0.1:${(provider.address() as { port: number }).port}`;
  gateway = await startHttpGateway({
    policy: POLICY,
    targets: `  - { name: api, protocol: http, hosts: [api, 127.0.0.1, localhost], address: "127.0.0.1:${target.port}" }`,
    listen: `{ protocol: http, address: "127.0.0.1:0", tls: { certificate: server.crt, key: server.key, clientCa: ca.crt } }`,
    files: {
      "server.crt": read("server.crt"),
      "server.key": read("server.key"),
      "ca.crt": read("ca.crt"),
      "keys.json": JSON.stringify({ keys: [jwk] }),
    },
    config: `oidc:\n  - { issuer: "https://id.example", audience: sallyport, jwks: { file: keys.json } }\n  - { issuer: "${issuer}", audience: gateway, jwks: { url: "${issuer}/jwks" }, nameClaim: preferred_username }\nhttp:\n  signIn: { issuer: "${issuer}", clientId: gateway, clientSecret: { env: CLIENT_SECRET }, scopes: "openid profile" }\n`,
    env: { CLIENT_SECRET: "very-secret-indeed-very-secret-indeed" },
  });
  const made = new Provider(issuer, {
    clients: [
      {
        client_id: "gateway",
        client_secret: "very-secret-indeed-very-secret-indeed",
        redirect_uris: [`https://127.0.0.1:${gateway.port}/.sallyport/callback`],
      },
    ],
    pkce: { required: () => true },
    conformIdTokenClaims: false,
    claims: { openid: ["sub"], profile: ["preferred_username", "groups"] },
    findAccount: (_context: object, id: string) => ({
      accountId: id,
      claims: () => ({ sub: id, preferred_username: id, groups: ["engineer"] }),
    }),
    features: { devInteractions: { enabled: true } },
  });
  provider.on("request", made.callback()!);
});
afterAll(async () => {
  await gateway.close();
  await target.close();
  provider.closeAllConnections();
  provider.close();
  rmSync(files, { recursive: true });
});

interface Got {
  readonly status: number;
  readonly body: string;
  readonly headers: NodeJS.Dict<string | string[]>;
}

/** One request over TLS, on a connection of its own. */
function ask(
  path: string,
  options: { readonly cert?: string; readonly headers?: Record<string, string>; readonly method?: string } = {},
): Promise<Got> {
  const { cert, headers = {}, method = "GET" } = options;
  const identity = cert === undefined ? {} : { cert: read(`${cert}.crt`), key: read(`${cert}.key`) };
  return new Promise((resolve, reject) => {
    const request = httpsRequest(
      {
        host: "127.0.0.1",
        port: gateway.port,
        path,
        method,
        headers,
        ca: read("server.crt"),
        agent: false,
        ...identity,
      },
      (response) => {
        let body = "";
        response.setEncoding("utf8").on("data", (text: string) => (body += text));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body, headers: response.headers }));
      },
    );
    request.on("error", reject);
    request.end();
  });
}

describe("client certificates", () => {
  it.each<readonly [title: string, cert: string | undefined, status: number, says: RegExp]>([
    ["of a known person, by the trusted authority", "ca-dev", 200, /hello dev/],
    ["of somebody unknown", "ca-nobody", 401, /who is not known here/],
    ["of another authority", "other-dev", 401, /Nothing says who you are/],
    ["none", undefined, 401, /Nothing says who you are/],
  ])("%s", async (_title, cert, status, says) => {
    const got = await ask("/x", cert === undefined ? {} : { cert });
    expect([got.status, got.body]).toEqual([status, expect.stringMatching(says)]);
  });
});

describe("tokens of an issuer", () => {
  it.each<readonly [title: string, claims: object, status: number]>([
    ["good", {}, 200],
    ["for another audience", { aud: "other" }, 401],
    ["expired", { exp: 1 }, 401],
  ])("%s", async (_title, claims, status) => {
    // Claims that the signer sets are set again by hand.
    const token =
      "aud" in claims || "exp" in claims
        ? (await signed({})).replace(
            /\.[^.]+\./,
            `.${Buffer.from(JSON.stringify({ sub: "u-1", ...claims })).toString("base64url")}.`,
          )
        : await signed(claims);
    const got = await ask("/x", { headers: { "sallyport-authorization": `Bearer ${token}` } });
    expect(got.status).toBe(status);
    if (status === 200) expect(got.body).toBe("hello u-1");
  });
});

describe("sign-in in the browser", () => {
  /** A browser that follows, keeps cookies by host, and fills in the issuer's forms. */
  async function browse(
    login: string,
  ): Promise<{ readonly last: Got; readonly cookies: Map<string, string>; readonly callback: string }> {
    const cookies = new Map<string, string>();
    const jars = new Map<string, Map<string, string>>([
      ["gateway", cookies],
      ["issuer", new Map()],
    ]);
    let callback = "";
    const cookieOf = (jar: string): string => [...jars.get(jar)!].map(([name, value]) => `${name}=${value}`).join("; ");
    const keep = (jar: string, set: readonly string[]): void => {
      for (const one of set) {
        const [name, value] = one.split(";")[0]!.split("=") as [string, string];
        if (/max-age=0|1970/i.test(one)) jars.get(jar)!.delete(name);
        else jars.get(jar)!.set(name, value);
      }
    };
    let url = `https://127.0.0.1:${gateway.port}/page?a=1`;
    let form: string | null = null;
    for (let step = 0; step < 15; step++) {
      const at = new URL(url);
      if (at.protocol === "https:") {
        if (at.pathname === "/.sallyport/callback") callback = at.pathname + at.search;
        const got = await ask(at.pathname + at.search, {
          headers: { accept: "text/html", cookie: cookieOf("gateway") },
        });
        keep("gateway", (got.headers["set-cookie"] as string[] | undefined) ?? []);
        if (got.status !== 302 && got.status !== 303) return { last: got, cookies, callback };
        url = new URL(got.headers.location as string, url).href;
        continue;
      }
      const got: Response = await fetch(url, {
        redirect: "manual",
        headers: {
          cookie: cookieOf("issuer"),
          ...(form === null ? {} : { "content-type": "application/x-www-form-urlencoded" }),
        },
        ...(form === null ? {} : { method: "POST", body: form }),
      });
      keep("issuer", got.headers.getSetCookie());
      form = null;
      const next = got.headers.get("location");
      if (next !== null) {
        url = new URL(next, url).href;
        continue;
      }
      const page = await got.text();
      const action = /action="([^"]+)"/.exec(page)?.[1];
      if (action === undefined) throw new Error(page);
      url = new URL(action, url).href;
      form = page.includes('name="login"') ? `prompt=login&login=${login}&password=x` : "prompt=consent";
    }
    throw new Error("too many steps");
  }

  it("leads there and back, and the cookie is good from then on", async () => {
    const { last, cookies, callback } = await browse("dora");
    expect([last.status, last.body]).toEqual([200, "hello dora"]);
    expect(target.requests.at(-1)!.url).toBe("/page?a=1");
    const cookie = `__Host-sallyport-session=${cookies.get("__Host-sallyport-session")!}`;
    expect((await ask("/x", { headers: { cookie: `mine=1; ${cookie}` } })).body).toBe("hello dora");
    expect(target.requests.at(-1)!.headers.cookie).toBe("mine=1");
    // The code is used; the address is of no use to anybody else.
    expect((await ask(callback)).status).toBe(400);
    // What another page sends is not taken, nor without a mark a WebSocket of one.
    const foreign = { cookie, origin: "https://evil.example" };
    expect((await ask("/x", { method: "POST", headers: foreign })).status).toBe(403);
    expect((await ask("/x", { method: "POST", headers: { cookie, "sec-fetch-site": "cross-site" } })).status).toBe(403);
    expect(
      (await ask("/x", { method: "POST", headers: { cookie, origin: `https://127.0.0.1:${gateway.port}` } })).status,
    ).toBe(200);
    expect(
      (
        await ask("/x", {
          headers: {
            ...foreign,
            connection: "Upgrade",
            upgrade: "websocket",
            "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
            "sec-websocket-version": "13",
          },
        })
      ).status,
    ).toBe(403);
    // Twice the cookie, or one that was changed, is nobody.
    expect((await ask("/x", { headers: { cookie: `${cookie}; ${cookie}` } })).status).toBe(401);
    expect((await ask("/x", { headers: { cookie: `${cookie}x` } })).status).toBe(401);
  });

  it("a callback without the cookie that began it is refused, and `back` leads nowhere else", async () => {
    expect((await ask("/.sallyport/callback?code=x&state=y")).status).toBe(400);
    const begun = await ask("/.sallyport/sign-in?back=//evil.example/");
    expect([begun.status, begun.headers.location]).toEqual([302, expect.stringContaining(issuer)]);
    const cookie = ((begun.headers["set-cookie"] as string[])[0] ?? "").split(";")[0]!;
    const forged = await ask("/.sallyport/callback?code=x&state=forged", { headers: { cookie } });
    expect([forged.status, forged.body]).toEqual([403, expect.stringMatching(/not good/)]);
  });
});
