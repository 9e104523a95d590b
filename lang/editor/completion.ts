import type { Place } from "./place.ts";
import type { Surroundings, Workspace } from "./workspace.ts";

export type CompletionKind =
  | "keyword"
  | "fact"
  | "value"
  | "let"
  | "columns"
  | "rule"
  | "scope"
  | "mask"
  | "column"
  | "text"
  | "snippet"
  | "variable"
  | "field"
  | "annotation"
  | "detector"
  | "package"
  | "file";

export interface Completion {
  readonly label: string;
  readonly kind: CompletionKind;
  readonly detail?: string;
  readonly doc?: string;
  /** What is written instead of the label; `${1:…}` marks places to fill in when it is a snippet. */
  readonly insert?: string;
  readonly snippet?: boolean;
  /** Lower ones first; 1 when nothing is said. */
  readonly rank?: number;
}

export interface Completions {
  /** What is replaced. */
  readonly start: number;
  readonly end: number;
  readonly items: readonly Completion[];
}

/** Everything that the parts of completion look at. */
export interface Asked {
  readonly workspace: Workspace;
  readonly around: Surroundings;
  readonly place: Place;
  readonly file: string;
}

export const texts = (labels: Iterable<string>, detail: string): readonly Completion[] =>
  [...labels].map((label) => ({ label, kind: "text", detail }));
