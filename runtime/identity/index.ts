export * from "./directory.ts";
export { TokenVerifier, type FetchImplementation, type OidcIssuer } from "./token.ts";
export * from "./limits.ts";
