import type { Field } from "./head.ts";

/** What a client is told instead of the target's answer (RFC 9457). */
export interface ProblemAnswer {
  readonly status: number;
  /** Last part of the problem's type. */
  readonly kind: string;
  readonly title: string;
  readonly detail: string;
  /** More members of the problem. */
  readonly more?: Readonly<Record<string, string | number | readonly string[]>>;
  readonly fields?: readonly Field[];
  /** The connection can't be used any more. */
  readonly close?: boolean;
}

export const REASONS: Readonly<Record<number, string>> = {
  101: "Switching Protocols",
  200: "OK",
  202: "Accepted",
  204: "No Content",
  302: "Found",
  303: "See Other",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  407: "Proxy Authentication Required",
  408: "Request Timeout",
  409: "Conflict",
  413: "Content Too Large",
  414: "URI Too Long",
  415: "Unsupported Media Type",
  417: "Expectation Failed",
  421: "Misdirected Request",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
};

/** The problem's body. */
export function problemBody(problem: ProblemAnswer): Buffer {
  const { status, kind, title, detail, more } = problem;
  return Buffer.from(`${JSON.stringify({ type: `urn:sallyport:${kind}`, title, status, detail, ...more })}\n`);
}
