import { readArguments } from "../arguments.ts";
import { call, controlAddress, controlClient, CONTROL_HELP, CONTROL_OPTIONS, Refused } from "../control-client.ts";
import { EXIT, printable, type Io } from "../io.ts";

export const STATUS_HELP = `sallyport status: how a running gateway is

  sallyport status             its bundle, record, sessions and approvals in numbers (needs a sign-in)
  sallyport status --health    whether it can do its work (needs none); exit code 1 when it can't

Options:
  --json            print the gateway's answer as JSON
${CONTROL_HELP}
`;

export async function statusCommand(argv: readonly string[], io: Io): Promise<number> {
  const { values } = readArguments(argv, {
    ...CONTROL_OPTIONS,
    json: { type: "boolean" },
    health: { type: "boolean" },
  });
  if (values.help === true) {
    io.stdout(STATUS_HELP);
    return EXIT.ok;
  }
  if (values.health === true) return health(values.json === true, controlAddress(values, io), io);
  const client = await controlClient(values, io);
  const status = await client.get("/v1/status");
  io.stdout(values.json === true ? `${JSON.stringify(status, null, 2)}\n` : lines(status, ""));
  return EXIT.ok;
}

async function health(json: boolean, address: ReturnType<typeof controlAddress>, io: Io): Promise<number> {
  try {
    const answer = await call(address, "GET", "/healthz", undefined, undefined);
    io.stdout(json ? `${JSON.stringify(answer)}\n` : "ok\n");
    return EXIT.ok;
  } catch (fault) {
    if (!(fault instanceof Refused)) throw fault;
    io.stdout(
      json
        ? `${JSON.stringify({ status: "failing", problem: fault.message })}\n`
        : `failing: ${printable(fault.message)}\n`,
    );
    return EXIT.findings;
  }
}

/** Names and values, one on a line; nested ones under dotted names. */
function lines(value: unknown, prefix: string): string {
  if (typeof value !== "object" || value === null) return `${prefix}: ${printable(String(value))}\n`;
  if (Array.isArray(value) && value.every((one) => typeof one !== "object"))
    return `${prefix}: ${printable(value.join(", "))}\n`;
  return Object.entries(value)
    .map(([name, member]) => lines(member, prefix === "" ? name : `${prefix}.${name}`))
    .join("");
}
