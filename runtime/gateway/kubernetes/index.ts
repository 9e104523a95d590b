export { impersonation, type ImpersonationSettings } from "./impersonation.ts";
export { relayStreams } from "./stream-relay.ts";
