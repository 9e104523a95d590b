import { createHash, type Hash } from "node:crypto";
import { SFTP_HANDLES_MAX, SFTP_PACKET_BYTES_MAX, SFTP_PENDING_MAX } from "../limits.ts";
import type { FileAction } from "../requests.ts";
import { FrameReader, type FrameTaker } from "./frames.ts";
import {
  FXP,
  STATUS,
  firstName,
  knownVersion,
  readRequest,
  readStatus,
  realpathPacket,
  statusPacket,
  withPaths,
  type SftpRequest,
} from "./packets.ts";

/** What a file operation may do: go ahead under a number, or be refused in words. */
export type FileRuling =
  { readonly go: true; readonly ticket: number } | { readonly go: false; readonly message: string };

/** What became of a file that was open, or of an operation. */
export interface FileOutcome {
  readonly ok: boolean;
  readonly what: string;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** SHA-256 of what was read or written, when it was all of it from the beginning on and in order. */
  readonly digest: string | null;
}

export interface SftpHost {
  /** Decides one operation; at once, or later when a person is asked. */
  judge(action: FileAction): FileRuling | Promise<FileRuling>;
  finished(ticket: number, outcome: FileOutcome): void;
}

export interface SftpWire {
  toServer(bytes: Buffer): void;
  toClient(bytes: Buffer): void;
  /** `wantsClient` is true again. */
  resumed(): void;
  /** The session can't go on. */
  close(why: string): void;
}

interface OpenFile {
  readonly path: string;
  readonly ticket: number;
  readonly hash: Hash;
  readAt: number;
  writtenAt: number;
  bytesRead: number;
  bytesWritten: number;
  inOrder: boolean;
}

type Pending =
  | { readonly kind: "open"; readonly path: string; readonly ticket: number }
  | { readonly kind: "done"; readonly ticket: number; readonly what: string }
  | { readonly kind: "close"; readonly handle: string }
  | { readonly kind: "read"; readonly file: OpenFile | null; readonly offset: number }
  | { readonly kind: "other" }
  | { readonly kind: "path"; readonly then: (path: string | null, reply: Buffer) => void };

const OWN_IDS = 0xf000_0000;

/**
 * One SFTP session between a client and a server, packet by packet. Every operation on a path is decided before it is
 * passed on, on the path as the server itself resolves it, links followed, and it is passed on with that path. Reads and
 * writes belong to an open file, which was decided when it was opened. What is refused is answered as a server would.
 */
export class SftpMachine {
  readonly #host: SftpHost;
  readonly #wire: SftpWire;
  readonly #client: FrameReader;
  readonly #server: FrameReader;
  readonly #pending = new Map<number, Pending>();
  readonly #files = new Map<string, OpenFile>();
  #phase: "start" | "version" | "open" | "closed" = "start";
  #busy = false;
  #ownId = 0;
  /** The account's home folder, as the server has it: where relative paths begin. */
  #home: string | null = null;

  constructor(host: SftpHost, wire: SftpWire) {
    this.#host = host;
    this.#wire = wire;
    this.#client = new FrameReader(SFTP_PACKET_BYTES_MAX, FXP.write, WRITE_HEAD, (head) => this.#fromClient(head));
    this.#server = new FrameReader(SFTP_PACKET_BYTES_MAX, FXP.data, DATA_HEAD, (head) => this.#fromServer(head));
  }

  /** False while a decision or an answer is waited for: the client's bytes are kept, and it should not be read. */
  get wantsClient(): boolean {
    return !this.#busy;
  }

  fromClient(chunk: Buffer): void {
    this.#feed(this.#client, chunk, "the client");
  }

  fromServer(chunk: Buffer): void {
    this.#feed(this.#server, chunk, "the target");
  }

  #feed(reader: FrameReader, chunk: Buffer, who: string): void {
    if (this.#phase === "closed") return;
    const fault = reader.push(chunk);
    if (fault !== null) this.#end(`${who} sent ${fault}`);
  }

  #end(why: string): void {
    if (this.#phase === "closed") return;
    this.gone();
    this.#wire.close(why);
  }

  /** The session is over: what was open has its outcome. */
  gone(): void {
    if (this.#phase === "closed") return;
    this.#phase = "closed";
    for (const file of this.#files.values()) this.#closed(file, false);
    this.#files.clear();
    for (const pending of this.#pending.values())
      if (pending.kind === "done" || pending.kind === "open")
        this.#host.finished(pending.ticket, { ok: false, what: "lost", bytesRead: 0, bytesWritten: 0, digest: null });
    this.#pending.clear();
  }

  // ---- from the client ---------------------------------------------------------------------------------------------

  #fromClient(packet: Buffer): FrameTaker {
    const request = readRequest(packet);
    if (!request.ok) return { fault: request.error };
    const { value } = request;
    if (value.kind === "init" ? this.#phase !== "start" : this.#phase !== "open")
      return { fault: "a packet out of order" };
    if (this.#pending.size >= SFTP_PENDING_MAX) return { fault: `more than ${SFTP_PENDING_MAX} requests at once` };
    switch (value.kind) {
      case "init":
        this.#phase = "version";
        this.#wire.toServer(framed(packet));
        return {};
      case "unsupported":
        this.#wire.toClient(
          statusPacket(value.id, STATUS.unsupported, `${value.what} is not passed on by the gateway`),
        );
        return {};
      case "plain":
        return this.#pass(value.id, { kind: "other" }, packet);
      case "handle":
        return this.#onHandle(value, packet);
      case "realpath":
        this.#hold();
        this.#resolve(value.path.text, (path, reply) => this.#onRealpath(value.id, value.path.text, path, reply));
        return { stop: true };
      case "paths":
        this.#hold();
        this.#onPaths(value, Buffer.from(packet));
        return { stop: true };
    }
  }

  #pass(id: number, pending: Pending, packet: Buffer): FrameTaker {
    if (this.#pending.has(id)) return { fault: `a request with the number ${id} of another` };
    this.#pending.set(id, pending);
    this.#wire.toServer(framed(packet));
    return {};
  }

  #onHandle(request: Extract<SftpRequest, { kind: "handle" }>, packet: Buffer): FrameTaker {
    const { id, type, handle, operation } = request;
    const file = this.#files.get(handle);
    if (file === undefined) {
      this.#wire.toClient(statusPacket(id, STATUS.failure, "there is no such handle"));
      return type === FXP.write ? { swallow: true } : {};
    }
    if (operation !== null) {
      this.#hold();
      const kept = Buffer.from(packet);
      this.#judge({ operation, path: file.path }, id, (ticket) => {
        this.#pass(id, { kind: "done", ticket, what: operation }, kept);
      });
      return { stop: true };
    }
    if (this.#pending.has(id)) return { fault: `a request with the number ${id} of another` };
    switch (type) {
      case FXP.close:
        return this.#pass(id, { kind: "close", handle }, packet);
      case FXP.read:
        return this.#pass(id, { kind: "read", file, offset: offsetOf(packet, handle) }, packet);
      case FXP.write: {
        this.#pending.set(id, { kind: "other" });
        const data = dataStart(handle);
        if (packet.length < data) return { fault: "a write that is cut off" };
        const length = packet.readUInt32BE(data - 4);
        if (length !== this.#client.bodyLength - data) return { fault: "a write whose length is not its own" };
        if (offsetOf(packet, handle) !== file.writtenAt) file.inOrder = false;
        file.writtenAt += length;
        this.#wire.toServer(this.#client.framed(packet));
        const take = (bytes: Buffer): void => {
          file.bytesWritten += bytes.length;
          if (file.inOrder) file.hash.update(bytes);
        };
        take(packet.subarray(data));
        return {
          rest: (bytes) => {
            take(bytes);
            this.#wire.toServer(bytes);
          },
        };
      }
      default:
        return this.#pass(id, { kind: "other" }, packet);
    }
  }

  #onPaths(request: Extract<SftpRequest, { kind: "paths" }>, packet: Buffer): void {
    const { id, paths, operation, extension, bytes } = request;
    const found: string[] = [];
    const next = (): void => {
      const part = paths[found.length];
      if (part === undefined) {
        const [path = null, destination] = found;
        const action: FileAction = {
          operation,
          path,
          ...(destination === undefined ? {} : { destination }),
          ...(bytes === null ? {} : { bytes }),
          ...(extension === null ? {} : { extension }),
        };
        this.#judge(action, id, (ticket) => {
          const sent = withPaths(packet, paths, operation === "symlink" ? [found[0]!, paths[1]!.text] : found);
          const pending: Pending =
            request.opens !== null ? { kind: "open", path: path!, ticket } : { kind: "done", ticket, what: operation };
          if (this.#pending.has(id)) return this.#end(`the client sent a request with the number ${id} of another`);
          this.#pending.set(id, pending);
          this.#wire.toServer(sent);
        });
        return;
      }
      // What a symbolic link leads to is a text, meant from where the link is.
      const text = operation === "symlink" && found.length === 1 ? targetOf(part.text, found[0]!) : part.text;
      this.#canonical(text, part.follow, (path, reply) => {
        if (path === null) return this.#unresolved({ operation, path: null }, id, reply);
        found.push(path);
        next();
      });
    };
    next();
  }

  /** A path that the server itself can't resolve: the operation would fail, and is not passed on. */
  #unresolved(action: FileAction, id: number, reply: Buffer): void {
    this.#judge(action, id, (ticket) => {
      const { code, message } = reply[0] === FXP.status ? readStatus(reply) : { code: STATUS.noSuchFile, message: "" };
      const failed = code === STATUS.ok ? STATUS.failure : code;
      this.#wire.toClient(statusPacket(id, failed, message));
      this.#host.finished(ticket, { ok: false, what: `status ${failed}`, bytesRead: 0, bytesWritten: 0, digest: null });
    });
  }

  #onRealpath(id: number, asked: string, path: string | null, reply: Buffer): void {
    if (path === null) return this.#unresolved({ operation: "real_path", path: null }, id, reply);
    if (asked === "." || asked === "") this.#home ??= path;
    this.#judge({ operation: "real_path", path }, id, (ticket) => {
      // The server's own answer, under the client's number.
      const answer = Buffer.from(reply);
      answer.writeUInt32BE(id, 1);
      this.#wire.toClient(framed(answer));
      this.#host.finished(ticket, { ok: true, what: "real_path", bytesRead: 0, bytesWritten: 0, digest: null });
    });
  }

  /** Resolves a path with the server; of one whose last part is meant itself only the folder is resolved. */
  #canonical(path: string, follow: "follow" | "keep", then: (path: string | null, reply: Buffer) => void): void {
    const slash = path.replace(/\/+$/, "").lastIndexOf("/");
    const name = path.replace(/\/+$/, "").slice(slash + 1);
    if (follow === "follow" || name === "" || name === "." || name === "..") return this.#resolve(path, then);
    const folder = slash < 0 ? "." : slash === 0 ? "/" : path.slice(0, slash);
    this.#resolve(folder, (found, reply) =>
      then(found === null ? null : `${found === "/" ? "" : found}/${name}`, reply),
    );
  }

  #resolve(path: string, then: (path: string | null, reply: Buffer) => void): void {
    do this.#ownId = (this.#ownId + 1) % 0x0fff_ffff;
    while (this.#pending.has(OWN_IDS + this.#ownId));
    const id = OWN_IDS + this.#ownId;
    this.#pending.set(id, { kind: "path", then });
    this.#wire.toServer(realpathPacket(id, path === "" ? "." : path));
  }

  #judge(action: FileAction, id: number, go: (ticket: number) => void): void {
    const ruled = (ruling: FileRuling): void => {
      if (this.#phase === "closed") {
        if (ruling.go)
          this.#host.finished(ruling.ticket, { ok: false, what: "lost", bytesRead: 0, bytesWritten: 0, digest: null });
        return;
      }
      if (ruling.go) go(ruling.ticket);
      else this.#wire.toClient(statusPacket(id, STATUS.permissionDenied, ruling.message));
      this.#goOn();
    };
    const ruling = this.#host.judge(action);
    if (!(ruling instanceof Promise)) return ruled(ruling);
    ruling.then(ruled, () => ruled({ go: false, message: "sallyport: the operation could not be decided" }));
  }

  #hold(): void {
    this.#busy = true;
    this.#client.pause();
  }

  #goOn(): void {
    this.#busy = false;
    const fault = this.#client.resume();
    if (fault !== null) this.#end(`the client sent ${fault}`);
    else if (!this.#busy) this.#wire.resumed();
  }

  // ---- from the server ---------------------------------------------------------------------------------------------

  #fromServer(packet: Buffer): FrameTaker {
    const type = packet[0];
    if (this.#phase === "version") {
      const version = type === FXP.version ? knownVersion(packet) : null;
      if (version === null) return { fault: "another version of SFTP than 3" };
      this.#phase = "open";
      this.#wire.toClient(version);
      return {};
    }
    if (packet.length < 5) return { fault: "a packet that is cut off" };
    const id = packet.readUInt32BE(1);
    const pending = this.#pending.get(id);
    if (pending === undefined) return { fault: `an answer to a request ${id} that there is not` };
    this.#pending.delete(id);
    if (type === FXP.data) return this.#onData(packet, pending);
    switch (pending.kind) {
      case "path": {
        const path = type === FXP.name ? firstName(packet) : null;
        pending.then(path, Buffer.from(packet));
        return {};
      }
      case "open":
        if (type === FXP.handle) {
          const fault = this.#opened(packet, pending);
          if (fault !== null) return { fault };
        } else this.#host.finished(pending.ticket, failure(packet));
        break;
      case "done":
        this.#host.finished(pending.ticket, answered(packet, pending.what));
        break;
      case "close": {
        const file = this.#files.get(pending.handle);
        this.#files.delete(pending.handle);
        if (file !== undefined) this.#closed(file, readStatus(packet).code === STATUS.ok);
        break;
      }
      case "read":
      case "other":
        break;
    }
    this.#wire.toClient(framed(packet));
    return {};
  }

  #opened(packet: Buffer, { path, ticket }: { readonly path: string; readonly ticket: number }): string | null {
    const length = packet.length < 9 ? 0 : packet.readUInt32BE(5);
    const handle = packet.toString("latin1", 9);
    if (length === 0 || handle.length !== length) return "a handle that can't be read";
    if (this.#files.size >= SFTP_HANDLES_MAX) return `more than ${SFTP_HANDLES_MAX} handles`;
    if (this.#files.has(handle)) return "a handle that is open already";
    this.#files.set(handle, {
      path,
      ticket,
      hash: createHash("sha256"),
      readAt: 0,
      writtenAt: 0,
      bytesRead: 0,
      bytesWritten: 0,
      inOrder: true,
    });
    return null;
  }

  #onData(packet: Buffer, pending: Pending): FrameTaker {
    if (pending.kind !== "read") return { fault: "data that nobody asked for" };
    const { file, offset } = pending;
    if (packet.length < 9) return { fault: "data that is cut off" };
    const length = packet.readUInt32BE(5);
    if (length !== this.#server.bodyLength - 9) return { fault: "data whose length is not its own" };
    this.#wire.toClient(this.#server.framed(packet));
    const take = (bytes: Buffer): void => {
      if (file === null) return;
      file.bytesRead += bytes.length;
      if (file.inOrder) file.hash.update(bytes);
    };
    if (file !== null) {
      if (offset !== file.readAt) file.inOrder = false;
      file.readAt = offset + length;
    }
    take(packet.subarray(9));
    return {
      rest: (bytes) => {
        take(bytes);
        this.#wire.toClient(bytes);
      },
    };
  }

  #closed(file: OpenFile, fine: boolean): void {
    const mixed = file.bytesRead > 0 && file.bytesWritten > 0;
    this.#host.finished(file.ticket, {
      ok: fine,
      what: fine ? "closed" : "lost",
      bytesRead: file.bytesRead,
      bytesWritten: file.bytesWritten,
      digest: file.inOrder && !mixed && file.bytesRead + file.bytesWritten > 0 ? file.hash.digest("hex") : null,
    });
  }
}

/** Kind, id, handle's length, handle, offset, length of the data. */
const WRITE_HEAD = (packet: Buffer): number => (packet.length < 9 ? 9 : 9 + Math.min(packet.readUInt32BE(5), 256) + 12);
/** Kind, id, length of the data. */
const DATA_HEAD = (): number => 9;

const dataStart = (handle: string): number => 9 + handle.length + 12;

const offsetOf = (packet: Buffer, handle: string): number => {
  const at = 9 + handle.length;
  return packet.length < at + 8 ? -1 : packet.readUInt32BE(at) * 0x1_0000_0000 + packet.readUInt32BE(at + 4);
};

function framed(packet: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(packet.length);
  return Buffer.concat([head, packet]);
}

const failure = (packet: Buffer): FileOutcome => answered(packet, "open");

function answered(packet: Buffer, what: string): FileOutcome {
  const code = packet[0] === FXP.status ? readStatus(packet).code : STATUS.ok;
  const ok = code === STATUS.ok;
  return { ok, what: ok ? what : `status ${code}`, bytesRead: 0, bytesWritten: 0, digest: null };
}

/** Where a link would lead, from the folder that it lies in. */
function targetOf(text: string, link: string): string {
  return text.startsWith("/") ? text : `${link.slice(0, link.lastIndexOf("/"))}/${text}`;
}
