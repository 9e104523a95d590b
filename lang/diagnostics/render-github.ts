import type { SourceFile } from "../source/index.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { regionOf, textsOf } from "./render-json.ts";

/**
 * Workflow commands that put messages beside the lines of a pull request.
 * Source: GitHub, "Workflow commands for GitHub Actions" (escapes: `%`, CR and LF everywhere, `:` and `,` in properties).
 */
export function renderGithub(found: readonly Diagnostic[], files: readonly SourceFile[]): string {
  const texts = textsOf(files);
  return found
    .map((one) => {
      const at = regionOf(one.span, texts);
      // A place over several lines has no columns there.
      const columns = at.line === at.endLine ? [`col=${at.column}`, `endColumn=${at.endColumn}`] : [];
      const properties = [
        `file=${property(at.file)}`,
        `line=${at.line}`,
        `endLine=${at.endLine}`,
        ...columns,
        `title=${property(`${one.code} ${one.name}`)}`,
      ];
      const message = one.hint === undefined ? one.message : `${one.message}; ${one.hint}`;
      return `::${one.severity} ${properties.join(",")}::${data(message)}\n`;
    })
    .join("");
}

const data = (text: string): string => text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
const property = (text: string): string => data(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
