export type Rows = readonly (readonly (string | null)[])[];

/**
 * Asks a target over a connection of the gateway's own; gives the rows of all statements. Each text is one statement to the
 * server, too, whatever is in it. Rejects when one of them fails; then nothing of what they began is left.
 */
export type AskTarget = (...statements: readonly string[]) => Promise<Rows>;
