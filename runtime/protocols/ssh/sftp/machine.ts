import { createHash, type Hash } from "node:crypto";
import { SFTP_HANDLES_MAX, SFTP_PACKET_BYTES_MAX, SFTP_PENDING_MAX } from "../limits.ts";
import type { FileOperation } from "../../../../spec/contract/facts/index.ts";
import { READS, type FileAction } from "../requests.ts";
import { FrameReader, type FrameTaker } from "./frames.ts";
import { Joined } from "./joined.ts";
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
  readonly tickets: Tickets;
  readonly hash: Hash;
  readAt: number;
  writtenAt: number;
  bytesRead: number;
  bytesWritten: number;
  inOrder: boolean;
}

/** Numbers under which an open was granted: for reading, for writing, or both. */
interface Tickets {
  readonly reads: number | null;
  readonly writes: number | null;
}
const ticketsOf = ({ reads, writes }: Tickets): readonly number[] => [reads, writes].filter((one) => one !== null);

type Pending =
  | { readonly kind: "open"; readonly path: string; readonly tickets: Tickets }
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
  readonly #toServer: Joined;
  readonly #toClient: Joined;
  readonly #client: FrameReader;
  readonly #server: FrameReader;
  readonly #pending = new Map<number, Pending>();
  readonly #files = new Map<string, OpenFile>();
  #phase: "start" | "version" | "open" | "closed" = "start";
  #busy = false;
  #ownId = 0;

  constructor(host: SftpHost, wire: SftpWire) {
    this.#host = host;
    this.#wire = wire;
    this.#toServer = new Joined((bytes) => wire.toServer(bytes));
    this.#toClient = new Joined((bytes) => wire.toClient(bytes));
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
    this.#flush();
    if (fault !== null) this.#end(`${who} sent ${fault}`);
  }

  #flush(): void {
    this.#toServer.flush();
    this.#toClient.flush();
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
    for (const pending of this.#pending.values()) this.#lost(pending);
    this.#pending.clear();
  }

  #lost(pending: Pending): void {
    if (pending.kind === "done") this.#host.finished(pending.ticket, without("lost"));
    if (pending.kind === "open")
      for (const ticket of ticketsOf(pending.tickets)) this.#host.finished(ticket, without("lost"));
  }

  // ---- from the client ---------------------------------------------------------------------------------------------

  #fromClient(packet: Buffer): FrameTaker {
    const request = readRequest(packet);
    if (!request.ok) return { fault: request.error };
    const { value } = request;
    if (value.kind === "init" ? this.#phase !== "start" : this.#phase !== "open")
      return { fault: "a packet out of order" };
    if (value.kind !== "init" && this.#pending.has(value.id))
      return { fault: `a request with the number ${value.id} of another` };
    if (this.#pending.size >= SFTP_PENDING_MAX) return { fault: `more than ${SFTP_PENDING_MAX} requests at once` };
    switch (value.kind) {
      case "init":
        this.#phase = "version";
        this.#toServer.put(this.#client.framed);
        return {};
      case "unsupported":
        this.#toClient.put(statusPacket(value.id, STATUS.unsupported, `${value.what} is not passed on by the gateway`));
        return {};
      case "plain":
        return this.#pass(value.id, { kind: "other" }, this.#client.framed);
      case "handle":
        return this.#onHandle(value, packet);
      case "realpath":
        this.#hold();
        this.#resolve(value.path.text, (path, reply) => this.#onRealpath(value.id, path, reply));
        return {};
      case "paths":
        this.#hold();
        this.#onPaths(value, Buffer.from(packet));
        return {};
    }
  }

  /** @param framed the request with its length in front */
  #pass(id: number, pending: Pending, framed: Buffer): FrameTaker {
    this.#pending.set(id, pending);
    this.#toServer.put(framed);
    return {};
  }

  #onHandle(request: Extract<SftpRequest, { kind: "handle" }>, packet: Buffer): FrameTaker {
    const { id, type, handle, attributes } = request;
    const file = this.#files.get(handle);
    if (file === undefined) {
      this.#toClient.put(statusPacket(id, STATUS.failure, "there is no such handle"));
      return {};
    }
    // A server may open a file for more than it was asked for.
    const { reads, writes } = file.tickets;
    if ((type === FXP.read && reads === null) || (type === FXP.write && writes === null)) {
      const way = type === FXP.read ? "reading" : "writing";
      this.#toClient.put(statusPacket(id, STATUS.permissionDenied, `the file is not open for ${way}`));
      return {};
    }
    if (attributes !== null) {
      this.#hold();
      const kept = Buffer.from(packet.subarray(0, request.end));
      const operation = "set_attributes";
      this.#judge([{ operation, path: file.path, attributes }], id, ([ticket]) => {
        this.#pass(id, { kind: "done", ticket: ticket!, what: operation }, framed(kept));
      });
      return {};
    }
    switch (type) {
      case FXP.close:
        return this.#pass(id, { kind: "close", handle }, this.#client.framed);
      case FXP.read:
        return this.#pass(id, { kind: "read", file, offset: offsetOf(packet, handle) }, this.#client.framed);
      case FXP.write: {
        this.#pending.set(id, { kind: "other" });
        const data = dataStart(handle);
        if (packet.length < data) return { fault: "a write that is cut off" };
        const length = packet.readUInt32BE(data - 4);
        if (length !== this.#client.bodyLength - data) return { fault: "a write whose length is not its own" };
        if (offsetOf(packet, handle) !== file.writtenAt) file.inOrder = false;
        file.writtenAt += length;
        this.#toServer.put(this.#client.framed);
        const take = (bytes: Buffer): void => {
          file.bytesWritten += bytes.length;
          if (file.inOrder) file.hash.update(bytes);
        };
        take(packet.subarray(data));
        return {
          rest: (bytes) => {
            take(bytes);
            this.#toServer.put(bytes);
          },
        };
      }
      default:
        return this.#pass(id, { kind: "other" }, this.#client.framed);
    }
  }

  #onPaths(request: Extract<SftpRequest, { kind: "paths" }>, packet: Buffer): void {
    const { id, paths, operations, extension, attributes, flags } = request;
    const operation = operations[0]!;
    const found: string[] = [];
    const next = (): void => {
      const part = paths[found.length];
      if (part === undefined) {
        const [path = null, destination] = found;
        const actions = operations.map((one): FileAction => ({
          operation: one,
          path,
          ...(destination === undefined ? {} : { destination }),
          ...(attributes === null ? {} : { attributes }),
          ...(flags === null ? {} : { flags }),
          ...(extension === null ? {} : { extension }),
        }));
        this.#judge(actions, id, (tickets) => {
          const understood = packet.subarray(0, request.end);
          const sent = withPaths(understood, paths, operation === "symlink" ? [found[0]!, paths[1]!.text] : found);
          const ticketOf = (reads: boolean): number | null =>
            tickets.find((_ticket, i) => READS.has(operations[i]!) === reads) ?? null;
          const pending: Pending =
            request.opens !== null
              ? { kind: "open", path: path!, tickets: { reads: ticketOf(true), writes: ticketOf(false) } }
              : { kind: "done", ticket: tickets[0]!, what: operation };
          this.#pending.set(id, pending);
          this.#toServer.put(sent);
        });
        return;
      }
      // What a symbolic link leads to is a text, meant from where the link is.
      const text = operation === "symlink" && found.length === 1 ? targetOf(part.text, found[0]!) : part.text;
      this.#canonical(text, part.follow, (path, reply) => {
        if (path === null) return this.#unresolved(operations, id, reply);
        found.push(path);
        next();
      });
    };
    next();
  }

  /** A path that the server itself can't resolve: the operation would fail, and is not passed on. */
  #unresolved(operations: readonly FileOperation[], id: number, reply: Buffer): void {
    const actions = operations.map((operation) => ({ operation, path: null }));
    this.#judge(actions, id, (tickets) => {
      const { code, message } = reply[0] === FXP.status ? readStatus(reply) : { code: STATUS.noSuchFile, message: "" };
      const failed = code === STATUS.ok ? STATUS.failure : code;
      this.#toClient.put(statusPacket(id, failed, message));
      for (const ticket of tickets) this.#host.finished(ticket, without(`status ${failed}`));
    });
  }

  #onRealpath(id: number, path: string | null, reply: Buffer): void {
    if (path === null) return this.#unresolved(["real_path"], id, reply);
    this.#judge([{ operation: "real_path", path }], id, ([ticket]) => {
      // The server's own answer, under the client's number.
      const answer = Buffer.from(reply);
      answer.writeUInt32BE(id, 1);
      this.#toClient.put(framed(answer));
      this.#host.finished(ticket!, { ok: true, what: "real_path", bytesRead: 0, bytesWritten: 0, digest: null });
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
    this.#toServer.put(realpathPacket(id, path === "" ? "." : path));
  }

  /** Decides what a request comes to, one after the other; it goes on only when all of it may. */
  #judge(actions: readonly FileAction[], id: number, go: (tickets: readonly number[]) => void): void {
    const tickets: number[] = [];
    const giveUp = (what: string): void => {
      for (const ticket of tickets) this.#host.finished(ticket, without(what));
    };
    const ruled = (ruling: FileRuling): void => {
      if (ruling.go) tickets.push(ruling.ticket);
      if (this.#phase === "closed") return giveUp("lost");
      if (!ruling.go) {
        giveUp("not passed on");
        this.#toClient.put(statusPacket(id, STATUS.permissionDenied, ruling.message));
      } else if (tickets.length < actions.length) return next();
      else go(tickets);
      this.#goOn();
    };
    const next = (): void => {
      const ruling = this.#host.judge(actions[tickets.length]!);
      if (!(ruling instanceof Promise)) return ruled(ruling);
      ruling.then(ruled, () => ruled({ go: false, message: "sallyport: the operation could not be decided" }));
    };
    next();
  }

  #hold(): void {
    this.#busy = true;
    this.#client.pause();
  }

  #goOn(): void {
    this.#busy = false;
    const fault = this.#client.resume();
    this.#flush();
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
      this.#toClient.put(version);
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
          if (fault !== null) {
            this.#lost(pending);
            return { fault };
          }
        } else for (const ticket of ticketsOf(pending.tickets)) this.#host.finished(ticket, failure(packet));
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
    this.#toClient.put(this.#server.framed);
    return {};
  }

  #opened(packet: Buffer, { path, tickets }: Extract<Pending, { kind: "open" }>): string | null {
    const length = packet.length < 9 ? 0 : packet.readUInt32BE(5);
    const handle = packet.toString("latin1", 9);
    if (length === 0 || handle.length !== length) return "a handle that can't be read";
    if (this.#files.size >= SFTP_HANDLES_MAX) return `more than ${SFTP_HANDLES_MAX} handles`;
    if (this.#files.has(handle)) return "a handle that is open already";
    this.#files.set(handle, {
      path,
      tickets,
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
    if (pending.kind !== "read") {
      this.#lost(pending);
      return { fault: "data that nobody asked for" };
    }
    const { file, offset } = pending;
    if (packet.length < 9) return { fault: "data that is cut off" };
    const length = packet.readUInt32BE(5);
    if (length !== this.#server.bodyLength - 9) return { fault: "data whose length is not its own" };
    this.#toClient.put(this.#server.framed);
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
        this.#toClient.put(bytes);
      },
    };
  }

  #closed(file: OpenFile, fine: boolean): void {
    const { tickets, bytesRead, bytesWritten } = file;
    const mixed = bytesRead > 0 && bytesWritten > 0;
    const digest = file.inOrder && !mixed && bytesRead + bytesWritten > 0 ? file.hash.digest("hex") : null;
    const finished = (ticket: number, read: number, written: number): void =>
      this.#host.finished(ticket, {
        ok: fine,
        what: fine ? "closed" : "lost",
        bytesRead: read,
        bytesWritten: written,
        digest: read + written > 0 ? digest : null,
      });
    if (tickets.writes === null) finished(tickets.reads!, bytesRead, bytesWritten);
    else if (tickets.reads === null) finished(tickets.writes, bytesRead, bytesWritten);
    else {
      finished(tickets.reads, bytesRead, 0);
      finished(tickets.writes, 0, bytesWritten);
    }
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

const without = (what: string): FileOutcome => ({ ok: false, what, bytesRead: 0, bytesWritten: 0, digest: null });

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
