import { isMap, isScalar, parseDocument, LineCounter, type YAMLParseError } from "yaml";
import { err, ok, type Result } from "../../base/result.ts";
import { ConfigReader, type ConfigError } from "./config-reader.ts";
import { readHttpListen, readHttpSettings, readHttpTarget, type HttpConfig } from "./http/config.ts";
import { readKubernetesTarget } from "./kubernetes/config.ts";
import { checkBrowserSignIn } from "./ssh/browser-config.ts";
import { readSshListen, readSshSettings, readSshTarget, type SshConfig } from "./ssh/config.ts";

export type { ConfigError };

export interface TlsFiles {
  readonly certificate: string;
  readonly key: string;
  readonly required: boolean;
}
export interface ListenConfig {
  readonly host: string;
  readonly port: number;
  readonly tls: TlsFiles | null;
}
export type SecretSource = { readonly file: string } | { readonly env: string };
export interface TargetConfig {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** Database at the target. */
  readonly database: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly credential: { readonly user: string; readonly password: SecretSource };
  /** The target's planner is asked for `statement.estimated_rows` where a policy reads it. */
  readonly estimateRows: boolean;
  readonly tls: { readonly mode: "off" | "require" | "verify-full"; readonly ca: string | null };
}
export interface UserConfig {
  readonly name: string;
  readonly groups: readonly string[];
  readonly scram: string | null;
  /** Public SSH keys, as in an authorized_keys file, without options. */
  readonly keys: readonly string[];
}
export interface OidcConfig {
  readonly issuer: string;
  readonly audience: string;
  readonly jwks: { readonly file: string } | { readonly url: string };
  readonly nameClaim: string;
  readonly groupsClaim: string;
  /** Oldest token that is taken, by its time of issue. */
  readonly maxAgeMs: number;
  /** Claims that must have just this value, or hold it in their list. */
  readonly requiredClaims: Readonly<Record<string, string | boolean>>;
}
export interface AlertConfig {
  readonly name: string;
  /** An address that takes JSON; null: the operator's log. */
  readonly webhook: string | null;
  /** What is sent is signed with it. */
  readonly key: SecretSource | null;
}
export interface GatewayConfig {
  /** Listeners and targets of PostgreSQL; other protocols have a section of their own. */
  readonly listen: readonly ListenConfig[];
  readonly targets: readonly TargetConfig[];
  readonly http: HttpConfig;
  readonly ssh: SshConfig;
  readonly users: readonly UserConfig[];
  readonly usersFile: string | null;
  readonly oidc: readonly OidcConfig[];
  readonly bundle: { readonly path: string; readonly keys: readonly string[] };
  /** Folder for everything that the gateway keeps. */
  readonly state: string;
  readonly record: {
    readonly durability: "before-forward" | "within-10ms";
    readonly origin: string;
    /** Whether the first rows of results, masked, are kept. */
    readonly results: "sample" | "none";
  };
  /** Channels that `alert` rules may name. */
  readonly alerts: readonly AlertConfig[];
  /** Groups whose members may turn tokens back into values. */
  readonly tokens: { readonly reverse: readonly string[] };
  readonly approvals: { readonly inTransaction: "refuse" | "hold"; readonly noticeEveryMs: number };
  /** `administrators`: groups that see every session and approval and may reload the bundle. */
  readonly control: { readonly host: string; readonly port: number; readonly administrators: readonly string[] };
  readonly limits: {
    readonly connections: number;
    readonly handshakeMs: number;
    readonly statementBytes: number;
    readonly catalogPollMs: number;
  };
}

/** Where the control API listens unless the file says otherwise. */
export const CONTROL_DEFAULT = { host: "127.0.0.1", port: 6480 } as const;
/** Largest configuration file. */
export const CONFIG_BYTES_MAX = 1024 * 1024;

/** The gateway's one configuration file. Every error is told, each with its place; no secret is quoted. */
export function readConfig(text: string): Result<GatewayConfig, readonly ConfigError[]> {
  if (text.length > CONFIG_BYTES_MAX)
    return err([{ line: 1, column: 1, message: `the file is longer than ${CONFIG_BYTES_MAX} characters` }]);
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    strict: true,
    uniqueKeys: true,
    customTags: [],
    merge: false,
  });
  if (document.errors.length > 0) return err(unreadable(document.errors));
  const r = new ConfigReader(document, lines);
  const top = r.map(document.contents, "the file", [
    "listen",
    "targets",
    "users",
    "usersFile",
    "oidc",
    "bundle",
    "state",
    "record",
    "approvals",
    "alerts",
    "tokens",
    "control",
    "limits",
    "http",
    "ssh",
  ]);
  const listens = byProtocol(r, r.list(top.get("listen"), "listen"), "listen");
  const targets = byProtocol(r, r.list(top.get("targets"), "targets"), "target");
  const config: GatewayConfig = {
    listen: listens.postgres.map((node) => readListen(r, node)),
    targets: targets.postgres.map((node) => readTarget(r, node)),
    http: {
      listen: [...listens.http, ...listens.mcp, ...listens.kubernetes].map((node) => readHttpListen(r, node)),
      targets: [
        ...targets.http.map((node) => readHttpTarget(r, node, "http")),
        ...targets.mcp.map((node) => readHttpTarget(r, node, "mcp")),
        ...targets.kubernetes.map((node) => readKubernetesTarget(r, node)),
      ],
      ...readHttpSettings(r, top.get("http")),
    },
    ssh: {
      listen: listens.ssh.map((node) => readSshListen(r, node)),
      targets: targets.ssh.map((node) => readSshTarget(r, node)),
      ...readSshSettings(r, top.get("ssh")),
    },
    users: r.list(top.get("users"), "users").map((node) => readUser(r, node)),
    usersFile: top.has("usersFile") ? r.text(top.get("usersFile"), "usersFile") : null,
    oidc: r.list(top.get("oidc"), "oidc").map((node) => readOidc(r, node)),
    bundle: readBundle(r, top.get("bundle")),
    state: r.text(top.get("state"), "state"),
    record: readRecord(r, top.get("record")),
    approvals: readApprovals(r, top.get("approvals")),
    alerts: r.list(top.get("alerts"), "alerts").map((node) => readAlert(r, node)),
    tokens: readTokens(r, top.get("tokens")),
    control: readControl(r, top.get("control")),
    limits: readLimits(r, top.get("limits")),
  };
  if (Object.values(listens).every((nodes) => nodes.length === 0))
    r.fail(top.get("listen"), "listen needs at least one address");
  if (Object.values(targets).every((nodes) => nodes.length === 0))
    r.fail(top.get("targets"), "targets needs at least one target");
  for (const name of doubled(
    [...config.targets, ...config.ssh.targets, ...config.http.targets].map((target) => target.name),
  ))
    r.fail(top.get("targets"), `two targets are called ${name}`);
  for (const name of doubled(config.users.map((user) => user.name)))
    r.fail(top.get("users"), `two users are called ${name}`);
  for (const name of doubled(config.alerts.map((channel) => channel.name)))
    r.fail(top.get("alerts"), `two channels are called ${name}`);
  checkBrowserSignIn(r, top.get("ssh"), config.ssh.signIn, config.http);
  return r.errors.length > 0 ? err(r.errors) : ok(config);
}

/** What is wrong with a text as YAML. The first fault of its form brings others with it, which say nothing more. */
const unreadable = (faults: readonly YAMLParseError[]): readonly ConfigError[] =>
  faults
    .filter((fault, i) => i === 0 || fault.code === "DUPLICATE_KEY")
    .map((fault) => ({
      line: fault.linePos?.[0].line ?? 1,
      column: fault.linePos?.[0].col ?? 1,
      message: fault.message.split("\n")[0]!.replace(/ at line \d+, column \d+:?$/, ""),
    }));

/** Users kept in a file of their own: a list under `users`. */
export function readUsers(text: string): Result<readonly UserConfig[], readonly ConfigError[]> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, strict: true, uniqueKeys: true });
  if (document.errors.length > 0) return err(unreadable(document.errors));
  const r = new ConfigReader(document, lines);
  if (document.contents === null) return ok([]);
  const top = r.map(document.contents, "the users file", ["users"]);
  const users = r.list(top.get("users"), "users").map((node) => readUser(r, node));
  for (const name of doubled(users.map((user) => user.name))) r.fail(top.get("users"), `two users are called ${name}`);
  return r.errors.length > 0 ? err(r.errors) : ok(users);
}

const doubled = (names: readonly string[]): readonly string[] => [
  ...new Set(names.filter((name, i) => names.indexOf(name) !== i)),
];

/** What a listener or target may speak. */
const GATEWAY_PROTOCOLS = ["postgres", "ssh", "http", "mcp", "kubernetes"] as const;
type GatewayProtocol = (typeof GATEWAY_PROTOCOLS)[number];

/** The entries of a list, parted by their `protocol`; without one it is PostgreSQL's. */
function byProtocol(
  r: ConfigReader,
  nodes: readonly unknown[],
  where: string,
): Readonly<Record<GatewayProtocol, readonly unknown[]>> {
  const parted: Record<GatewayProtocol, unknown[]> = { postgres: [], ssh: [], http: [], mcp: [], kubernetes: [] };
  for (const node of nodes) {
    const protocol = isMap(node) ? node.get("protocol", true) : undefined;
    parted[r.choice(protocol, `${where}.protocol`, GATEWAY_PROTOCOLS, "postgres")].push(node);
  }
  return parted;
}

function readListen(r: ConfigReader, node: unknown): ListenConfig {
  const f = r.map(node, "listen", ["protocol", "address", "tls"]);
  const { host, port } = r.address(f.get("address"), "listen.address");
  if (!f.has("tls")) return { host, port, tls: null };
  const t = r.map(f.get("tls"), "listen.tls", ["certificate", "key", "required"]);
  return {
    host,
    port,
    tls: {
      certificate: r.text(t.get("certificate"), "listen.tls.certificate"),
      key: r.text(t.get("key"), "listen.tls.key"),
      required: r.bool(t.get("required"), "listen.tls.required", true),
    },
  };
}

function readTarget(r: ConfigReader, node: unknown): TargetConfig {
  const f = r.map(node, "a target", [
    "name",
    "protocol",
    "address",
    "database",
    "labels",
    "credential",
    "tls",
    "estimateRows",
  ]);
  const name = r.text(f.get("name"), "target.name");
  const { host, port } = r.address(f.get("address"), "target.address");
  const labels = r.texts(f.get("labels"), "target.labels");
  const c = r.map(f.get("credential"), "target.credential", ["user", "password"]);
  const t = f.has("tls") ? r.map(f.get("tls"), "target.tls", ["mode", "ca"]) : new Map<string, unknown>();
  return {
    name,
    host,
    port,
    database: r.text(f.get("database"), "target.database", name),
    labels,
    credential: { user: r.text(c.get("user"), "target.credential.user"), password: readSecret(r, c.get("password")) },
    estimateRows: r.bool(f.get("estimateRows"), "target.estimateRows", false),
    tls: {
      mode: r.choice(t.get("mode"), "target.tls.mode", ["off", "require", "verify-full"], "off"),
      ca: t.has("ca") ? r.text(t.get("ca"), "target.tls.ca") : null,
    },
  };
}

function readSecret(r: ConfigReader, node: unknown): SecretSource {
  if (!isMap(node)) {
    r.fail(node, "target.credential.password must be {file: …} or {env: …}; a password does not belong into this file");
    return { env: "" };
  }
  const f = r.map(node, "target.credential.password", ["file", "env"]);
  if (f.size !== 1) r.fail(node, "target.credential.password takes either file or env");
  return f.has("file")
    ? { file: r.text(f.get("file"), "password.file") }
    : { env: r.text(f.get("env"), "password.env") };
}

function readUser(r: ConfigReader, node: unknown): UserConfig {
  const f = r.map(node, "a user", ["name", "groups", "scram", "keys"]);
  return {
    name: r.text(f.get("name"), "user.name"),
    groups: r.list(f.get("groups"), "user.groups").map((group) => r.text(group, "a group")),
    scram: f.has("scram") ? r.text(f.get("scram"), "user.scram") : null,
    keys: r.list(f.get("keys"), "user.keys").map((key) => r.text(key, "a key")),
  };
}

function readOidc(r: ConfigReader, node: unknown): OidcConfig {
  const f = r.map(node, "oidc", [
    "issuer",
    "audience",
    "jwks",
    "nameClaim",
    "groupsClaim",
    "maxAgeMs",
    "requiredClaims",
  ]);
  const j = r.map(f.get("jwks"), "oidc.jwks", ["file", "url"]);
  const url = j.has("url") ? r.text(j.get("url"), "oidc.jwks.url") : "";
  if (j.has("url") && !/^https:\/\/|^http:\/\/(127\.0\.0\.1|localhost|\[::1\])[:/]/.test(url))
    r.fail(j.get("url"), "oidc.jwks.url must begin with https://");
  return {
    issuer: r.text(f.get("issuer"), "oidc.issuer"),
    audience: r.text(f.get("audience"), "oidc.audience"),
    jwks: j.has("file") ? { file: r.text(j.get("file"), "oidc.jwks.file") } : { url },
    nameClaim: r.text(f.get("nameClaim"), "oidc.nameClaim", "sub"),
    groupsClaim: r.text(f.get("groupsClaim"), "oidc.groupsClaim", "groups"),
    maxAgeMs: r.int(f.get("maxAgeMs"), "oidc.maxAgeMs", DAY_MS, 60_000, 30 * DAY_MS),
    requiredClaims: readClaims(r, f.get("requiredClaims")),
  };
}

const DAY_MS = 86_400_000;

function readClaims(r: ConfigReader, node: unknown): Readonly<Record<string, string | boolean>> {
  const claims: Record<string, string | boolean> = {};
  if (node === undefined) return claims;
  for (const [claim, value] of r.map(node, "oidc.requiredClaims", [])) {
    const where = `oidc.requiredClaims.${claim}`;
    claims[claim] = isScalar(value) && typeof value.value === "boolean" ? value.value : r.text(value, where);
  }
  return claims;
}

function readBundle(r: ConfigReader, node: unknown): GatewayConfig["bundle"] {
  const f = r.map(node, "bundle", ["path", "keys"]);
  const keys = r.list(f.get("keys"), "bundle.keys").map((key) => r.text(key, "a bundle key file"));
  if (keys.length === 0) r.fail(node, "bundle.keys needs at least one public key file; policyc keygen makes one");
  return { path: r.text(f.get("path"), "bundle.path"), keys };
}

function readRecord(r: ConfigReader, node: unknown): GatewayConfig["record"] {
  const f =
    node === undefined ? new Map<string, unknown>() : r.map(node, "record", ["durability", "origin", "results"]);
  return {
    durability: r.choice(f.get("durability"), "record.durability", ["before-forward", "within-10ms"], "before-forward"),
    origin: r.text(f.get("origin"), "record.origin", "sallyport.local/audit"),
    results: r.choice(f.get("results"), "record.results", ["sample", "none"], "sample"),
  };
}

function readApprovals(r: ConfigReader, node: unknown): GatewayConfig["approvals"] {
  const f =
    node === undefined ? new Map<string, unknown>() : r.map(node, "approvals", ["inTransaction", "noticeEveryMs"]);
  return {
    inTransaction: r.choice(f.get("inTransaction"), "approvals.inTransaction", ["refuse", "hold"], "refuse"),
    noticeEveryMs: r.int(f.get("noticeEveryMs"), "approvals.noticeEveryMs", 15_000, 100, 600_000),
  };
}

function readAlert(r: ConfigReader, node: unknown): AlertConfig {
  const f = r.map(node, "alerts", ["name", "webhook", "key", "log"]);
  const name = r.text(f.get("name"), "alerts.name");
  const log = r.bool(f.get("log"), "alerts.log", false);
  if (log === f.has("webhook")) r.fail(node, "a channel has either webhook: an address, or log: true");
  const webhook = f.has("webhook") ? r.text(f.get("webhook"), "alerts.webhook") : null;
  if (webhook !== null && !/^https:\/\/|^http:\/\/(127\.0\.0\.1|localhost|\[::1\])[:/]/.test(webhook))
    r.fail(f.get("webhook"), "alerts.webhook must begin with https://");
  if (!f.has("key")) return { name, webhook, key: null };
  const k = r.map(f.get("key"), "alerts.key", ["file", "env"]);
  const key: SecretSource = k.has("file")
    ? { file: r.text(k.get("file"), "alerts.key.file") }
    : { env: r.text(k.get("env"), "alerts.key.env") };
  return { name, webhook, key };
}

function readTokens(r: ConfigReader, node: unknown): GatewayConfig["tokens"] {
  const f = node === undefined ? new Map<string, unknown>() : r.map(node, "tokens", ["reverse"]);
  return { reverse: r.list(f.get("reverse"), "tokens.reverse").map((group) => r.text(group, "a group")) };
}

function readControl(r: ConfigReader, node: unknown): GatewayConfig["control"] {
  const f = node === undefined ? new Map<string, unknown>() : r.map(node, "control", ["address", "administrators"]);
  const { host, port } = f.has("address") ? r.address(f.get("address"), "control.address") : CONTROL_DEFAULT;
  if (!["127.0.0.1", "::1", "localhost", ""].includes(host))
    r.fail(f.get("address"), "control.address must be on this machine (127.0.0.1 or [::1])");
  const administrators = r
    .list(f.get("administrators"), "control.administrators")
    .map((group) => r.text(group, "a group"));
  return { host, port, administrators };
}

function readLimits(r: ConfigReader, node: unknown): GatewayConfig["limits"] {
  const f =
    node === undefined
      ? new Map<string, unknown>()
      : r.map(node, "limits", ["connections", "handshakeMs", "statementBytes", "catalogPollMs"]);
  return {
    connections: r.int(f.get("connections"), "limits.connections", 1000, 1, 100_000),
    handshakeMs: r.int(f.get("handshakeMs"), "limits.handshakeMs", 30_000, 100, 600_000),
    statementBytes: r.int(f.get("statementBytes"), "limits.statementBytes", 1024 * 1024, 1024, 2 * 1024 * 1024),
    catalogPollMs: r.int(f.get("catalogPollMs"), "limits.catalogPollMs", 2_000, 100, 3_600_000),
  };
}
