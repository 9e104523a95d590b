import { err, ok, type Result } from "../../../../base/result.ts";
import type { FileOperation } from "../../../../spec/contract/facts/index.ts";
import { SFTP_HANDLE_BYTES_MAX, SFTP_PATH_BYTES_MAX } from "../limits.ts";
import type { FileAttributes } from "../requests.ts";

/** Packets of SFTP version 3 (draft-ietf-secsh-filexfer-02, and the extensions of OpenSSH's PROTOCOL). */
export const FXP = {
  init: 1,
  version: 2,
  open: 3,
  close: 4,
  read: 5,
  write: 6,
  lstat: 7,
  fstat: 8,
  setstat: 9,
  fsetstat: 10,
  opendir: 11,
  readdir: 12,
  remove: 13,
  mkdir: 14,
  rmdir: 15,
  realpath: 16,
  stat: 17,
  rename: 18,
  readlink: 19,
  symlink: 20,
  status: 101,
  handle: 102,
  data: 103,
  name: 104,
  attrs: 105,
  extended: 200,
  extendedReply: 201,
} as const;

export const STATUS = {
  ok: 0,
  eof: 1,
  noSuchFile: 2,
  permissionDenied: 3,
  failure: 4,
  badMessage: 5,
  unsupported: 8,
} as const;

/** Bits of an open request. */
export const OPEN = { read: 1, write: 2, append: 4, create: 8, truncate: 16, exclusive: 32 } as const;

/** How the last part of a path is meant when it is a link. */
export type Follow = "follow" | "keep";

interface PathPart {
  readonly text: string;
  readonly follow: Follow;
  /** Where the string's length stands in the packet, and where the string ends. */
  readonly start: number;
  readonly end: number;
}

/** A request of the client, decoded as far as it matters. Places are counted from the packet's kind (its length is not in). */
export type SftpRequest =
  | { readonly kind: "init"; readonly version: number }
  | {
      readonly kind: "paths";
      readonly id: number;
      /** What it is decided as; an open for both ways is decided as either. */
      readonly operations: readonly FileOperation[];
      readonly paths: readonly PathPart[];
      readonly attributes: FileAttributes | null;
      /** Bits of an open. */
      readonly flags: number | null;
      /** Where what is understood of it ends: only that is passed on. */
      readonly end: number;
      readonly opens: "file" | "folder" | null;
      readonly extension: string | null;
    }
  | {
      readonly kind: "handle";
      readonly id: number;
      readonly type: number;
      readonly handle: string;
      /** Set when it is an operation on the file itself, which is decided. */
      readonly attributes: FileAttributes | null;
      readonly end: number;
    }
  | { readonly kind: "realpath"; readonly id: number; readonly path: PathPart }
  /** Asks for something that concerns no file: limits of the server. */
  | { readonly kind: "plain"; readonly id: number }
  | { readonly kind: "unsupported"; readonly id: number; readonly what: string };

/** Extensions of which it is known what they do; others are not passed on, and not offered to the client. */
export const EXTENSIONS = {
  "posix-rename@openssh.com": "rename",
  "hardlink@openssh.com": "link",
  "statvfs@openssh.com": "stat",
  "lsetstat@openssh.com": "set_attributes",
  "fstatvfs@openssh.com": "handle",
  "fsync@openssh.com": "handle",
  "limits@openssh.com": "plain",
} as const;
export type ExtensionName = keyof typeof EXTENSIONS;

const isExtension = (name: string): name is ExtensionName => Object.hasOwn(EXTENSIONS, name);

class Fields {
  readonly bytes: Buffer;
  at: number;
  fault: string | null = null;

  constructor(bytes: Buffer, at: number) {
    this.bytes = bytes;
    this.at = at;
  }

  uint32(): number {
    if (this.at + 4 > this.bytes.length) {
      this.fault ??= "it is cut off";
      return 0;
    }
    this.at += 4;
    return this.bytes.readUInt32BE(this.at - 4);
  }

  string(max: number): Buffer {
    const length = this.uint32();
    if (length > max) this.fault ??= `a text of ${length} bytes is longer than ${max}`;
    else if (this.at + length > this.bytes.length) this.fault ??= "it is cut off";
    if (this.fault !== null) return Buffer.alloc(0);
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  path(follow: Follow): PathPart {
    const start = this.at;
    const bytes = this.string(SFTP_PATH_BYTES_MAX);
    const text = bytes.toString("utf8");
    if (text.includes("\0") || text.includes("\ufffd")) this.fault ??= "a path is not UTF-8, or holds a zero byte";
    return { text, follow, start, end: this.at };
  }

  /** Attributes: flags, and what they announce. */
  attributes(): FileAttributes {
    const flags = this.uint32();
    if ((flags & ~0xf) !== 0) this.fault ??= "its attributes have a form that is not known";
    return {
      ...((flags & 1) === 0 ? {} : { bytes: this.uint32() * 0x1_0000_0000 + this.uint32() }),
      ...((flags & 2) === 0 ? {} : { owner: this.uint32(), group: this.uint32() }),
      ...((flags & 4) === 0 ? {} : { mode: this.uint32() }),
      ...((flags & 8) === 0 ? {} : { accessed: this.uint32(), modified: this.uint32() }),
    };
  }
}

const paths = (
  f: Fields,
  id: number,
  operation: FileOperation | readonly FileOperation[],
  parts: readonly PathPart[],
  more: {
    readonly attributes?: FileAttributes;
    readonly flags?: number;
    readonly opens?: "file" | "folder";
    readonly extension?: string;
  } = {},
): SftpRequest => ({
  kind: "paths",
  id,
  operations: typeof operation === "string" ? [operation] : operation,
  paths: parts,
  attributes: more.attributes ?? null,
  flags: more.flags ?? null,
  end: f.at,
  opens: more.opens ?? null,
  extension: more.extension ?? null,
});

/**
 * Decodes a request. Of reads and writes only the head is needed: what comes behind it is not looked at.
 *
 * @param packet from the packet's kind on
 */
export function readRequest(packet: Buffer): Result<SftpRequest, string> {
  const f = new Fields(packet, 1);
  const type = packet[0];
  const id = f.uint32();
  const found = decode(f, type ?? 0, id, packet);
  return f.fault === null ? ok(found) : err(`a packet of kind ${type} can't be read: ${f.fault}`);
}

function decode(f: Fields, type: number, id: number, packet: Buffer): SftpRequest {
  switch (type) {
    case FXP.init:
      return { kind: "init", version: id };
    case FXP.open: {
      const path = f.path("follow");
      const flags = f.uint32();
      const attributes = f.attributes();
      return paths(f, id, openedFor(flags), [path], { attributes, flags, opens: "file" });
    }
    case FXP.opendir:
      return paths(f, id, "list", [f.path("follow")], { opens: "folder" });
    case FXP.stat:
      return paths(f, id, "stat", [f.path("follow")]);
    case FXP.lstat:
      return paths(f, id, "stat", [f.path("keep")]);
    case FXP.readlink:
      return paths(f, id, "read_link", [f.path("keep")]);
    case FXP.setstat: {
      const path = f.path("follow");
      return paths(f, id, "set_attributes", [path], { attributes: f.attributes() });
    }
    case FXP.remove:
      return paths(f, id, "remove", [f.path("keep")]);
    case FXP.mkdir: {
      const path = f.path("keep");
      return paths(f, id, "make_directory", [path], { attributes: f.attributes() });
    }
    case FXP.rmdir:
      return paths(f, id, "remove_directory", [f.path("keep")]);
    case FXP.rename:
      return paths(f, id, "rename", [f.path("keep"), f.path("keep")]);
    case FXP.symlink: {
      // OpenSSH has the two the other way round than the draft: first what the link leads to.
      const destination = f.path("keep");
      return paths(f, id, "symlink", [f.path("keep"), destination]);
    }
    case FXP.realpath:
      return { kind: "realpath", id, path: f.path("follow") };
    case FXP.close:
    case FXP.read:
    case FXP.write:
    case FXP.fstat:
    case FXP.readdir:
      return { kind: "handle", id, type, handle: handleOf(f), attributes: null, end: packet.length };
    case FXP.fsetstat: {
      const [handle, attributes] = [handleOf(f), f.attributes()];
      return { kind: "handle", id, type, handle, attributes, end: f.at };
    }
    case FXP.extended:
      return decodeExtension(f, id);
    default:
      // Every packet from a client but the first has an id; one of an unknown kind is answered, not passed on.
      if (packet.length < 5) f.fault ??= "it is cut off";
      return { kind: "unsupported", id, what: `packet ${type}` };
  }
}

/**
 * What a file is opened for. Servers as OpenSSH's open a file that is not to be written for reading, whatever else is asked
 * for: `append` or `create` alone also read.
 */
function openedFor(flags: number): readonly FileOperation[] {
  const changes = (flags & (OPEN.write | OPEN.append | OPEN.create | OPEN.truncate)) !== 0;
  const reads = (flags & OPEN.read) !== 0 || (flags & OPEN.write) === 0;
  const changing = (flags & OPEN.append) !== 0 ? "open_append" : "open_write";
  return [...(reads ? (["open_read"] as const) : []), ...(changes ? ([changing] as const) : [])];
}

const handleOf = (f: Fields): string => f.string(SFTP_HANDLE_BYTES_MAX).toString("latin1");

function decodeExtension(f: Fields, id: number): SftpRequest {
  const name = f.string(256).toString("latin1");
  if (!isExtension(name)) return { kind: "unsupported", id, what: name };
  const what = EXTENSIONS[name];
  switch (what) {
    case "rename":
      return paths(f, id, what, [f.path("keep"), f.path("keep")], { extension: name });
    case "link":
      return paths(f, id, what, [f.path("follow"), f.path("keep")], { extension: name });
    case "stat":
      return paths(f, id, what, [f.path("follow")], { extension: name });
    case "set_attributes": {
      const path = f.path("keep");
      return paths(f, id, what, [path], { attributes: f.attributes(), extension: name });
    }
    case "handle":
      return { kind: "handle", id, type: FXP.extended, handle: handleOf(f), attributes: null, end: f.at };
    case "plain":
      return { kind: "plain", id };
  }
}

/** A packet with its length in front. */
function packet(type: number, id: number, rest: readonly Buffer[]): Buffer {
  const length = rest.reduce((sum, part) => sum + part.length, 5);
  const head = Buffer.alloc(9);
  head.writeUInt32BE(length, 0);
  head[4] = type;
  head.writeUInt32BE(id, 5);
  return Buffer.concat([head, ...rest]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  const head = Buffer.alloc(4);
  head.writeUInt32BE(bytes.length);
  return Buffer.concat([head, bytes]);
}

const number = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

/** How the gateway says no, or that something failed. */
export const statusPacket = (id: number, code: number, message: string): Buffer =>
  packet(FXP.status, id, [number(code), text(message), text("en")]);

export const realpathPacket = (id: number, path: string): Buffer => packet(FXP.realpath, id, [text(path)]);

/** A request with other paths in their places; its length in front. */
export function withPaths(request: Buffer, parts: readonly PathPart[], replaced: readonly string[]): Buffer {
  const order = parts.map((part, i) => ({ part, to: replaced[i]! })).sort((a, b) => a.part.start - b.part.start);
  const pieces: Buffer[] = [];
  let at = 0;
  for (const { part, to } of order) {
    pieces.push(request.subarray(at, part.start), text(to));
    at = part.end;
  }
  pieces.push(request.subarray(at));
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  return Buffer.concat([number(length), ...pieces]);
}

/** The first name of a NAME reply (from its kind on), or null. */
export function firstName(reply: Buffer): string | null {
  const f = new Fields(reply, 5);
  if (f.uint32() < 1) return null;
  const name = f.path("follow");
  return f.fault === null && name.text.startsWith("/") ? name.text : null;
}

/** Code and message of a STATUS reply (from its kind on). */
export function readStatus(reply: Buffer): { readonly code: number; readonly message: string } {
  const f = new Fields(reply, 5);
  const code = f.uint32();
  const message = f.at < reply.length ? f.string(1024).toString("utf8") : "";
  return f.fault === null ? { code, message } : { code: STATUS.failure, message: "" };
}

/** A server's VERSION packet with the extensions that the gateway knows, its length in front; null when it can't be read. */
export function knownVersion(reply: Buffer): Buffer | null {
  const f = new Fields(reply, 1);
  if (f.uint32() !== 3) return null;
  const kept: Buffer[] = [];
  while (f.at < reply.length && f.fault === null) {
    const [name, data] = [f.string(256).toString("latin1"), f.string(1024)];
    if (isExtension(name)) kept.push(text(name), text(data.toString("latin1")));
  }
  return f.fault === null ? packet(FXP.version, 3, kept) : null;
}
