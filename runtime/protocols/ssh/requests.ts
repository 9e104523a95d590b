import { ABSENT, UNKNOWN, type FactValue, type FileOperation } from "../../../spec/contract/facts/index.ts";
import { canonicalPath, readCommandLine, type CommandLine } from "../../facts/index.ts";
import { OPEN } from "./sftp/packets.ts";

/** What a client says of a file's attributes; what it does not speak of is left out. */
export interface FileAttributes {
  readonly bytes?: number;
  readonly owner?: number;
  readonly group?: number;
  readonly mode?: number;
  /** Seconds since 1970. */
  readonly accessed?: number;
  readonly modified?: number;
}

/** A text that could not be settled is null. */
export interface FileAction {
  readonly operation: FileOperation;
  readonly path: string | null;
  /** Where a rename or link leads; undefined for operations that lead nowhere. */
  readonly destination?: string | null;
  readonly attributes?: FileAttributes;
  /** How a file is opened, as SFTP's bits. */
  readonly flags?: number;
  /** Name of an operation that is an extension. */
  readonly extension?: string;
}

/** What a client asks for on an SSH connection, each decided by itself (RFC 4254, and OpenSSH's PROTOCOL). */
export type SshRequest =
  | { readonly kind: "exec" | "line"; readonly command: string; readonly line: CommandLine; readonly pty: boolean }
  | {
      readonly kind: "scp";
      readonly command: string;
      readonly line: CommandLine;
      readonly pty: boolean;
      readonly file: FileAction;
    }
  | { readonly kind: "shell"; readonly pty: boolean }
  | { readonly kind: "pty"; readonly terminal: string }
  | { readonly kind: "env"; readonly name: string; readonly value: string }
  | { readonly kind: "subsystem"; readonly name: string }
  | { readonly kind: "sftp"; readonly file: FileAction }
  | { readonly kind: "direct_tcpip" | "tcpip_forward"; readonly host: string; readonly port: number }
  | { readonly kind: "direct_streamlocal" | "streamlocal_forward"; readonly host: string }
  | { readonly kind: "agent_forward" }
  | { readonly kind: "x11" };

/** A command that a client wants run. A copy in scp's own protocol is one of its own kind. */
export function execRequest(command: string, pty: boolean, home: string | null): SshRequest {
  const line = readCommandLine(command, home);
  const file = scpAction(line, home);
  return file === null ? { kind: "exec", command, line, pty } : { kind: "scp", command, line, pty, file };
}

export const lineRequest = (command: string, pty: boolean, folder: string | null): SshRequest => ({
  kind: "line",
  command,
  line: readCommandLine(command, folder),
  pty,
});

/** The server's side of scp's old protocol: `scp -t PATH` takes files, `scp -f PATH` gives them. */
function scpAction(line: CommandLine, home: string | null): FileAction | null {
  const [command, ...more] = line.commands;
  if (!line.parsed || command?.program !== "scp" || more.length > 0) return null;
  const flags = command.arguments.filter((arg) => /^-[a-zA-Z]+$/.test(arg)).join("");
  const takes = flags.includes("t");
  if (takes === flags.includes("f")) return null;
  const paths = command.arguments.filter((arg) => !arg.startsWith("-"));
  const path = command.known && paths.length === 1 ? canonicalPath(paths[0]!, home ?? "~") : null;
  return { operation: takes ? "open_write" : "open_read", path };
}

const settled = (value: string | null | undefined): FactValue =>
  value === undefined ? ABSENT : value === null ? UNKNOWN : value;

/** The facts of a request by path; undefined for those of the session. */
export function sshFacts(request: SshRequest, pty: boolean): (path: string) => FactValue | undefined {
  const command = "command" in request ? request : null;
  const line = command?.line ?? null;
  const file = "file" in request ? request.file : null;
  /** Of a line that can't be read, or may run anything, nothing is known for certain. */
  const open = line !== null && (!line.parsed || line.expands);
  const found = (value: FactValue): FactValue => (line === null ? new Set<string>() : open ? UNKNOWN : value);
  const paths = (values: ReadonlySet<string> | null | undefined, own: boolean): FactValue => {
    if (file !== null && line === null) {
      const all = own ? pathsOf(file) : [];
      return all.includes(null) ? UNKNOWN : new Set(all as string[]);
    }
    return found(values ?? UNKNOWN);
  };
  return (path) => {
    switch (path) {
      case "channel.kind":
        return request.kind;
      case "channel.pty":
        return pty;
      case "command.text":
        return command?.command ?? ABSENT;
      case "command.parsed":
        return line?.parsed ?? true;
      case "command.programs":
        return found(new Set(line?.commands.map((one) => one.program)));
      case "command.commands":
        return line === null
          ? []
          : open
            ? UNKNOWN
            : line.commands.map((one) => ({
                program: one.program,
                path: one.path,
                arguments: one.arguments,
                writes: one.writes,
                known: one.known,
              }));
      case "command.arguments":
        return found(line?.arguments ?? UNKNOWN);
      case "command.reads":
        return paths(line?.reads, file !== null && READS.has(file.operation));
      case "command.writes":
        return paths(line?.writes, file !== null && !READS.has(file.operation));
      case "command.expands":
        return line === null ? false : line.parsed ? line.expands : UNKNOWN;
      case "file.operation":
        return file?.operation ?? ABSENT;
      case "file.path":
        return file === null ? ABSENT : settled(file.path);
      case "file.destination":
        return settled(file?.destination);
      case "file.bytes":
        return file?.attributes?.bytes ?? ABSENT;
      case "forward.host":
        return "host" in request ? request.host : ABSENT;
      case "forward.port":
        return "port" in request ? request.port : ABSENT;
      case "environment.name":
        return request.kind === "env" ? request.name : ABSENT;
      case "environment.value":
        return request.kind === "env" ? request.value : ABSENT;
      case "subsystem.name":
        return request.kind === "subsystem" ? request.name : ABSENT;
      default:
        // A fact of the request that is not worked out here is not known, and never absent.
        return /^(channel|command|file|forward|environment|subsystem)\./.test(path) ? UNKNOWN : undefined;
    }
  };
}

/** Operations that change nothing. */
export const READS: ReadonlySet<FileOperation> = new Set(["open_read", "list", "stat", "read_link", "real_path"]);

const pathsOf = (file: FileAction): readonly (string | null)[] =>
  file.destination === undefined ? [file.path] : [file.path, file.destination];

/** What else there is to know before saying yes to an operation on a file. */
function detailsOf({ flags = 0, attributes = {} }: FileAction): readonly string[] {
  const { bytes, owner, group, mode, modified } = attributes;
  return [
    ...((flags & OPEN.truncate) === 0 ? [] : ["emptied first"]),
    ...(mode === undefined ? [] : [`mode ${(mode & 0o7777).toString(8).padStart(4, "0")}`]),
    ...(owner === undefined ? [] : [`owner ${owner}:${group}`]),
    ...(bytes === undefined ? [] : [`size ${bytes}`]),
    ...(modified === undefined ? [] : [`modified ${new Date(modified * 1000).toISOString()}`]),
  ];
}

/** A request in one line, for the record and for approvers. */
export function describeRequest(request: SshRequest): string {
  switch (request.kind) {
    case "exec":
    case "line":
    case "scp":
      return request.command;
    case "shell":
      return request.pty ? "an interactive shell" : "a shell without a terminal";
    case "pty":
      return `a terminal (${request.terminal})`;
    case "env":
      return `${request.name}=${request.value}`;
    case "subsystem":
      return request.name;
    case "sftp": {
      const { operation, extension, path, destination } = request.file;
      const name = extension === undefined ? operation : `${operation} ${extension}`;
      const details = detailsOf(request.file);
      const leads = destination === undefined ? "" : ` → ${destination ?? "?"}`;
      return `${name} ${path ?? "?"}${leads}${details.length === 0 ? "" : ` (${details.join(", ")})`}`;
    }
    case "direct_tcpip":
    case "tcpip_forward":
      return `${request.host}:${request.port}`;
    case "direct_streamlocal":
    case "streamlocal_forward":
      return request.host;
    case "agent_forward":
      return "agent forwarding";
    case "x11":
      return "X11 forwarding";
  }
}

/** What a request would be carried out with, and where. */
export interface Surroundings {
  /** The terminal's name; null without a terminal. */
  readonly terminal: string | null;
  readonly environment: readonly (readonly [string, string])[];
  /** Null: the account's home folder. */
  readonly folder: string | null;
}

/** Everything that would go upstream for a request, as bytes that a grant is bound to. */
export function exactRequest(request: SshRequest, { terminal, environment, folder }: Surroundings): Buffer {
  const { kind } = request;
  const file = "file" in request && kind === "sftp" ? request.file : null;
  return Buffer.from(
    JSON.stringify([
      kind,
      describeRequest(request),
      "pty" in request ? request.pty : false,
      terminal,
      environment,
      folder,
      file === null ? null : exactFile(file),
    ]),
  );
}

function exactFile({ operation, path, destination, attributes = {}, flags }: FileAction): unknown {
  const { bytes, owner, group, mode, accessed, modified } = attributes;
  // In JSON's lists what is left out is null.
  return [operation, path, destination, flags, bytes, owner, group, mode, accessed, modified];
}
