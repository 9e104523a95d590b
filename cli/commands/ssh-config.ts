import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { readConfig } from "../../runtime/gateway/config.ts";
import { readArguments } from "../arguments.ts";
import { configPath, CONFIG_FILE, readText } from "../config-file.ts";
import { keyPairIn, ownAuthorityPath } from "../ssh-key-file.ts";
import { EXIT, UsageError, type Io } from "../io.ts";

const HELP = `sallyport ssh-config: a piece for ~/.ssh/config, so that "ssh TARGET" goes through the gateway

  sallyport ssh-config --user NAME [--host ADDRESS] [--port N] [--identity FILE] [--config FILE]
  sallyport ssh-config --known-hosts | --authority [--config FILE]

  --user NAME        who you are at the gateway
  --host ADDRESS     where you reach it; without it the address it listens on
  --port N           its port there; without it the one it listens on
  --identity FILE    your private key; without it ssh's own choice
  --known-hosts      the line for ~/.ssh/known_hosts instead, with the gateway's key
  --authority        the public key of the gateway's authority instead, for sshd's TrustedUserCAKeys on targets that
                     have "certificate: true"; it is made if it is not there yet
  --config FILE      the gateway's configuration (SALLYPORT_CONFIG; sallyport.yaml here)

  sallyport ssh-config --user ana >> ~/.ssh/config
`;

/** `sallyport ssh-config`: prints what OpenSSH's client needs. */
export function sshConfigCommand(argv: readonly string[], io: Io): number {
  const { values, positionals } = readArguments(argv, {
    user: { type: "string" },
    host: { type: "string" },
    port: { type: "string" },
    identity: { type: "string" },
    "known-hosts": { type: "boolean" },
    authority: { type: "boolean" },
    config: { type: "string" },
  });
  if (values.help === true) {
    io.stdout(HELP);
    return EXIT.ok;
  }
  if (positionals.length > 0) throw new UsageError(`${JSON.stringify(positionals[0])} is one argument too many`);
  const file = configPath(values.config, io);
  if (file === undefined) throw new UsageError(`there is no ${CONFIG_FILE} here: give --config FILE`);
  const path = resolve(io.cwd, file);
  const read = readConfig(readText(path));
  if (!read.ok) throw new UsageError(`${path} has mistakes; sallyport serve tells them`);
  const { ssh, state } = read.value;
  if (values.authority === true) {
    io.stdout(authorityLine(ssh.authority.key, dirname(path), state));
    return EXIT.ok;
  }
  const [listen] = ssh.listen;
  if (listen === undefined) throw new UsageError(`${path} listens for no SSH; add a listener with protocol: ssh`);
  const host = values.host ?? listen.host;
  const port = values.port ?? String(listen.port);
  if (values["known-hosts"] === true) {
    const folder = dirname(path);
    const key =
      ssh.hostKey === null
        ? join(resolve(folder, state), "ssh_host_ed25519_key.pub")
        : `${resolve(folder, ssh.hostKey)}.pub`;
    if (!existsSync(key)) throw new UsageError(`${key} is not there; the gateway makes it at its first start`);
    const [type, blob] = readFileSync(key, "utf8").split(/\s+/);
    io.stdout(`${port === "22" ? host : `[${host}]:${port}`} ${type} ${blob}\n`);
    return EXIT.ok;
  }
  const { user } = values;
  if (user === undefined || !/^[^\s"%]+$/.test(user))
    throw new UsageError("give --user NAME: who you are at the gateway");
  const identity = values.identity === undefined ? "" : `  IdentityFile ${values.identity}\n  IdentitiesOnly yes\n`;
  for (const { name } of ssh.targets)
    io.stdout(`Host ${name}\n  HostName ${host}\n  Port ${port}\n  User ${user}%${name}\n${identity}\n`);
  return EXIT.ok;
}

/** The authority's public key. The gateway's own is made here too, so that targets can be prepared before its first start. */
function authorityLine(key: string | null, folder: string, state: string): string {
  if (key === null) {
    mkdirSync(resolve(folder, state), { recursive: true, mode: 0o700 });
    return keyPairIn(ownAuthorityPath(resolve(folder, state)), "sallyport");
  }
  const path = `${resolve(folder, key)}.pub`;
  if (!existsSync(path))
    throw new UsageError(`${path} is not there; ssh-keygen -y -f ${resolve(folder, key)} prints it`);
  return readFileSync(path, "utf8");
}
