import type { BodyMasks, RequestText } from "../../enforce/mask/index.ts";
import type { FactValue } from "../../../spec/contract/facts/index.ts";
import type { Result } from "../../../base/result.ts";
import type { HttpFault, ResponseHead } from "./head.ts";
import type { NormalRequest } from "./request.ts";

/** A request's body as far as it was read. */
export type ReadBody =
  | { readonly kind: "none" }
  /** Nobody needed it: it passes as it comes. */
  | { readonly kind: "unread" }
  | { readonly kind: "read"; readonly bytes: Buffer }
  /** It was needed, but is longer than what is read. */
  | { readonly kind: "too-large" };

/** Facts of one action by path; undefined for those of the session. */
export type OwnFacts = (path: string) => FactValue | undefined;

/** Changes a body as it passes. After each call `fault` says whether what comes is still to be trusted. */
export interface BodyTransform {
  readonly fault: string | null;
  push(chunk: Buffer): Buffer;
  end(): Buffer;
  /** Places where something was masked, as the record names them. */
  masked(): readonly string[];
}

/** What happens to an answer's body. */
export type AnswerPlan =
  | { readonly kind: "pass" }
  | { readonly kind: "mask"; readonly transform: BodyTransform }
  /** A mask applies, and the body is of a kind that can't be read. */
  | { readonly kind: "unreadable"; readonly why: string };

/** A request as a protocol over HTTP understands it. */
export interface Inspection {
  /** They stand or fall together. */
  readonly actions: readonly OwnFacts[];
  /** For lists of the record: `GET`, `tools/call`. */
  readonly kinds: readonly string[];
  readonly text: RequestText;
  /** Answers must be looked at although no mask applies (a list that is cut down). */
  readonly alwaysAnswers: boolean;
  /** What is done to the answer under these masks. `masks` is null when none applies. */
  answer(head: ResponseHead, masks: BodyMasks | null, permits: Permits): AnswerPlan;
}

/**
 * Asks the policy whether something of its own kind could be allowed, for some value of the facts named in `open`: for lists
 * that show only what may be used.
 */
export type Permits = (own: OwnFacts, open: readonly string[]) => boolean;

/** What a protocol over HTTP adds: which bodies it reads, and what they mean. */
export interface WebAdapter {
  readonly protocol: "http" | "mcp" | "kubernetes";
  /** @param reads whether a rule in force reads a fact whose path begins so */
  wantsBody(request: NormalRequest, reads: (prefix: string) => boolean): boolean;
  inspect(request: NormalRequest, body: ReadBody, reads: (prefix: string) => boolean): Result<Inspection, HttpFault>;
}
