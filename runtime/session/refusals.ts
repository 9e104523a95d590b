import type { Manifest } from "../../spec/contract/bundle/index.ts";
import type { Decision } from "../../spec/contract/decision/index.ts";
import { reasonsOf } from "../decide/index.ts";
import type { AnalysisError } from "../facts/index.ts";
import type { Refusal } from "../protocols/index.ts";

/** As it is shown among a target's own output: with whose word it is. */
export const signed = (refusal: Refusal): Refusal => ({ ...refusal, message: `sallyport: ${refusal.message}` });

/** With the number under which the record has it. */
export const withDecision = (refusal: Refusal, sid: string, decisionId: number): Refusal => ({
  ...refusal,
  detail: `${refusal.detail === undefined ? "" : `${refusal.detail} `}Decision ${sid}.${decisionId}.`,
});

/** Of a statement that can't be let through as things stand, whatever the policy says. */
export const cantNow = (message: string, hint: string): Refusal => signed({ kind: "unavailable", message, hint });

export const NOT_REWRITTEN: Refusal = {
  kind: "policy",
  message:
    "sallyport: the conditions go by masked columns, and the statement can't be rewritten so that they see masked values",
  hint: "Name each table once, plainly, in FROM, with an alias.",
};

export const CHANGES_READING: Refusal = {
  kind: "policy",
  message: "sallyport: a setting that changes how statements are read can't be changed",
  hint: "Keep client_encoding at UTF8 and standard_conforming_strings on.",
};

export function maskRefusal(
  reason: string,
  rule: string,
  hint = "Name the columns you need one by one, without the masked ones in conditions or expressions.",
): Refusal {
  return { kind: "policy", message: `sallyport: refused under mask ${rule}: ${reason}`, hint };
}

/** Of a statement that the policy denies. */
export function denied(
  manifest: Manifest,
  decision: Decision,
  on: {
    readonly user: string;
    readonly target: string;
    readonly kinds: readonly string[];
    /** What tables it means could not be told. */
    readonly unsure: boolean;
  },
): Refusal {
  const { summary, because, rules } = reasonsOf(manifest, decision);
  const unruled = rules.length === 0;
  return {
    kind: "policy",
    message: `sallyport: ${summary}${because === null ? "" : `: ${because}`}`,
    detail: unruled
      ? `No rule of ${manifest.package} allows ${on.kinds.join(", ")} for ${on.user} on ${on.target}.`
      : undefined,
    hint: on.unsure
      ? "What tables it means could not be told, as a statement before it may change that: send it in a message of its own, or name each table with its schema."
      : unruled
        ? "Ask your security team for a rule that allows it."
        : undefined,
  };
}

/** Of a text that can't be read. */
export function unreadable(error: AnalysisError): Refusal {
  switch (error.kind) {
    case "syntax":
      return { kind: "syntax", message: error.message, position: error.position > 0 ? error.position : undefined };
    case "too-large":
      return {
        kind: "unreadable",
        message: `sallyport: the statement has ${error.bytes} bytes; at most ${error.bytesMax} are read`,
        hint: "Split it, or load data with COPY.",
      };
    case "too-deep":
      return {
        kind: "unreadable",
        message: `sallyport: the statement can't be analysed: ${error.message}`,
        hint: "Write it flatter.",
      };
    case "not-utf8":
      return { kind: "unreadable", message: "sallyport: the statement is not valid UTF-8, or holds a zero byte" };
    case "timeout":
      return { kind: "unreadable", message: `sallyport: the statement could not be analysed within ${error.ms} ms` };
    case "parser-failed":
      return { kind: "unreadable", message: "sallyport: the statement could not be analysed", detail: error.message };
  }
}
