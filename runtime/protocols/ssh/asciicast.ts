/** Lines of an asciicast v3 recording: a header, then events with the time since the one before. */
export interface CastHeader {
  readonly columns: number;
  readonly rows: number;
  readonly terminal: string | null;
  /** Seconds since 1970. */
  readonly timestamp: number;
  readonly title: string;
}

/** `o` output · `i` input · `m` marker · `r` another size, `80x24` · `x` end, with the status. */
export type CastEvent = "o" | "i" | "m" | "r" | "x";

export function castHeader({ columns, rows, terminal, timestamp, title }: CastHeader): string {
  const term = { cols: columns, rows, ...(terminal === null ? {} : { type: terminal }) };
  return `${JSON.stringify({ version: 3, term, timestamp, title })}\n`;
}

/** @param interval seconds since the event before */
export function castEvent(interval: number, event: CastEvent, data: string): string {
  return `[${Math.max(0, interval).toFixed(6)}, "${event}", ${JSON.stringify(data)}]\n`;
}
