import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EXIT } from "./io.ts";
import { VERSION } from "./version.ts";

/**
 * What can't be gone on from: a system's refusal (a full disk, a file that may not be written) is told in a line, anything
 * else is a bug of ours and leaves a file to send with a report. No content of any policy goes into it.
 *
 * @returns the exit code
 */
export function reportFault(program: string, fault: unknown, argv: readonly string[]): number {
  const say = (text: string): void => void process.stderr.write(`${program}: ${text}\n`);
  if (fault instanceof Error && "syscall" in fault && "code" in fault) {
    say(fault.message);
    return EXIT.usage;
  }
  const trace = fault instanceof Error ? (fault.stack ?? fault.message) : String(fault);
  const report = [
    `${program} ${VERSION}, Node ${process.version}, ${process.platform} ${process.arch}`,
    `arguments: ${JSON.stringify(argv)}`,
    trace,
    "",
  ].join("\n");
  try {
    const file = join(mkdtempSync(join(tmpdir(), `${program}-crash-`)), "report.txt");
    writeFileSync(file, report, { mode: 0o600 });
    say(`this is a bug of ${program}, not of your files. Please report it with ${file}`);
  } catch {
    say(`this is a bug of ${program}, not of your files. Please report it:\n${report}`);
  }
  return EXIT.fault;
}
