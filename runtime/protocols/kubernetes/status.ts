import type { ProblemAnswer } from "../http/index.ts";
import { STATUS_CHARS_MAX } from "./limits.ts";

/** Reasons of the API's own (`metav1.StatusReason`), by status. */
const REASONS: Readonly<Record<number, string>> = {
  400: "BadRequest",
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  405: "MethodNotAllowed",
  406: "NotAcceptable",
  408: "Timeout",
  409: "Conflict",
  413: "RequestEntityTooLarge",
  415: "UnsupportedMediaType",
  500: "InternalError",
  503: "ServiceUnavailable",
  504: "Timeout",
};

/** Statuses that clients of the API would send again on their own, or read in another way. */
const AS: Readonly<Record<number, number>> = { 202: 403, 407: 401, 421: 404, 429: 403 };

/**
 * What the gateway says instead of an answer, as the `Status` object that `kubectl` prints and client-go takes for an error
 * (`k8s.io/apimachinery/pkg/apis/meta/v1`, type Status).
 */
export function statusAnswer(problem: ProblemAnswer): ProblemAnswer & { readonly type: string; readonly body: Buffer } {
  const code = AS[problem.status] ?? problem.status;
  const { decision, rules, approval } = problem.more ?? {};
  const causes = [
    ...(Array.isArray(rules) ? rules : []).map((rule: string) => ({ reason: "SallyportRule", message: rule })),
    ...(decision === undefined ? [] : [{ reason: "SallyportDecision", message: String(decision) }]),
    ...(approval === undefined ? [] : [{ reason: "SallyportApproval", message: String(approval) }]),
  ];
  const status = {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: `sallyport: ${problem.detail}`.slice(0, STATUS_CHARS_MAX),
    reason: REASONS[code] ?? "",
    ...(causes.length === 0 ? {} : { details: { causes } }),
    code,
  };
  return {
    ...problem,
    status: code,
    type: "application/json",
    body: Buffer.from(`${JSON.stringify(status)}\n`),
    fields: [
      ...(problem.fields ?? []),
      ...(approval === undefined ? [] : ([["warning", warning(`waits for approval ${String(approval)}`)]] as const)),
    ],
  };
}

/** A field `Warning` that `kubectl` prints (RFC 9111, section 5.5; Kubernetes takes code 299 only). */
export const warning = (text: string): string =>
  `299 - "sallyport: ${text.replaceAll(/[\\"]/g, "\\$&").replaceAll(/[^\x20-\x7e]/g, "?")}"`;
