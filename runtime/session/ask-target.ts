export type Rows = readonly (readonly (string | null)[])[];

/** Asks a target over a connection of the gateway's own. Rejects when that fails. */
export type AskTarget = (sql: string) => Promise<Rows>;
