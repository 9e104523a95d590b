export { BROWSER_PATH, type BrowserDoor } from "./browser.ts";
export { SshConnection } from "./connection.ts";
export type { SshHost, SshParts } from "./host.ts";
export { newKeyPair } from "./new-key.ts";
export { readPrivateKey, type HostKey } from "./host-key.ts";
export type { SshTarget } from "./upstream.ts";
export type { SshConfig, SshSettings, SshTargetConfig } from "./config.ts";
