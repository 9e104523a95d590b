import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readConfig, readUsers, type GatewayConfig } from "./config.ts";

const GOOD = `listen:
  - {protocol: postgres, address: "127.0.0.1:6432"}
targets:
  - name: shop
    protocol: postgres
    address: db.example:5432
    credential: {user: gateway, password: {env: SHOP_PASSWORD}}
bundle: {path: policy.bundle, keys: [bundle.pub]}
state: state
`;

function good(text: string): GatewayConfig {
  const read = readConfig(text);
  if (!read.ok) throw new Error(JSON.stringify(read.error));
  return read.value;
}

/** Every fault as `line:column: message`. */
function faults(text: string): readonly string[] {
  const read = readConfig(text);
  return read.ok ? [] : read.error.map((fault) => `${fault.line}:${fault.column}: ${fault.message}`);
}

it("the least that is needed, and what is taken for the rest", () => {
  expect(good(GOOD)).toEqual({
    listen: [{ host: "127.0.0.1", port: 6432, tls: null }],
    targets: [
      {
        name: "shop",
        host: "db.example",
        port: 5432,
        database: "shop",
        labels: {},
        credential: { user: "gateway", password: { env: "SHOP_PASSWORD" } },
        estimateRows: false,
        tls: { mode: "off", ca: null },
      },
    ],
    users: [],
    usersFile: null,
    oidc: [],
    bundle: { path: "policy.bundle", keys: ["bundle.pub"] },
    state: "state",
    record: { durability: "before-forward", origin: "sallyport.local/audit", results: "sample" },
    approvals: { inTransaction: "refuse", noticeEveryMs: 15_000 },
    control: { host: "127.0.0.1", port: 6480, administrators: [] },
    limits: { connections: 1000, handshakeMs: 30_000, statementBytes: 1024 * 1024, catalogPollMs: 2_000 },
    alerts: [],
    tokens: { reverse: [] },
    ssh: {
      listen: [],
      targets: [],
      hostKey: null,
      hostCertificate: null,
      userAuthorities: [],
      revoked: null,
      authority: { key: null, validMs: 300_000 },
      signIn: null,
      channels: 32,
      recording: { keystrokes: false, commandBytes: 1024 * 1024 },
    },
    http: {
      listen: [],
      targets: [],
      identityFields: ["sallyport-authorization", "proxy-authorization"],
      signIn: null,
      serviceTokens: [],
      bodyBytes: 1024 * 1024,
      holdMs: 25_000,
      idleMs: 60_000,
      upstreamMs: 60_000,
    },
  });
});

it("everything that can be said", () => {
  const config = good(`listen:
  - address: "[::1]:6432"
    tls: {certificate: gw.crt, key: gw.key, required: false}
targets:
  - name: shop
    address: 10.0.0.7:5432
    database: shop_production
    labels: {env: production, version: 1.10, tier: "1"}
    credential: {user: gateway, password: {file: secrets/shop}}
    tls: {mode: verify-full, ca: ca.pem}
users:
  - {name: ann, groups: [analyst], scram: "SCRAM-SHA-256$4096:c2FsdA==$AAAA:AAAA"}
  - {name: bob}
usersFile: users.yaml
oidc:
  - issuer: https://id.example
    audience: sallyport
    jwks: {url: "https://id.example/jwks"}
    nameClaim: email
    groupsClaim: roles
    maxAgeMs: 3600000
    requiredClaims: {email_verified: true, hd: example.com}
bundle: {path: policy.bundle, keys: [a.pub, b.pub]}
state: /var/lib/sallyport
record: {durability: within-10ms, origin: gw1.example/audit, results: none}
approvals: {inTransaction: hold, noticeEveryMs: 5000}
control: {address: "127.0.0.1:7000", administrators: [platform]}
limits: {connections: 5, handshakeMs: 1000, statementBytes: 4096, catalogPollMs: 500}
`);
  expect(config.listen).toEqual([
    { host: "::1", port: 6432, tls: { certificate: "gw.crt", key: "gw.key", required: false } },
  ]);
  expect(config.targets[0]).toMatchObject({
    database: "shop_production",
    labels: { env: "production", version: "1.10", tier: "1" },
    credential: { user: "gateway", password: { file: "secrets/shop" } },
    tls: { mode: "verify-full", ca: "ca.pem" },
  });
  expect(config.users.map((user) => user.name)).toEqual(["ann", "bob"]);
  expect(config.oidc[0]).toMatchObject({
    nameClaim: "email",
    maxAgeMs: 3_600_000,
    requiredClaims: { email_verified: true, hd: "example.com" },
  });
  expect(config.control).toEqual({ host: "127.0.0.1", port: 7000, administrators: ["platform"] });
  expect(config.limits.connections).toBe(5);
});

describe("faults are told with their place and what to do", () => {
  const cases: readonly (readonly [title: string, find: string, put: string, fault: string])[] = [
    [
      "an unknown setting",
      "state: state",
      "state: state\nlimit: {}",
      '10:1: the file has no setting "limit"; did you mean limits?',
    ],
    [
      "an unknown setting far from any",
      "state: state",
      "state: state\nqqqqqq: 1",
      '10:1: the file has no setting "qqqqqq"; it takes listen',
    ],
    [
      "a misspelt one inside",
      "user: gateway",
      "usr: gateway",
      '7:18: target.credential has no setting "usr"; did you mean user?',
    ],
    ["an address without a port", "db.example:5432", "db.example", "6:14: target.address must be host:port"],
    ["a port out of range", "db.example:5432", "db.example:70000", "6:14: target.address must be host:port"],
    [
      "a password in the file",
      "{env: SHOP_PASSWORD}",
      "hunter2",
      "7:43: target.credential.password must be {file: …} or {env: …}",
    ],
    [
      "two places for a password",
      "{env: SHOP_PASSWORD}",
      "{env: A, file: b}",
      "7:43: target.credential.password takes either file or env",
    ],
    [
      "no place for a password",
      "{env: SHOP_PASSWORD}",
      "{}",
      "7:43: target.credential.password takes either file or env",
    ],
    [
      "another protocol",
      "protocol: postgres\n    address",
      "protocol: mysql\n    address",
      "5:15: target.protocol must be postgres",
    ],
    [
      "no key that bundles are checked with",
      "keys: [bundle.pub]",
      "keys: []",
      "8:9: bundle.keys needs at least one public key file",
    ],
    ["no target", "targets:\n  - name: shop", "targets: []\nx:\n  - name: shop", "targets needs at least one target"],
    [
      "a path of GraphQL that no request comes to",
      "  - name: shop",
      '  - {name: a, protocol: http, address: "a:1", graphql: {paths: [graphql]}}\n  - name: shop',
      "target.graphql.paths takes plain paths, such as /graphql",
    ],
    ["an alias", "state: state", "state: &s state\nusersFile: *s", "10:12: aliases are not read"],
    ["a key twice", "state: state", "state: state\nstate: other", "10:1: Map keys must be unique"],
    [
      "a list in the place of a mapping",
      "bundle: {path: policy.bundle, keys: [bundle.pub]}",
      "bundle: []",
      "8:9: bundle must be a mapping",
    ],
    [
      "control for everybody",
      "state: state",
      'state: state\ncontrol: {address: "0.0.0.0:6480"}',
      "10:20: control.address must be on this machine",
    ],
    [
      "keys over plain HTTP",
      "state: state",
      'state: state\noidc: [{issuer: i, audience: a, jwks: {url: "http://id.example/k"}}]',
      "10:45: oidc.jwks.url must begin with https://",
    ],
    [
      "a number out of range",
      "state: state",
      "state: state\nlimits: {connections: 0}",
      "10:23: limits.connections must be a whole number from 1 to 100000",
    ],
    [
      "a number that is none",
      "state: state",
      "state: state\nlimits: {connections: many}",
      "10:23: limits.connections must be a whole number",
    ],
    [
      "one of several words",
      "state: state",
      "state: state\nrecord: {durability: later}",
      "10:22: record.durability must be before-forward or within-10ms",
    ],
    ["two users of one name", "state: state", "state: state\nusers: [{name: a}, {name: a}]", "two users are called a"],
  ];
  it.each(cases)("%s", (_title, find, put, fault) => {
    const text = GOOD.replace(find, put);
    expect(text).not.toBe(GOOD);
    expect(faults(text).join("\n")).toContain(fault);
  });

  it("all of them at once", () => {
    expect(
      faults(GOOD.replace("state: state", "stat: x").replace("db.example:5432", "x")).length,
    ).toBeGreaterThanOrEqual(3);
  });

  it("no secret is repeated", () => {
    expect(faults(GOOD.replace("{env: SHOP_PASSWORD}", "hunter2")).join()).not.toContain("hunter2");
    expect(faults(GOOD.replace("{env: SHOP_PASSWORD}", "{value: hunter2}")).join()).not.toContain("hunter2");
    const scram = GOOD.replace("state: state", "state: state\nusers: [{name: a, scram: [SCRAM-SHA-256$secret]}]");
    expect(faults(scram).join()).not.toContain("secret");
  });
});

describe("any text is answered, never with an exception", () => {
  const value = fc.oneof(
    fc.constantFrom(
      "[",
      "{",
      "- ",
      "*a",
      "&a x",
      "!!js/function x",
      "null",
      "~",
      "0x1f",
      "'",
      "? ",
      "<<: *a",
      "\t",
      "__proto__",
    ),
    fc.string(),
  );
  it("with one value changed", () => {
    fc.assert(
      fc.property(fc.nat(GOOD.length), fc.nat(20), value, (at, length, put) => {
        const text = GOOD.slice(0, at) + put + GOOD.slice(at + length);
        for (const read of [readConfig(text), readUsers(text)]) {
          if (read.ok) continue;
          expect(read.error.length).toBeGreaterThan(0);
          for (const fault of read.error) {
            expect(fault.line).toBeGreaterThanOrEqual(1);
            expect(fault.column).toBeGreaterThanOrEqual(1);
          }
        }
      }),
      { numRuns: 1_000 },
    );
  });
  it.each([
    ["nested without end", "[".repeat(200_000)],
    ["mappings without end", "{a: ".repeat(20_000)],
    ["longer than it may be", `# ${"x".repeat(1024 * 1024)}`],
    ["nothing", ""],
    ["a bomb of aliases", "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nusers: *c"],
  ])("%s", (_title, text) => expect(readConfig(text).ok).toBe(false));
});

describe("a users file", () => {
  it("is a list under users", () => {
    expect(readUsers("users:\n  - {name: ann, groups: [a]}\n")).toEqual({
      ok: true,
      value: [{ name: "ann", groups: ["a"], scram: null, keys: [] }],
    });
    expect(readUsers("")).toEqual({ ok: true, value: [] });
  });
  it("tells its faults", () => {
    expect(readUsers("users:\n  - {nam: ann}\n")).toMatchObject({
      ok: false,
      error: [{ line: 2, column: 6, message: 'a user has no setting "nam"; did you mean name?' }, {}],
    });
  });
});
