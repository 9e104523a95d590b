import type { TextDecoder } from "node:util";
import type { Analysis, AnalysisError } from "./analysis.ts";
import { analyseTree } from "./analyse.ts";
import type { NameContext } from "./lineage/context.ts";
import type { Json } from "./tree.ts";

/** Decodes, parses and analyses one text. Throws what the parser throws. */
export function analyseParsed(
  bytes: Uint8Array,
  parse: (text: string) => unknown,
  decoder: TextDecoder,
  names: NameContext,
): Analysis | AnalysisError {
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    return { kind: "not-utf8" };
  }
  // The parser takes no text without any character; the server answers it with EmptyQueryResponse.
  const tree = text.trim() === "" ? { stmts: [] } : (parse(text) as Json);
  return analyseTree(bytes, tree, names);
}
