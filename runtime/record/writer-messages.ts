import type { KeyObject } from "node:crypto";

/** What the writer's thread is given when it starts. */
export interface WriterSetup {
  readonly folder: string;
  readonly origin: string;
  readonly key: KeyObject;
}

export type ToWriter =
  | {
      readonly kind: "write";
      readonly arena: SharedArrayBuffer;
      readonly used: number;
      readonly newSegment: number | null;
    }
  | { readonly kind: "publish" }
  | { readonly kind: "close" };

export type FromWriter =
  | {
      readonly kind: "opened";
      readonly size: number;
      readonly segmentBytes: number;
      readonly first: readonly string[];
    }
  | { readonly kind: "refused"; readonly why: string }
  | { readonly kind: "written"; readonly full: boolean }
  | { readonly kind: "failed"; readonly why: string }
  /** Tiles or checkpoint can't be written. */
  | { readonly kind: "fault"; readonly why: string }
  | { readonly kind: "published" }
  | { readonly kind: "closed" };
