export * from "./value-mask.ts";
export { FAMILIES, type Family } from "./families.ts";
export { addressBytes, addressText } from "./addresses.ts";
export { secretsOf, type MaskSecrets, type Tokens } from "./secrets.ts";
export * from "./detect-mask.ts";
export { TokenVault } from "./vault.ts";
export * from "./plan.ts";
export * from "./statement-text.ts";
export * from "./sample-rows.ts";
