import type { ConfigReader } from "../config-reader.ts";
import { readBrowserSignIn, type BrowserSignInConfig } from "./browser-config.ts";

export interface SshListenConfig {
  readonly host: string;
  readonly port: number;
}

/** Where a target's keys come from: written here as in a known_hosts file, without the name. */
export interface SshTargetConfig {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly labels: Readonly<Record<string, string>>;
  /** Public keys that the host may show; any other ends the connection. */
  readonly hostKeys: readonly string[];
  /** The account there, and the file of the private key that signs in to it; null: the gateway's authority vouches for it. */
  readonly credential: { readonly user: string; readonly key: string | null };
  /** The account's home folder, where paths that do not begin with `/` begin. Null: written as `~` in facts. */
  readonly home: string | null;
  /** `open`: a shell is the target's own. `lines`: the gateway's own prompt, which decides every line. */
  readonly shell: "open" | "lines";
}

export interface SshSettings {
  /** Private key of the gateway itself; null: one is made in the state folder. */
  readonly hostKey: string | null;
  /** Certificate of that key, which clients that trust its authority take without asking. */
  readonly hostCertificate: string | null;
  /** Public keys of the authorities whose user certificates are taken. */
  readonly userAuthorities: readonly string[];
  /** File of revoked keys and certificates: OpenSSH's binary list, or one key per line. */
  readonly revoked: string | null;
  /** Signs the gateway in to targets with certificates. `key`: file of its private key; null: one is made in the state folder. */
  readonly authority: { readonly key: string | null; readonly validMs: number };
  /** Sign-in through a browser for who has no key; null: there is none. */
  readonly signIn: BrowserSignInConfig | null;
  readonly recording: {
    /** What is typed in a shell is kept too. Passwords that are typed are then in it. */
    readonly keystrokes: boolean;
    /** Of a command without a terminal at most so many bytes of output are kept; a terminal's are kept whole. */
    readonly commandBytes: number;
  };
  /** Channels at once on one connection. */
  readonly channels: number;
}

export interface SshConfig extends SshSettings {
  readonly listen: readonly SshListenConfig[];
  readonly targets: readonly SshTargetConfig[];
}

/** Without a setting: the first mebibyte of a command's output. */
const COMMAND_BYTES = 1024 * 1024;
const COMMAND_BYTES_MAX = 1024 * 1024 * 1024;

/** How long a certificate is good for: it is shown at once, and looked at once. */
const CERTIFICATE_MS = 300_000;
const CERTIFICATE_MS_MAX = 3_600_000;

export function readSshListen(r: ConfigReader, node: unknown): SshListenConfig {
  const f = r.map(node, "listen", ["protocol", "address"]);
  return r.address(f.get("address"), "listen.address");
}

export function readSshTarget(r: ConfigReader, node: unknown): SshTargetConfig {
  const f = r.map(node, "an SSH target", [
    "name",
    "protocol",
    "address",
    "labels",
    "hostKeys",
    "credential",
    "home",
    "shell",
  ]);
  const name = r.text(f.get("name"), "target.name");
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(name) && name !== "")
    r.fail(f.get("name"), "an SSH target's name has letters, digits, dots, dashes and underscores, at most 63");
  const { host, port } = r.address(f.get("address"), "target.address");
  const hostKeys = r.list(f.get("hostKeys"), "target.hostKeys").map((key) => r.text(key, "a host key"));
  if (hostKeys.length === 0)
    r.fail(
      f.get("hostKeys") ?? node,
      `target.hostKeys needs the host's keys; ssh-keyscan -p ${port} ${host} shows them`,
    );
  const c = r.map(f.get("credential"), "target.credential", ["user", "key", "certificate"]);
  const certificate = r.bool(c.get("certificate"), "target.credential.certificate", false);
  if (certificate && c.has("key"))
    r.fail(c.get("key"), "target.credential takes either key or certificate: true, not both");
  const home = f.has("home") ? r.text(f.get("home"), "target.home") : null;
  if (home !== null && !home.startsWith("/")) r.fail(f.get("home"), "target.home must begin with /");
  return {
    name,
    host,
    port,
    labels: r.texts(f.get("labels"), "target.labels"),
    hostKeys,
    credential: {
      user: r.text(c.get("user"), "target.credential.user"),
      key: certificate ? null : r.text(c.get("key"), "target.credential.key"),
    },
    home,
    shell: r.choice(f.get("shell"), "target.shell", ["open", "lines"], "open"),
  };
}

function readAuthority(r: ConfigReader, node: unknown): SshSettings["authority"] {
  const f = node === undefined ? new Map<string, unknown>() : r.map(node, "ssh.authority", ["key", "validMs"]);
  return {
    key: f.has("key") ? r.text(f.get("key"), "ssh.authority.key") : null,
    validMs: r.int(f.get("validMs"), "ssh.authority.validMs", CERTIFICATE_MS, 10_000, CERTIFICATE_MS_MAX),
  };
}

export function readSshSettings(r: ConfigReader, node: unknown): SshSettings {
  const f =
    node === undefined
      ? new Map<string, unknown>()
      : r.map(node, "ssh", [
          "hostKey",
          "hostCertificate",
          "userAuthorities",
          "revoked",
          "authority",
          "signIn",
          "recording",
          "channels",
        ]);
  const k = f.has("recording")
    ? r.map(f.get("recording"), "ssh.recording", ["keystrokes", "commandBytes"])
    : new Map<string, unknown>();
  const file = (name: string): string | null => (f.has(name) ? r.text(f.get(name), `ssh.${name}`) : null);
  return {
    hostKey: file("hostKey"),
    hostCertificate: file("hostCertificate"),
    userAuthorities: r.list(f.get("userAuthorities"), "ssh.userAuthorities").map((key) => r.text(key, "a key")),
    revoked: file("revoked"),
    authority: readAuthority(r, f.get("authority")),
    signIn: f.has("signIn") ? readBrowserSignIn(r, f.get("signIn")) : null,
    recording: {
      keystrokes: r.bool(k.get("keystrokes"), "ssh.recording.keystrokes", false),
      commandBytes: r.int(k.get("commandBytes"), "ssh.recording.commandBytes", COMMAND_BYTES, 0, COMMAND_BYTES_MAX),
    },
    channels: r.int(f.get("channels"), "ssh.channels", 32, 1, 1024),
  };
}
