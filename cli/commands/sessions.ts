import { readLog } from "../../runtime/record/index.ts";
import type { CanonicalValue, ReadEntry } from "../../spec/contract/record/index.ts";
import { plural } from "../../base/text.ts";
import { chooseCommand, onlyArgument, readArguments } from "../arguments.ts";
import { EXIT, UsageError, bold, printable, table, type Io } from "../io.ts";
import { logFolder } from "./log-folder.ts";

const HELP = `sallyport sessions: who did what, when, and what came back

  sallyport sessions list [--user NAME] [--target NAME] [--since TIME] [--json] [--config FILE | --log FOLDER]
  sallyport sessions show ID [--json] [--config FILE | --log FOLDER]

  ID              the session, or the beginning of its id
  --since TIME    sessions that began at or after it, such as 2026-01-31 or 2026-01-31T12:00:00Z
  --log FOLDER    the record's folder, or a copy of it
  --config FILE   the gateway's configuration (SALLYPORT_CONFIG; sallyport.yaml here)

Reads the record as it is, also beside a running gateway; sallyport audit verify proves it. What terminals and commands
showed is in files under recordings/ beside the record, which asciinema play shows; show names them.
`;

type Value = ReadEntry["value"];

export async function sessionsCommand(argv: readonly string[], io: Io): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined || name === "--help" || name === "-h") {
    io.stdout(HELP);
    return name === undefined ? EXIT.usage : EXIT.ok;
  }
  return chooseCommand(name, { list, show }, "sallyport sessions")(rest, io);
}

const OPTIONS = {
  json: { type: "boolean" },
  config: { type: "string" },
  log: { type: "string" },
  user: { type: "string" },
  target: { type: "string" },
  since: { type: "string" },
} as const;

interface Session {
  readonly sid: string;
  readonly user: string;
  readonly target: string;
  readonly from: string;
  readonly startedAt: number;
  ended: string;
  statements: number;
  refused: number;
  rows: number;
}

const text = (value: CanonicalValue | undefined): string => (typeof value === "string" ? value : "");
const number = (value: CanonicalValue | undefined): number => (typeof value === "number" ? value : 0);
const part = (value: Value, name: string, inner: string): CanonicalValue | undefined => {
  const outer = value[name];
  return typeof outer === "object" && outer !== null && !Array.isArray(outer) ? (outer as Value)[inner] : undefined;
};
const time = (ms: number): string => new Date(ms).toISOString();

async function list(argv: readonly string[], io: Io): Promise<number> {
  const { values } = readArguments(argv, OPTIONS);
  if (values.help === true) {
    io.stdout(HELP);
    return EXIT.ok;
  }
  const since = values.since === undefined ? 0 : Date.parse(values.since);
  if (Number.isNaN(since)) throw new UsageError(`--since: ${JSON.stringify(values.since)} is not a time`);
  const sessions = new Map<string, Session>();
  for await (const { value, type } of readLog(logFolder(values.log, values.config, io).store)) {
    const sid = text(value["sid"]);
    if (sid === "") continue;
    if (type === "session.start") {
      sessions.set(sid, {
        sid,
        user: text(part(value, "who", "user")),
        target: text(part(value, "on", "target")),
        from: text(value["from"]),
        startedAt: number(value["t"]),
        ended: "open",
        statements: 0,
        refused: 0,
        rows: 0,
      });
    }
    const session = sessions.get(sid);
    if (session === undefined) continue;
    if (type === "statement" && value["phase"] !== "parse") session.statements++;
    if (type === "statement" && value["refused"] !== undefined) session.refused++;
    if (type === "outcome") session.rows += number(value["rows"]);
    if (type === "session.end") session.ended = text(value["why"]);
    if (type === "session.aborted") session.ended = "aborted: the gateway was killed";
  }
  const shown = [...sessions.values()].filter(
    (one) =>
      (values.user === undefined || one.user === values.user) &&
      (values.target === undefined || one.target === values.target) &&
      one.startedAt >= since,
  );
  if (values.json === true) io.stdout(`${JSON.stringify(shown, null, 2)}\n`);
  else if (shown.length === 0) io.stdout("no sessions\n");
  else {
    const rows = shown.map((one) => [
      one.sid,
      time(one.startedAt),
      printable(one.user),
      printable(one.target),
      one.from,
      String(one.statements),
      String(one.refused),
      String(one.rows),
      printable(one.ended),
    ]);
    io.stdout(
      table(io, [["SESSION", "BEGAN", "USER", "TARGET", "FROM", "STATEMENTS", "REFUSED", "ROWS", "END"], ...rows]),
    );
  }
  return EXIT.ok;
}

async function show(argv: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = readArguments(argv, OPTIONS);
  if (values.help === true) {
    io.stdout(HELP);
    return EXIT.ok;
  }
  const id = onlyArgument(positionals, "ID");
  const entries: ReadEntry[] = [];
  const sids = new Set<string>();
  for await (const entry of readLog(logFolder(values.log, values.config, io).store)) {
    const sid = text(entry.value["sid"]);
    if (sid === "" || !sid.startsWith(id)) continue;
    sids.add(sid);
    entries.push(entry);
  }
  if (sids.size === 0) throw new UsageError(`there is no session ${id}; sallyport sessions list shows them`);
  if (sids.size > 1) throw new UsageError(`${sids.size} sessions begin with ${id}; give more of the id`);
  if (values.json === true) io.stdout(`${JSON.stringify(entries, null, 2)}\n`);
  else for (const entry of entries) io.stdout(lines(entry, io));
  return EXIT.ok;
}

const names = (value: CanonicalValue | undefined, before: string): string =>
  Array.isArray(value) && value.length > 0 ? `${before}${value.map((one) => printable(String(one))).join(", ")}` : "";

/** An entry as a person reads it. */
function lines({ index, type, value }: ReadEntry, io: Io): string {
  const head = `${time(number(value["t"]))}  #${index}  `;
  const pad = "    ";
  switch (type) {
    case "session.start":
      return `${head}${bold(io, printable(text(part(value, "who", "user"))))} signed in by ${text(part(value, "who", "method"))} from ${text(value["from"])} to ${printable(text(part(value, "on", "target")))}${value["tls"] === true ? ", encrypted" : ""}\n`;
    case "statement": {
      const rules = part(value, "decision", "deciding");
      // A refusal that no rule decided says itself why: by default, for an approval that is missing, for a limit.
      const by = Array.isArray(rules) && rules.length > 0 ? ` by ${rules.join(", ")}` : "";
      const masks = part(value, "decision", "masks");
      const verdict = value["refused"] === undefined ? text(part(value, "decision", "verdict")) : "refused";
      const out = [
        `${head}${bold(io, verdict)}${by}  ${text(value["phase"])}`,
        ...printable(text(value["text"]))
          .split("\n")
          .map((line) => `${pad}${line}`),
      ];
      const parameters = value["parameters"];
      if (Array.isArray(parameters) && parameters.length > 0)
        out.push(
          `${pad}with ${parameters.map((one, i) => `$${i + 1} = ${one === null ? "null" : printable(String(one))}`).join(", ")}`,
        );
      if (typeof parameters === "number") out.push(`${pad}with bound values in ${plural(parameters, "part")} above`);
      if (number(value["moreParts"]) > 0)
        out.push(`${pad}… and ${plural(number(value["moreParts"]), "more part")} of the text above`);
      if (Array.isArray(masks) && masks.length > 0) out.push(`${pad}under masks ${masks.join(", ")}`);
      if (value["refused"] !== undefined) out.push(`${pad}${printable(text(value["refused"]))}`);
      return `${out.join("\n")}\n`;
    }
    case "statement.text":
      return `${head}part ${number(value["part"])} of the ${text(value["of"])} of decision ${number(value["decision"])}\n${printable(text(value["text"]))}\n`;
    case "outcome": {
      const masked = value["masked"];
      const rows = number(value["rows"]);
      const out = [
        `${head}${text(value["status"])} ${printable(text(value["tag"]))}${value["sqlstate"] === undefined ? "" : ` (${text(value["sqlstate"])})`}: ${plural(rows, "row")}, ${number(value["bytes"])} bytes, ${(number(value["us"]) / 1000).toFixed(1)} ms`,
      ];
      if (Array.isArray(masked) && masked.length > 0) out.push(`${pad}masked: ${masked.join(", ")}`);
      const sample = value["sample"];
      if (Array.isArray(sample))
        for (const row of sample)
          out.push(
            `${pad}| ${(row as readonly CanonicalValue[]).map((cell) => (cell === null ? "∅" : printable(String(cell)))).join(" | ")}`,
          );
      return `${out.join("\n")}\n`;
    }
    case "approval":
      return `${head}approval ${text(value["approval"])} ${bold(io, text(value["step"]))}${value["by"] === null ? "" : ` by ${printable(text(value["by"]))}`}${value["reason"] === null ? "" : `: ${printable(text(value["reason"]))}`}\n`;
    case "recording": {
      const left = number(value["left"]);
      return `${head}recorded in recordings/${printable(text(value["name"]))}: ${number(value["bytes"])} bytes${left > 0 ? `, ${left} more were not kept` : ""}\n${pad}sha256 ${printable(text(value["digest"]))}\n`;
    }
    case "mask.predicates":
      return `${head}conditions over masked columns${value["substituted"] === true ? ", which saw masked values" : ""}${names(value["observed"], ", which saw the values of ")}\n`;
    case "alert":
      return `${head}alert ${printable(text(value["rule"]))}${names(value["channels"], " to ")}\n`;
    case "session.end":
      return `${head}ended: ${printable(text(value["why"]))} (${plural(number(value["statements"]), "statement")})\n`;
    case "session.aborted":
      return `${head}aborted: the gateway was killed\n`;
    default:
      return `${head}${type}\n`;
  }
}
