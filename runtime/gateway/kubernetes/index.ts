export { impersonation, type ImpersonationSettings } from "./impersonation.ts";
export { relayStreams, type StreamRelayParts } from "./stream-relay.ts";
