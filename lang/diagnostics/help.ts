const GUIDE = "https://github.com/sallyport/sallyport/blob/main/docs/guide";

/** Where every code has a heading of its own. */
export const HELP_URI = `${GUIDE}/diagnostics.md`;

/** A code's page, for a reader in a browser. */
export const helpUri = ({ code, name }: { readonly code: string; readonly name: string }): string =>
  `${HELP_URI}#${code.toLowerCase()}-${name}`;
