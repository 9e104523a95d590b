import { connect } from "node:net";
import { randomBytes } from "node:crypto";
import { ByteStream } from "../runtime/protocols/index.ts";
import { login, query } from "../runtime/protocols/postgres/index.ts";

export interface Drained {
  readonly ms: number;
  readonly bytes: number;
}

/** Runs one statement and reads its whole answer as fast as bytes come, without looking at rows. */
export async function drain(
  port: number,
  user: string,
  password: string,
  database: string,
  sql: string,
): Promise<Drained> {
  const socket = connect({ host: "127.0.0.1", port, noDelay: true });
  const stream = new ByteStream();
  const onData = (chunk: Buffer): void => stream.push(chunk);
  socket.on("data", onData);
  socket.on("error", () => stream.end());
  const result = await login(stream, (bytes) => void socket.write(bytes), {
    user,
    password,
    database,
    minor: 0,
    settings: [],
    nonce: randomBytes(18).toString("base64"),
    channelBinding: null,
  });
  if (!result.ok) throw new Error(`port ${port}: ${result.error.why}`);
  socket.off("data", onData);
  const began = performance.now();
  let bytes = 0;
  const done = new Promise<void>((resolve, reject) => {
    let tail: Buffer = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      tail = chunk.length >= 6 ? chunk.subarray(-6) : Buffer.concat([tail, chunk]).subarray(-6);
      // ReadyForQuery, idle: the last six bytes of the answer.
      if (tail.length === 6 && tail[0] === 0x5a && tail.readInt32BE(1) === 5 && tail[5] === 0x49) resolve();
    });
    socket.on("close", () => reject(new Error(`port ${port}: the connection closed in the middle`)));
  });
  socket.write(query(sql));
  await done;
  const ms = performance.now() - began;
  socket.destroy();
  return { ms, bytes };
}
