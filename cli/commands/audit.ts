import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { TileMissing, checkLog, inclusionProof, proofFile, rangeRoots } from "../../runtime/record/index.ts";
import { parseVerifierKey } from "../../spec/contract/record/index.ts";
import { plural } from "../../base/text.ts";
import { chooseCommand, readArguments } from "../arguments.ts";
import { EXIT, UsageError, type Io } from "../io.ts";
import { checkRecordings } from "./audit-recordings.ts";
import { logFolder } from "./log-folder.ts";

const HELP = `sallyport audit: checks the record

  sallyport audit verify [--config FILE] [--key KEY] [--since FILE] [--recordings DIR] [--json]
  sallyport audit verify FOLDER --key KEY [--since FILE] [--recordings DIR] [--json]
  sallyport audit proof INDEX [FOLDER] [--config FILE]
  sallyport audit key [--config FILE]

  FOLDER        a copy of the record's folder (state/log); without it, the one of --config
  --key KEY     the verifier key, or a file that holds it; sallyport audit key prints it. Without it, and with a
                configuration, the one of the gateway's own log.key
  --since FILE  a checkpoint from earlier: proves that the record only grew since then
  --recordings DIR
                the recordings (state/recordings, or a copy): each that the record names must be there as it was
  --config FILE the gateway's configuration (SALLYPORT_CONFIG; sallyport.yaml here)

verify needs nothing but the folder and the key. proof prints a file (c2sp.org/tlog-proof) that shows one entry to be in
the record, without the rest of it. Exit codes: 0 the record is whole; 1 it is not; 2 wrong use.
`;

export async function auditCommand(argv: readonly string[], io: Io): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined || name === "--help" || name === "-h") {
    io.stdout(HELP);
    return name === undefined ? EXIT.usage : EXIT.ok;
  }
  return chooseCommand(name, { verify, proof, key }, "sallyport audit")(rest, io);
}

const OPTIONS = {
  key: { type: "string" },
  since: { type: "string" },
  recordings: { type: "string" },
  json: { type: "boolean" },
  config: { type: "string" },
} as const;

async function verify(argv: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = readArguments(argv, OPTIONS);
  if (values.help === true) {
    io.stdout(HELP);
    return EXIT.ok;
  }
  const folder = logFolder(positionals[0], values.config, io);
  const keyText = values.key === undefined ? folder.verifierKey : fileOrText(values.key, io);
  if (keyText === null)
    throw new UsageError("--key is missing: a record is checked against a key that you hold, not one found beside it");
  const verifier = parseVerifierKey(keyText);
  if (verifier === undefined)
    throw new UsageError("--key is not a verifier key (name+hash+base64); sallyport audit key prints the gateway's");
  const since = values.since === undefined ? null : resolve(io.cwd, values.since);
  if (since !== null && !existsSync(since)) throw new UsageError(`--since: there is no file ${values.since}`);
  const older = since === null ? null : readFileSync(since, "utf8");
  const recordings = values.recordings === undefined ? null : resolve(io.cwd, values.recordings);
  if (recordings !== null && !existsSync(recordings))
    throw new UsageError(`--recordings: there is no folder ${values.recordings}`);
  const log = await checkLog(folder.store, verifier, older);
  const checked = recordings === null ? null : await checkRecordings(folder.store, recordings);
  const findings = [...log.findings, ...(checked?.findings ?? [])];
  const report = { ...log, ok: findings.length === 0, findings, recordings: checked?.count ?? null };
  if (values.json === true) io.stdout(`${JSON.stringify(report, null, 2)}\n`);
  else {
    for (const finding of report.findings) io.stdout(`FOUND  ${finding}\n`);
    io.stdout(
      report.ok
        ? `The record of ${report.origin} is whole: ${plural(report.size, "entry", "entries")} under the signed root ${report.root}, ${report.behind} newer in the write-ahead log, ${plural(report.sessions, "session")}${checked === null ? "" : `, ${plural(checked.count, "recording")} as recorded`}.\n`
        : `The record of ${report.origin} is NOT whole: ${plural(report.findings.length, "finding")}.\n`,
    );
  }
  return report.ok ? EXIT.ok : EXIT.findings;
}

/** The proof of one entry, in the form of c2sp.org/tlog-proof. */
async function proof(argv: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = readArguments(argv, OPTIONS);
  if (values.help === true) {
    io.stdout(HELP);
    return EXIT.ok;
  }
  const [number, folder] = positionals;
  if (number === undefined || !/^(0|[1-9]\d{0,15})$/.test(number))
    throw new UsageError("give the number of an entry; sallyport sessions show prints it behind #");
  const index = Number(number);
  const { store } = logFolder(folder, values.config, io);
  const note = (await store.read("checkpoint"))?.toString("utf8");
  const size = Number(note?.split("\n")[1] ?? 0);
  if (note === undefined || !(index < size))
    throw new UsageError(`the checkpoint covers ${size} entries, so there is no proof of #${index} (yet)`);
  try {
    io.stdout(proofFile(index, await inclusionProof(index, size, rangeRoots(store, size)), note));
  } catch (fault) {
    if (!(fault instanceof TileMissing)) throw fault;
    io.stderr(`${fault.message}; sallyport audit verify tells more\n`);
    return EXIT.findings;
  }
  return EXIT.ok;
}

function key(argv: readonly string[], io: Io): Promise<number> {
  const { values } = readArguments(argv, OPTIONS);
  if (values.help === true) {
    io.stdout(HELP);
    return Promise.resolve(EXIT.ok);
  }
  const found = logFolder(undefined, values.config, io).verifierKey;
  if (found === null) throw new UsageError("the gateway has not signed anything yet; start it once");
  io.stdout(`${found}\n`);
  return Promise.resolve(EXIT.ok);
}

function fileOrText(given: string, io: Io): string {
  const path = resolve(io.cwd, given);
  return existsSync(path) ? readFileSync(path, "utf8") : given;
}
