import { createHash } from "node:crypto";
import { canonicalJson } from "../../../spec/contract/record/index.ts";

/** What exactly would run. A grant is bound to all of it. */
export interface ExactAction {
  readonly protocol: string;
  readonly target: string;
  readonly account: string;
  readonly database: string;
  readonly requester: string;
  readonly issuer: string | null;
  readonly bundle: string;
  /** The bytes that would go upstream. */
  readonly text: Uint8Array;
  /** Bound values with their formats; null is SQL's NULL. */
  readonly parameters: readonly (Uint8Array | null)[];
  readonly parameterFormats: readonly number[];
  /** Where names are looked up. */
  readonly searchPath: readonly string[] | null;
}

/** SHA-256 over a line that says what it is, and the canonical form of the action. */
export function actionDigest(action: ExactAction): string {
  const form = {
    ...action,
    text: Buffer.from(action.text).toString("base64"),
    parameters: action.parameters.map((value) => (value === null ? null : Buffer.from(value).toString("base64"))),
    parameterFormats: [...action.parameterFormats],
    searchPath: action.searchPath === null ? null : [...action.searchPath],
  };
  return createHash("sha256").update("sallyport action/v1\n").update(canonicalJson(form)).digest("hex");
}

/** A request over HTTP that would be sent: a grant is bound to all of it. */
export interface ExactRequest {
  readonly protocol: string;
  readonly target: string;
  readonly requester: string;
  readonly issuer: string | null;
  readonly bundle: string;
  /** Method, host, target and the fields that mean something, as text. */
  readonly head: string;
  readonly body: Uint8Array;
}

export function requestDigest(request: ExactRequest): string {
  const { protocol, target, requester, issuer, bundle, head, body } = request;
  const text = Buffer.concat([Buffer.from(`${head}\n`), body]);
  const none = { account: "", database: "", parameters: [], parameterFormats: [], searchPath: null };
  return actionDigest({ protocol, target, requester, issuer, bundle, text, ...none });
}
