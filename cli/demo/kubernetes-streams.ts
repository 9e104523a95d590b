import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { OPCODE, WebSocketReader, acceptOf, closeFrame, webSocketFrame } from "../../runtime/protocols/http/index.ts";
import { CHANNEL } from "../../runtime/protocols/kubernetes/index.ts";
import type { ExecStreams } from "./kubernetes-exec.ts";

const NORMAL = 1000;

/** Takes an exec's upgrade to WebSocket with `v5.channel.k8s.io` or `v4.channel.k8s.io`; to anything else there is none. */
export function openWebSocket(
  request: IncomingMessage,
  socket: Socket,
  head: Buffer,
  opened: (streams: ExecStreams) => void,
): void {
  const offered = String(request.headers["sec-websocket-protocol"] ?? "").split(/\s*,\s*/);
  const protocol = ["v5.channel.k8s.io", "v4.channel.k8s.io"].find((one) => offered.includes(one));
  const key = request.headers["sec-websocket-key"];
  if (protocol === undefined || key === undefined) {
    socket.end("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
    return;
  }
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: ${acceptOf(key)}\r\nsec-websocket-protocol: ${protocol}\r\n\r\n`,
  );
  const say = (channel: number, data: string | Buffer): void => {
    if (socket.writable)
      socket.write(webSocketFrame(OPCODE.binary, Buffer.concat([Buffer.from([channel]), Buffer.from(data)]), null));
  };
  let take: (data: Buffer | null) => void = () => undefined;
  const reader = new WebSocketReader(true);
  const read = (chunk: Buffer): void => {
    for (const { opcode, data } of reader.push(chunk)) {
      if (opcode === OPCODE.close) return void socket.end(closeFrame(NORMAL, "", null));
      if (opcode === OPCODE.ping) socket.write(webSocketFrame(OPCODE.pong, data, null));
      if (opcode !== OPCODE.binary && opcode !== OPCODE.text) continue;
      // `v5.channel.k8s.io`: no more comes on the channel that the next byte names.
      if (data[0] === CHANNEL.close && data[1] === CHANNEL.stdin) take(null);
      else if (data[0] === CHANNEL.stdin && data.length > 1) take(data.subarray(1));
    }
    if (reader.fault !== null) socket.destroy();
  };
  socket.on("error", () => socket.destroy());
  socket.on("data", read);
  opened({
    put: (stream, data) => say(CHANNEL[stream], data),
    end: (status) => {
      say(CHANNEL.error, status);
      socket.end(closeFrame(NORMAL, "", null));
    },
    input: (then) => (take = then),
  });
  if (head.length > 0) read(head);
}
