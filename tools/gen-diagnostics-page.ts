import { cataloguePages, lintPages, type Page } from "../lang/index.ts";

const HEAD = `# Diagnostics

Every code that \`policyc check\` and \`policyc lint\` tell, as \`policyc explain CODE\` prints it. Made from the catalogue and the rules of the linter; \`UPDATE_GOLDENS=1 npm test -- tools/gen-diagnostics-page\` writes it anew.
`;

/** Examples stand two columns to the right, what they are called in front of them. */
function bodyOf(text: string): string {
  return text
    .split("\n\n")
    .map((part) => {
      const [first = "", ...rest] = part.split("\n");
      if (part.startsWith("  ")) return fence(part);
      return rest.length > 0 && rest.every((line) => line === "" || line.startsWith("  "))
        ? `${first}\n\n${fence(rest.join("\n"))}`
        : part;
    })
    .join("\n\n");
}

const fence = (text: string): string => `\`\`\`\n${text.replaceAll(/^ {2}/gm, "")}\n\`\`\``;

const section = (page: Page): string =>
  `### ${page.code} ${page.name}\n\n${page.severity === "error" ? "An error." : "A warning."} ${bodyOf(page.text)}\n`;

/** The guide's page of diagnostics: one heading for each code, which reports and editors link to. */
export const diagnosticsPage = (): string =>
  [HEAD, "## Of the language\n", ...cataloguePages.map(section), "## Of the linter\n", ...lintPages.map(section)].join(
    "\n",
  );
