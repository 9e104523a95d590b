import { EXIT, type Io } from "../cli/io.ts";
import { overview, POLICY_COMMANDS } from "../cli/commands/policy/registry.ts";

const HEAD = `# policyc

Everything that is done with policies before a gateway runs them. Every command prints its own help with \`--help\`; this page is made from it, and \`UPDATE_GOLDENS=1 npm test -- tools/gen-policyc-page\` writes it anew.

Human text is the default. \`--format\` and \`--json\` give what scripts read, stable byte for byte: [diagnostics](../../spec/formats/diagnostics.md) in JSON, SARIF 2.1.0 for code scanning, workflow commands for GitHub Actions. \`NO_COLOR\` is respected. [In CI](ci.md) shows all of it together.

## Settings

\`policyc.yaml\` or \`.policyc.yaml\`, here or in the nearest folder above:

\`\`\`yaml
lint:
  rules:
    L053: off # by code
    constant-first: error # or by name
\`\`\`

One finding of the linter is ignored by a comment, with its reason: \`// lint-ignore L053: REASON\` before a rule, let, test or line, or behind a line. An ignore that ignores nothing is told.
`;

/** The guide's page of policyc, made from the commands' own help. */
export async function policycPage(): Promise<string> {
  const parts = [HEAD, `## Commands\n\n\`\`\`\n${overview().trimEnd()}\n\`\`\`\n`];
  for (const [name, { run }] of Object.entries(POLICY_COMMANDS)) {
    let help = "";
    const io: Io = {
      stdout: (text) => void (help += text),
      stderr: () => undefined,
      env: {},
      cwd: "/",
      colour: false,
      readStdin: () => Promise.resolve(""),
      askSecret: () => Promise.resolve(undefined),
    };
    const code = await run(["--help"], io);
    if (code !== EXIT.ok) throw new Error(`policyc ${name} --help ended with ${code}`);
    parts.push(`### ${name}\n\n\`\`\`\n${help.trimEnd()}\n\`\`\`\n`);
  }
  return parts.join("\n");
}
