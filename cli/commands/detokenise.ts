import { readArguments } from "../arguments.ts";
import { controlClient, CONTROL_HELP, CONTROL_OPTIONS } from "../control-client.ts";
import { EXIT, UsageError, printable, type Io } from "../io.ts";

export const DETOKENISE_HELP = `sallyport detokenise: the values behind tokens that a mask put in their place

  sallyport detokenise TOKEN…

Members of the groups under tokens.reverse in the gateway's configuration may; each token that is asked for is recorded.

Options:
  --json            print an object with a value for each token
${CONTROL_HELP}
`;

const OPTIONS = { ...CONTROL_OPTIONS, json: { type: "boolean" } } as const;

export async function detokeniseCommand(argv: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = readArguments(argv, OPTIONS);
  if (values.help === true) {
    io.stdout(DETOKENISE_HELP);
    return EXIT.ok;
  }
  if (positionals.length === 0) throw new UsageError("a token is missing: sallyport detokenise TOKEN");
  const client = await controlClient(values, io);
  const found: Record<string, string> = {};
  for (const token of positionals) {
    const answer = (await client.post(`/v1/tokens/${encodeURIComponent(token)}/reverse`, {})) as { value: string };
    found[token] = answer.value;
    if (values.json !== true) io.stdout(`${printable(answer.value)}\n`);
  }
  if (values.json === true) io.stdout(`${JSON.stringify(found, null, 2)}\n`);
  return EXIT.ok;
}
