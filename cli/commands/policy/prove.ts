import { prove, actionJson, showAction, type Proof } from "../../../compiler/index.ts";
import { checkFiles, hasErrors, placeOf, renderTerminal, type SourceFile } from "../../../lang/index.ts";
import { plural } from "../../../base/text.ts";
import { readArguments } from "../../arguments.ts";
import { EXIT, UsageError, type Io } from "../../io.ts";
import { policyFiles } from "./files.ts";

const HELP = `policyc prove: whether the rules keep to every invariant (\`never\`) of the policy, on every action

  policyc prove [--format human|json] [PATH…]

An invariant that is broken is printed with an action that breaks it, and with a test that fails until it is kept.

Exit codes: 0 all are proved; 1 some are broken, or the policy has errors; 2 wrong use; 7 some could not be decided.
`;

export function proveCommand(argv: readonly string[], io: Io): number {
  const { values, positionals } = readArguments(argv, { format: { type: "string" } });
  if (values.help === true) {
    io.stdout(HELP);
    return EXIT.ok;
  }
  const format = values.format ?? "human";
  if (format !== "human" && format !== "json") throw new UsageError("--format takes human, json");
  const files = policyFiles(positionals, io);
  const { policy, diagnostics } = checkFiles(files);
  if (hasErrors(diagnostics)) {
    io.stderr(renderTerminal(diagnostics, files, io.colour));
    return EXIT.findings;
  }
  const proofs = prove(policy);
  io.stdout(format === "json" ? `${JSON.stringify(proofs.map(proofJson), null, 2)}\n` : human(proofs, files));
  if (proofs.some((proof) => proof.kind === "refuted")) return EXIT.findings;
  return proofs.some((proof) => proof.kind === "inconclusive") ? EXIT.inconclusive : EXIT.ok;
}

function proofJson(proof: Proof): unknown {
  const { title, file } = proof.never;
  const base = { title, file, result: proof.kind };
  switch (proof.kind) {
    case "proved":
      return base;
    case "inconclusive":
      return { ...base, why: proof.why };
    case "refuted": {
      const { action, outcome, plain, test, unstated } = proof;
      return { ...base, action: actionJson(action), outcome, plain, test, unstated };
    }
  }
}

function human(proofs: readonly Proof[], files: readonly SourceFile[]): string {
  if (proofs.length === 0)
    return 'there is no invariant to prove; write one: never "nobody drops tables" on sql when statement.kind == drop_table\n';
  const lines: string[] = [];
  for (const proof of proofs) {
    const { title, file, span } = proof.never;
    const { line } = placeOf(files.find((one) => one.path === file)?.text ?? "", span.start);
    const at = `never ${JSON.stringify(title)} (${file}:${line})`;
    switch (proof.kind) {
      case "proved":
        lines.push(`proved        ${at}`);
        break;
      case "inconclusive":
        lines.push(`undecided     ${at}: ${proof.why}`);
        break;
      case "refuted": {
        const by = proof.outcome.deciding.join(", ");
        const verdict = proof.outcome.verdict === "allow" ? "is allowed" : "may be approved";
        lines.push(`broken        ${at}`, `  this action on ${proof.action.protocol} ${verdict} by ${by}:`);
        lines.push(...showAction(proof.action).map((one) => `    ${one}`));
        for (const column of proof.plain) lines.push(`  and ${column} comes back as it is`);
        lines.push("  a test that fails until the invariant is kept:", "", ...proof.test.split("\n"), "");
        for (const one of proof.unstated) lines.push(`  (no test can state that ${one})`);
        break;
      }
    }
  }
  const count = (kind: Proof["kind"]): number => proofs.filter((proof) => proof.kind === kind).length;
  lines.push(
    `${plural(proofs.length, "invariant")}: ${count("proved")} proved, ${count("refuted")} broken, ${count("inconclusive")} undecided`,
  );
  return `${lines.join("\n")}\n`;
}
