import { BOOL, INT, STRING, enumOf, fact, listOf, recordOf, setOf, type Fact } from "./schema.ts";

/** What a client asks of an SSH connection: a channel, a request on it, or one operation of a file transfer. */
export const SSH_KINDS = [
  "exec",
  "shell",
  "line",
  "pty",
  "env",
  "subsystem",
  "sftp",
  "scp",
  "direct_tcpip",
  "tcpip_forward",
  "direct_streamlocal",
  "streamlocal_forward",
  "agent_forward",
  "x11",
] as const;
export type SshKind = (typeof SSH_KINDS)[number];

export const FILE_OPERATIONS = [
  "open_read",
  "open_write",
  "open_append",
  "list",
  "stat",
  "read_link",
  "real_path",
  "rename",
  "remove",
  "make_directory",
  "remove_directory",
  "symlink",
  "link",
  "set_attributes",
  "extended",
] as const;
export type FileOperation = (typeof FILE_OPERATIONS)[number];

const COMMAND = recordOf("ShellCommand", [
  { name: "program", type: STRING, doc: "The program's name as written, without its folder: `rm` for `/bin/rm`." },
  { name: "path", type: STRING, doc: "The program as written: `/bin/rm`." },
  { name: "arguments", type: listOf(STRING), doc: "Its arguments, with quotes resolved." },
  { name: "writes", type: listOf(STRING), doc: "Files that its redirections write." },
  { name: "known", type: BOOL, doc: "False when the program or an argument comes from an expansion." },
]);

/** Facts of one action on an SSH connection. */
export const SSH_FACTS = [
  fact("channel.kind", enumOf("SshKind", SSH_KINDS), "execution", "What is asked for."),
  fact("channel.pty", BOOL, "execution", "Whether a terminal was asked for on this channel."),
  fact("target.account", STRING, "session", "The account on the target that the gateway signs in to."),
  fact("command.text", STRING, "execution", "The command line, as the client sent it.", "optional"),
  fact(
    "command.parsed",
    BOOL,
    "execution",
    "Whether the command line could be read as a shell would; true without one.",
  ),
  fact("command.programs", setOf(STRING), "execution", "Every program named, also in `sh -c`, `sudo`, `env`, `xargs`."),
  fact("command.commands", listOf(COMMAND), "execution", "Every simple command, in order."),
  fact("command.arguments", setOf(STRING), "execution", "Every argument of every command."),
  fact(
    "command.reads",
    setOf(STRING),
    "execution",
    "Paths that are read: redirections, file transfers, known programs.",
  ),
  fact("command.writes", setOf(STRING), "execution", "Paths that are written, created, moved or removed, likewise."),
  fact(
    "command.expands",
    BOOL,
    "execution",
    "Something may be run that can't be told: by a name, an option or a text.",
  ),
  fact(
    "file.operation",
    enumOf("FileOperation", FILE_OPERATIONS),
    "execution",
    "The operation of a transfer.",
    "optional",
  ),
  fact("file.path", STRING, "execution", "Its path, made canonical.", "optional"),
  fact("file.destination", STRING, "execution", "Where a rename or link leads, made canonical.", "optional"),
  fact("file.bytes", INT, "execution", "The size that the client announced.", "optional"),
  fact(
    "forward.host",
    STRING,
    "execution",
    "The host, or path of a socket, that is to be reached or listened on.",
    "optional",
  ),
  fact("forward.port", INT, "execution", "The port that is to be reached or listened on.", "optional"),
  fact("environment.name", STRING, "execution", "The variable that is to be set.", "optional"),
  fact("environment.value", STRING, "execution", "Its value.", "optional"),
  fact("subsystem.name", STRING, "execution", "The subsystem asked for.", "optional"),
] as const satisfies readonly Fact[];
