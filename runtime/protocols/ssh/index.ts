export * from "./requests.ts";
export * from "./sign-in-name.ts";
export * from "./refuse.ts";
export * from "./asciicast.ts";
export * from "./limits.ts";
export { LineEditor, type Typed } from "./line-editor.ts";
export { SftpMachine, type FileOutcome, type FileRuling, type SftpHost, type SftpWire } from "./sftp/machine.ts";
