export * from "./directory.ts";
export { TokenVerifier, type FetchImplementation, type OidcIssuer } from "./token.ts";
export * from "./limits.ts";
export { judgeKey, type KeyRequest, type SshIdentity, type SshTrust } from "./ssh-sign-in.ts";
export { fingerprint, readKeyLine, readPublicKey, type SshPublicKey } from "./ssh-key.ts";
export { EVERY_PERMIT, readCertificate, type SshCertificate, type SshPermits } from "./ssh-certificate.ts";
export { NOTHING_REVOKED, SshRevocations, readRevocations } from "./ssh-revocation.ts";
