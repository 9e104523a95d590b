declare const masked: unique symbol;

/**
 * Text that went through masking. The record takes statement texts and results in this type only, so that unmasked text
 * does not compile.
 */
export type Masked = string & { readonly [masked]: true };

/** Only `runtime/enforce/mask` may call this: it answers for the text. A tidy test holds the line. */
export const maskedByPolicy = (text: string): Masked => text as Masked;

/** A part of masked text is masked. Positions as for `slice`. */
export const partOfMasked = (text: Masked, start: number, end: number): Masked => text.slice(start, end) as Masked;
