export {
  formatVerifier,
  makeVerifier,
  mockVerifier,
  parseVerifier,
  passwordMatches,
  SCRAM_SHA_256,
  SCRAM_SHA_256_PLUS,
  type ScramFailure,
  type ScramMechanism,
  type ScramVerifier,
} from "./scram.ts";
export { ScramServer, offeredMechanisms, type ScramServerOptions } from "./scram-server.ts";
export { ScramClient, type ScramClientOptions } from "./scram-client.ts";
export { endpointBinding } from "./channel-binding.ts";
export { saslPrep } from "./saslprep.ts";
export * from "./limits.ts";
