export { CHANNEL, FORWARD_PROTOCOL, STREAM_PROTOCOLS, exitOf, readResize, speaksChannels } from "./channels.ts";
export { KubernetesAdapter, type KubernetesSettings } from "./kubernetes-adapter.ts";
export { warning } from "./status.ts";
export * from "./spdy/index.ts";
