export * from "./config.ts";
export { Gateway, type GatewayParts, type LiveSession } from "./gateway.ts";
export { ServiceConnection, type Target } from "./upstream.ts";
export { readPrivateKey, type SshConfig, type SshParts, type SshTarget } from "./ssh/index.ts";
