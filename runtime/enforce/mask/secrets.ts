/** Gives a value's token, the same one for the same value. */
export interface Tokens {
  /** @throws when the vault can't be written: the caller shows nothing then */
  tokenFor(value: Uint8Array): string;
}

/** What masks need that nobody outside of the gateway may know. */
export interface MaskSecrets {
  /** The gateway's own, at least 16 bytes. */
  readonly hashKey: Uint8Array;
  /** Null where there is no vault: then a token mask hides the value whole. */
  readonly tokens: Tokens | null;
}

export const secretsOf = (given: Uint8Array | MaskSecrets): MaskSecrets =>
  given instanceof Uint8Array ? { hashKey: given, tokens: null } : given;
