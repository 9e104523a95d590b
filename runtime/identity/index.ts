export * from "./directory.ts";
export { TokenVerifier, type FetchImplementation, type OidcIssuer } from "./token.ts";
export * from "./limits.ts";
export { ASSERTION_REUSE_MS, WebAssertions } from "./web-assertion.ts";
export {
  SERVICE_TOKEN_PREFIX,
  WebIdentities,
  type NoIdentity,
  type ServiceToken,
  type WebCredentials,
} from "./web-identity.ts";
export { WebSessions } from "./web-session.ts";
export { WebSignIn, type SignInSettings } from "./web-sign-in.ts";
export { judgeKey, type KeyRequest, type SshIdentity, type SshTrust } from "./ssh-sign-in.ts";
export { fingerprint, readKeyLine, readPublicKey, type SshPublicKey } from "./ssh-key.ts";
export { EVERY_PERMIT, readCertificate, type SshCertificate, type SshPermits } from "./ssh-certificate.ts";
export { NOTHING_REVOKED, SshRevocations, readRevocations } from "./ssh-revocation.ts";
export { BrowserSignIns, type SignInAsked, type SignInEnd, type WaitingSignIn } from "./browser-sign-in.ts";
export { ISSUED_TYPE, issueCertificate, type IssuedCertificate } from "./ssh-issue.ts";
export { sshString } from "./ssh-wire.ts";
