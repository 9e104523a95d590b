import { openRecorderInThread } from "../../runtime/record/index.ts";
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  type KeyObject,
} from "node:crypto";
import { existsSync, statSync, watchFile, unwatchFile, writeFileSync, promises as fs, type Stats } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { JSONWebKeySet } from "jose";
import { parseVerifier } from "../../runtime/credentials/index.ts";
import {
  Gateway,
  readConfig,
  readUsers,
  type ConfigError,
  type GatewayConfig,
  type GatewayParts,
  type SecretSource,
  type Target,
  type UserConfig,
} from "../../runtime/gateway/index.ts";
import { Directory, type KnownUser } from "../../runtime/identity/index.ts";
import { lockFolder, serveHttp, systemClock, systemRandom } from "../../runtime/outside/index.ts";
import { controlListener } from "../../runtime/control/index.ts";
import { err, ok } from "../../base/result.ts";
import { VERSION } from "../version.ts";
import { keysOfUser, sshParts } from "./serve-ssh.ts";
import { bytesOf, certificateAndKey, isPrivateKey, ownFolder } from "../files.ts";
import { UsageError, type Io } from "../io.ts";
import { httpParts } from "./serve/http-parts.ts";

export interface RunningGateway {
  readonly gateway: Gateway;
  /** Ports of the listeners, in the order of the configuration. */
  readonly ports: readonly number[];
  readonly sshPorts: readonly number[];
  readonly controlPort: number;
  reload(): Promise<string | null>;
  close(): Promise<void>;
}

const WATCH_MS = 500;

/** Reads the configuration file with everything it names, and starts a gateway that has its state folder for itself. */
export async function startGateway(
  configPath: string,
  io: Io,
  instead: Partial<GatewayParts> = {},
): Promise<RunningGateway> {
  const path = resolve(io.cwd, configPath);
  const config = parsed(readConfig(readText(path, "the configuration")), path);
  const state = resolve(dirname(path), config.state);
  ownFolder(state, "the state folder");
  const unlock = lockedFolder(state);
  if (unlock === null) throw new UsageError(`another gateway runs on the state folder ${state}; each needs its own`);
  try {
    const running = await startLocked(path, config, state, io, instead);
    return { ...running, close: () => running.close().finally(unlock) };
  } catch (fault) {
    unlock();
    throw fault;
  }
}

async function startLocked(
  path: string,
  config: GatewayConfig,
  state: string,
  io: Io,
  instead: Partial<GatewayParts>,
): Promise<RunningGateway> {
  const folder = dirname(path);
  const at = (name: string): string => resolve(folder, name);
  const usersPath = config.usersFile === null ? null : at(config.usersFile);
  /** The users of the configuration and of the users file as they are now. */
  const readAllUsers = (): readonly KnownUser[] => {
    const { users } = parsed(readConfig(readText(path, "the configuration")), path);
    const extra =
      usersPath !== null && existsSync(usersPath)
        ? parsed(readUsers(readText(usersPath, "the users file")), usersPath)
        : [];
    const both = users.find((user) => extra.some((other) => other.name === user.name));
    if (both !== undefined)
      throw new UsageError(`user ${both.name} is both in ${path} and in ${usersPath}; remove one`);
    return knownUsers([...users, ...extra]);
  };
  const secret = secretFile(join(state, "secret.key"));
  const directory = new Directory(
    readAllUsers(),
    config.oidc.map((issuer) => ({
      ...issuer,
      jwks:
        "url" in issuer.jwks
          ? issuer.jwks
          : { keys: JSON.parse(readText(at(issuer.jwks.file), "the key set")) as JSONWebKeySet },
    })),
    createHash("sha256").update("sallyport mock verifiers\0").update(secret).digest(),
    systemClock,
    fetch,
  );
  const bundlePath = at(config.bundle.path);
  const started = await Gateway.start({
    config,
    version: VERSION,
    targets: config.targets.map((target): Target => ({
      ...target,
      password: passwordOf(target, at, io),
      caBytes: target.tls.ca === null ? null : bytesOf(at(target.tls.ca), `the authority of target ${target.name}`),
    })),
    directory,
    bundleKeys: config.bundle.keys.map((key) => publicKey(at(key))),
    readBundle: () => fs.readFile(bundlePath).catch(() => null),
    openRecord: (options) => openRecorderInThread(join(state, "log"), options),
    logKey: signingKey(join(state, "log.key")),
    approvalsPath: join(state, "approvals.db"),
    vaultPath: join(state, "vault.db"),
    alertChannels: config.alerts.map(({ name, webhook, key }) =>
      webhook === null
        ? { name, kind: "log" }
        : {
            name,
            kind: "webhook",
            url: webhook,
            key: key === null ? null : Buffer.from(secretOf(key, at, io, `channel ${name}`)),
          },
    ),
    post: async (url, headers, body, timeoutMs) => {
      const options = {
        method: "POST",
        headers,
        body,
        signal: AbortSignal.timeout(timeoutMs),
        redirect: "error",
      } as const;
      const { status, body: answer } = await fetch(url, options);
      await answer?.cancel();
      return status;
    },
    secret,
    ssh: sshParts(config.ssh, state, at),
    tls: config.listen.map(({ tls }) => (tls === null ? null : certificateAndKey(at(tls.certificate), at(tls.key)))),
    http: httpParts(config, at, io, () => signingKey(join(state, "identity.key")), state),
    clock: systemClock,
    random: systemRandom,
    howToGrant: (id) => `Someone who may approve it runs: sallyport approvals approve ${id}`,
    say: (line) => io.stderr(`sallyport: ${line}\n`),
    ...instead,
  });
  if (typeof started === "string") throw new UsageError(started);
  const reloadUsers = (): string | null => {
    try {
      directory.replaceUsers(readAllUsers());
      return null;
    } catch (fault) {
      // Half-written or wrong: who could sign in before still can.
      if (fault instanceof UsageError) return fault.message;
      throw fault;
    }
  };
  const reload = async (): Promise<string | null> => reloadUsers() ?? (await started.reloadBundle());
  // Of a file that is not there the watcher tells at once, though nothing has changed.
  const isNews = (now: Stats, before: Stats): boolean => now.mtimeMs !== 0 || before.mtimeMs !== 0;
  const usersChanged = (now: Stats, before: Stats): void => {
    if (!isNews(now, before)) return;
    const fault = reloadUsers();
    io.stderr(`sallyport: ${fault === null ? "the users were read again" : `the users stay as they were: ${fault}`}\n`);
  };
  const userFiles = usersPath === null ? [path] : [path, usersPath];
  const stopWatching = (): void => {
    unwatchFile(bundlePath, changed);
    for (const file of userFiles) unwatchFile(file, usersChanged);
  };
  const changed = (now: Stats, before: Stats): void => {
    if (!isNews(now, before)) return;
    void started.reloadBundle().then((fault) => {
      if (fault === null) return;
      const instead = started.bundles.current === null ? "none is in force" : "the old one stays";
      io.stderr(`sallyport: the new bundle is refused, ${instead}: ${fault}\n`);
    });
  };
  if (usersPath !== null && !existsSync(usersPath))
    io.stderr(`sallyport: the users file ${usersPath} is not there; sallyport user add makes it\n`);
  // Polled and not watched: the file is put in place by rename, and may lie on a network share.
  watchFile(bundlePath, { interval: WATCH_MS, persistent: false }, changed);
  for (const file of userFiles) watchFile(file, { interval: WATCH_MS, persistent: false }, usersChanged);
  let control: Awaited<ReturnType<typeof serveHttp>>;
  try {
    control = await serveHttp(
      config.control.host,
      config.control.port,
      controlListener({
        approvals: started.approvals,
        directory,
        administrators: config.control.administrators,
        status: () => started.status(),
        sessions: () => started.live(),
        reverseToken: (user, groups, token) => started.reverseToken(user, groups, token),
        reloadBundle: async () => {
          const fault = await reload();
          return fault === null ? ok({ digest: started.bundles.current?.digest ?? "" }) : err(fault);
        },
        health: () => ({ healthy: started.problems().length === 0, problems: started.problems() }),
      }),
    );
  } catch (fault) {
    stopWatching();
    await started.close();
    const { code } = fault as { code?: string };
    throw new UsageError(
      code === "EADDRINUSE"
        ? `port ${config.control.port} is taken by another program; choose another under control.address`
        : `the control API can't listen: ${String(fault)}`,
    );
  }
  return {
    gateway: started,
    ports: started.ports,
    sshPorts: started.sshPorts,
    controlPort: control.port,
    reload,
    async close() {
      stopWatching();
      await control.close();
      await started.close();
    },
  };
}

/** `sallyport serve`: runs until it is told to stop. */
export async function serveCommand(configPath: string, io: Io): Promise<number> {
  const running = await startGateway(configPath, io);
  process.on("SIGHUP", () => {
    void running
      .reload()
      .then((fault) =>
        io.stderr(
          fault === null ? "sallyport: reloaded\n" : `sallyport: not reloaded, all stays as it was: ${fault}\n`,
        ),
      );
  });
  const stopped = new Promise<void>((stop) => {
    process.once("SIGINT", () => stop());
    process.once("SIGTERM", () => stop());
  });
  // Said only once signals are listened to: whoever waits for this line may stop us the next moment.
  io.stdout(
    `sallyport: listening on ${[...running.ports, ...running.sshPorts, ...running.gateway.httpPorts].join(", ")}; control API on ${running.controlPort}\n`,
  );
  await stopped;
  io.stderr("sallyport: stopping\n");
  await running.close();
  return 0;
}

const readText = (path: string, what: string): string => bytesOf(path, what).toString("utf8");

/** The lock on a state folder; null when another gateway has it. */
function lockedFolder(state: string): (() => void) | null {
  try {
    return lockFolder(state);
  } catch (fault) {
    throw new UsageError(`the state folder ${state} can't be used: ${(fault as Error).message}`);
  }
}

function parsed<T>(
  result: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: readonly ConfigError[] },
  path: string,
): T {
  if (result.ok) return result.value;
  throw new UsageError(result.error.map((one) => `${path}:${one.line}:${one.column}: ${one.message}`).join("\n"));
}

function knownUsers(users: readonly UserConfig[]): readonly KnownUser[] {
  return users.map((user) => {
    const { name, groups } = user;
    const keys = keysOfUser(user);
    if (user.scram === null) return { name, groups, keys, verifier: null };
    const verifier = parseVerifier(user.scram);
    if (!verifier.ok)
      throw new UsageError(
        `user ${user.name}: the verifier can't be read: ${verifier.error}; make a new one with sallyport user add`,
      );
    return { name, groups, keys, verifier: verifier.value };
  });
}

function passwordOf(target: GatewayConfig["targets"][number], at: (name: string) => string, io: Io): string {
  return secretOf(target.credential.password, at, io, `target ${target.name}`);
}

function secretOf(source: SecretSource, at: (name: string) => string, io: Io, whose: string): string {
  if ("file" in source) return readText(at(source.file), `the secret's file of ${whose}`).replace(/\r?\n$/, "");
  const found = io.env[source.env];
  if (found === undefined)
    throw new UsageError(`${whose}: environment variable ${source.env} is not set; put its secret there`);
  return found;
}

function publicKey(path: string): KeyObject {
  const bytes = bytesOf(path, "the bundle key");
  if (isPrivateKey(bytes))
    throw new UsageError(
      `the bundle key ${path} is a private key, with which anybody here could sign policies; give the public one, and keep this one where bundles are built`,
    );
  try {
    return createPublicKey(bytes);
  } catch (fault) {
    throw new UsageError(
      `the bundle key ${path} is no public key: ${(fault as Error).message}; policyc keygen makes a pair`,
    );
  }
}

const SECRET_BYTES = 32;

/** Random bytes, made at the first start. */
function secretFile(path: string): Buffer {
  if (!existsSync(path)) writeFileSync(path, randomBytes(SECRET_BYTES), { mode: 0o600 });
  const secret = bytesOf(path, "the secret");
  if (secret.length !== SECRET_BYTES)
    throw new UsageError(
      `the secret ${path} has ${secret.length} bytes, not ${SECRET_BYTES}; restore it from a copy: hashes and tokens of masks go by it`,
    );
  return secret;
}

function signingKey(path: string): KeyObject {
  if (!existsSync(path)) writeNewKey(path);
  if ((statSync(path).mode & 0o077) !== 0)
    throw new UsageError(`${path} can be read by others; run: chmod 600 ${path}`);
  const bytes = bytesOf(path, "the signing key");
  try {
    return createPrivateKey(bytes);
  } catch (fault) {
    throw new UsageError(`the signing key ${path} can't be used: ${(fault as Error).message}`);
  }
}

/** The log's signing key, made at the first start; its verifier key is put beside it for auditors. */
function writeNewKey(path: string): void {
  const { privateKey } = generateKeys();
  writeFileSync(path, privateKey, { mode: 0o600 });
}

function generateKeys(): { readonly privateKey: string } {
  const { privateKey } = generateKeyPairSync("ed25519");
  return { privateKey: privateKey.export({ type: "pkcs8", format: "pem" }).toString() };
}
