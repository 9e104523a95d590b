import type { BodyMasks, RequestText } from "../../enforce/mask/index.ts";
import type { BundleRule } from "../../../spec/contract/bundle/index.ts";
import type { FactValue } from "../../../spec/contract/facts/index.ts";
import type { Result } from "../../../base/result.ts";
import type { HttpFault, ResponseHead } from "./head.ts";
import type { ProblemAnswer } from "./problem.ts";
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
  /** Why it is refused whatever rules say: what it asks for is not open here. */
  readonly refusal?: string | null;
  /** Why it may not be sent while these masks apply: it would tell what they hide. */
  readonly objection?: (masks: BodyMasks) => string | null;
  /** What the target is told of `Accept`, in place of what the client said; null or left out: the client's own. */
  readonly accept?: string | null;
  /** Neither body nor answer is kept, not even masked. */
  readonly secret?: boolean;
  /** After a 101 its connection is one of streams, and not of messages. */
  readonly stream?: StreamAsk | null;
  /** Its answer is what a program printed: masks on output apply. */
  readonly isText?: boolean;
  /** What is done to the answer under these masks. `masks` is null when none applies. */
  answer(head: ResponseHead, masks: BodyMasks | null, permits: Permits): AnswerPlan;
}

/**
 * Asks the policy whether something of its own kind could be allowed, for some value of the facts named in `open`: for lists
 * that show only what may be used.
 */
export type Permits = (own: OwnFacts, open: readonly string[]) => boolean;

/** A request for streams: exec, attach and port-forward of Kubernetes. */
export interface StreamAsk {
  readonly kind: "exec" | "attach" | "portforward";
  readonly command: readonly string[];
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

/** What a protocol over HTTP adds: which bodies it reads, and what they mean. */
export interface WebAdapter {
  readonly protocol: "http" | "mcp" | "kubernetes";
  /** Its own form of what the gateway says instead of an answer; left out: a problem of RFC 9457. */
  readonly problem?: (problem: ProblemAnswer) => ProblemAnswer & { readonly type: string; readonly body: Buffer };
  /** A mask rule as it is put to this protocol's bodies; left out: as it stands. */
  readonly maskRule?: (rule: BundleRule) => BundleRule;
  /** @param reads whether a rule in force reads a fact whose path begins so */
  wantsBody(request: NormalRequest, reads: (prefix: string) => boolean): boolean;
  inspect(request: NormalRequest, body: ReadBody, reads: (prefix: string) => boolean): Result<Inspection, HttpFault>;
}
