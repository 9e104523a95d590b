import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import {
  SpdyConversation,
  SpdyReader,
  SpdyWriter,
  type SpdyFrame,
  type SpdyStream,
} from "../../runtime/protocols/kubernetes/index.ts";
import type { ExecStreams } from "./kubernetes-exec.ts";

/** One side of SPDY/3.1 over a socket whose upgrade was taken: a container's. */
function spdySide(
  request: IncomingMessage,
  socket: Socket,
  head: Buffer,
  kind: "exec" | "portforward",
  protocols: readonly string[],
  take: (frame: SpdyFrame, stream: SpdyStream | null, say: (frame: SpdyFrame) => void) => void,
): void {
  const offered = String(request.headers["x-stream-protocol-version"] ?? "").split(/\s*,\s*/);
  const chosen = protocols.find((one) => offered.includes(one));
  if (chosen === undefined) {
    socket.end("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
    return;
  }
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: SPDY/3.1\r\nx-stream-protocol-version: ${chosen}\r\n\r\n`,
  );
  const [reader, writer, conversation] = [new SpdyReader(), new SpdyWriter(), new SpdyConversation(kind)];
  const say = (frame: SpdyFrame): void => {
    if (conversation.step(frame, "target").kind === "on" && socket.writable) socket.write(writer.write(frame));
  };
  const read = (chunk: Buffer): void => {
    for (const frame of reader.push(chunk)) {
      const step = conversation.step(frame, "client");
      if (step.kind === "fault") return void socket.destroy();
      if (step.kind === "late") continue;
      if (frame.kind === "ping") say(frame);
      else take(frame, step.stream, say);
    }
    if (reader.fault !== null) socket.destroy();
  };
  socket.on("error", () => socket.destroy());
  socket.on("data", read);
  if (head.length > 0) read(head);
}

/** Takes an exec's or attach's upgrade to SPDY/3.1, with `v4.channel.k8s.io`. */
export function openSpdy(
  request: IncomingMessage,
  socket: Socket,
  head: Buffer,
  opened: (streams: ExecStreams) => void,
): void {
  const { searchParams } = new URL(request.url ?? "", "http://api");
  // An API server's clients call the streams otherwise than it does itself, to a node.
  const named = [
    ["stdin", "input"],
    ["stdout", "output"],
    ["stderr", "error"],
  ];
  const wanted = 1 + named.filter((names) => names.some((name) => isSet(searchParams.get(name)))).length;
  const ids = new Map<string, number>();
  let take: (data: Buffer | null) => void = () => undefined;
  spdySide(request, socket, head, "exec", ["v4.channel.k8s.io"], (frame, stream, say) => {
    if (frame.kind === "data" && stream!.role === "stdin") {
      if (frame.data.length > 0) take(frame.data);
      if (frame.fin) take(null);
    }
    if (frame.kind !== "syn_stream") return;
    say({ kind: "syn_reply", stream: frame.stream, fin: false, fields: new Map() });
    const { role } = stream!;
    if (role !== "resize") ids.set(role, frame.stream);
    if (role === "resize" || ids.size !== wanted) return;
    const data = (name: string, text: string | Buffer, fin: boolean): void => {
      const id = ids.get(name);
      if (id !== undefined) say({ kind: "data", stream: id, fin, data: Buffer.from(text) });
    };
    opened({
      put: (name, text) => data(name, text, false),
      end: (status) => {
        data("stdout", "", true);
        data("stderr", "", true);
        data("error", status, true);
        say({ kind: "goaway", last: 0, status: 0 });
        socket.end();
      },
      input: (then) => (take = then),
    });
  });
}

/** Takes a port-forward over SPDY/3.1: behind every port is a server of HTTP that says one thing. */
export function openSpdyForward(
  request: IncomingMessage,
  socket: Socket,
  head: Buffer,
  body: (port: string) => string,
): void {
  const ports = new Map<number, string>();
  const errors = new Map<string, number>();
  spdySide(request, socket, head, "portforward", ["portforward.k8s.io"], (frame, stream, say) => {
    if (frame.kind === "syn_stream") {
      const key = frame.fields.get("requestid") ?? "";
      if (stream!.role === "error") errors.set(key, frame.stream);
      else ports.set(frame.stream, frame.fields.get("port")!);
      say({ kind: "syn_reply", stream: frame.stream, fin: false, fields: new Map() });
      if (stream!.role !== "data") return;
      const error = errors.get(key);
      if (error !== undefined) say({ kind: "data", stream: error, fin: true, data: Buffer.alloc(0) });
      return;
    }
    const port = frame.kind === "data" ? ports.get(frame.stream) : undefined;
    if (frame.kind !== "data" || port === undefined || frame.data.length === 0) return;
    ports.delete(frame.stream);
    const text = body(port);
    const answer = `HTTP/1.1 200 OK\r\ncontent-length: ${text.length}\r\nconnection: close\r\n\r\n${text}`;
    say({ kind: "data", stream: frame.stream, fin: true, data: Buffer.from(answer) });
  });
}

const isSet = (value: string | null): boolean => value === "true" || value === "1";
