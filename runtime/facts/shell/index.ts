export { readCommandLine, type CommandLine, type ShellCommand } from "./command-line.ts";
export { canonicalPath } from "./paths.ts";
export { COMMAND_LINE_BYTES_MAX } from "./limits.ts";
