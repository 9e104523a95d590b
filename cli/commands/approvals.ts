import type { ApprovalView } from "../../runtime/control/index.ts";
import { chooseCommand, onlyArgument, readArguments } from "../arguments.ts";
import { controlClient, CONTROL_HELP, CONTROL_OPTIONS } from "../control-client.ts";
import { bold, EXIT, printable, table, type Io } from "../io.ts";

export const APPROVALS_HELP = `sallyport approvals: what waits for a person, and the decision on it

  sallyport approvals list [--state STATE]          requests that wait (or pending, approved, used, denied, expired, withdrawn, revoked, all)
  sallyport approvals show ID                       what exactly would run, why it waits, who granted
  sallyport approvals approve ID [--reason TEXT]    let it run
  sallyport approvals deny ID [--reason TEXT]       don't; takes back a grant that was not used yet

Options:
  --json            print the gateway's answer as JSON
${CONTROL_HELP}
`;

const OPTIONS = {
  ...CONTROL_OPTIONS,
  json: { type: "boolean" },
  reason: { type: "string" },
  state: { type: "string" },
} as const;
type Parsed = ReturnType<typeof readArguments<typeof OPTIONS>>;

export async function approvalsCommand(argv: readonly string[], io: Io): Promise<number> {
  const parsed = readArguments(argv, OPTIONS);
  const [name = "list", ...rest] = parsed.positionals;
  if (parsed.values.help === true) {
    io.stdout(APPROVALS_HELP);
    return EXIT.ok;
  }
  const run = chooseCommand(
    name,
    { list, show, approve: decide("approve"), deny: decide("deny") },
    "sallyport approvals",
  );
  return run(parsed, rest, io);
}

async function list({ values }: Parsed, _rest: readonly string[], io: Io): Promise<number> {
  const client = await controlClient(values, io);
  const answer = (await client.get(`/v1/approvals?state=${encodeURIComponent(values.state ?? "pending")}`)) as {
    approvals: ApprovalView[];
  };
  if (values.json === true) io.stdout(`${JSON.stringify(answer, null, 2)}\n`);
  else if (answer.approvals.length === 0)
    io.stdout(values.state === undefined ? "Nothing waits for a decision.\n" : "There is none.\n");
  else io.stdout(table(io, [["ID", "STATE", "REQUESTER", "TARGET", "UNTIL", "WHAT"], ...answer.approvals.map(rowOf)]));
  return EXIT.ok;
}

const rowOf = (one: ApprovalView): readonly string[] => [
  one.id,
  one.state,
  printable(one.requester),
  printable(one.target),
  one.expiresAt.slice(0, 19).replace("T", " "),
  shortened(one.summary),
];

function shortened(text: string): string {
  const line = printable(text.replace(/\s+/g, " ").trim());
  return line.length <= 80 ? line : `${line.slice(0, 79)}…`;
}

async function show({ values }: Parsed, rest: readonly string[], io: Io): Promise<number> {
  const id = onlyArgument(rest, "the approval's id");
  const client = await controlClient(values, io);
  const one = (await client.get(`/v1/approvals/${encodeURIComponent(id)}`)) as ApprovalView;
  io.stdout(values.json === true ? `${JSON.stringify(one, null, 2)}\n` : described(io, one));
  return EXIT.ok;
}

function described(io: Io, one: ApprovalView): string {
  const lines = [
    `${bold(io, one.id)}  ${one.state}`,
    `${printable(one.requester)} on ${printable(one.target)}, asked ${one.createdAt}`,
  ];
  if (one.state === "pending") lines.push(`denied by itself at ${one.expiresAt}`);
  if (one.state === "approved") lines.push(`may run until ${one.expiresAt}`);
  lines.push(
    "",
    ...printable(one.summary)
      .split("\n")
      .map((line) => `    ${line}`),
    "",
  );
  for (const rule of one.rules) {
    const from = [...rule.groups.map((group) => `group ${group}`), ...rule.users].join(", ");
    lines.push(`${rule.name}: ${rule.granted} of ${rule.quorum} granted, by ${printable(from)}`);
    if (rule.because !== null) lines.push(`    ${printable(rule.because)}`);
  }
  for (const vote of one.votes)
    lines.push(
      `granted by ${printable(vote.by)} at ${vote.at}${vote.reason === null ? "" : `: ${printable(vote.reason)}`}`,
    );
  if (one.decidedBy !== null && one.state !== "approved" && one.state !== "used")
    lines.push(`${one.state} by ${printable(one.decidedBy)}${one.reason === null ? "" : `: ${printable(one.reason)}`}`);
  lines.push(`digest ${one.digest}`);
  return `${lines.join("\n")}\n`;
}

const decide =
  (vote: "approve" | "deny") =>
  async ({ values }: Parsed, rest: readonly string[], io: Io): Promise<number> => {
    const id = onlyArgument(rest, "the approval's id");
    const client = await controlClient(values, io);
    const one = (await client.post(`/v1/approvals/${encodeURIComponent(id)}/${vote}`, {
      reason: values.reason ?? null,
    })) as ApprovalView;
    if (values.json === true) io.stdout(`${JSON.stringify(one, null, 2)}\n`);
    else if (one.state === "pending") {
      const missing = one.rules
        .filter((rule) => rule.granted < rule.quorum)
        .map((rule) => `${rule.name}: ${rule.granted} of ${rule.quorum}`);
      io.stdout(`${one.id} has your grant and waits for others (${missing.join("; ")}).\n`);
    } else io.stdout(`${one.id} is ${one.state}.\n`);
    return EXIT.ok;
  };
