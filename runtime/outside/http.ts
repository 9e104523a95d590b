import { chmodSync, lstatSync, unlinkSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import { connect } from "node:net";

const HEADERS_MS = 5_000;
const REQUEST_MS = 10_000;
const CONNECTIONS_MAX = 64;
/** A token of 32 KiB and the rest. */
const HEADER_BYTES_MAX = 48 * 1024;

export type HttpAddress = { readonly host: string; readonly port: number } | { readonly socket: string };

/**
 * Serves HTTP on an address, or on a Unix socket that only its owner can open. A socket file that nobody listens on any
 * more is replaced; anything else in its place is left alone and the promise rejects (EADDRINUSE).
 */
export async function listenHttp(address: HttpAddress, listener: RequestListener): Promise<Server> {
  const server = createServer(
    {
      headersTimeout: HEADERS_MS,
      requestTimeout: REQUEST_MS,
      keepAliveTimeout: REQUEST_MS,
      maxHeaderSize: HEADER_BYTES_MAX,
      insecureHTTPParser: false,
    },
    listener,
  );
  server.maxConnections = CONNECTIONS_MAX;
  server.maxHeadersCount = 100;
  if ("socket" in address) await removeStale(address.socket);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    const listening = (): void => {
      server.off("error", reject);
      resolve();
    };
    if ("socket" in address) {
      // The file comes into being private: there is no moment in which others could open it.
      const before = process.umask(0o177);
      try {
        server.listen({ path: address.socket }, listening);
      } finally {
        process.umask(before);
      }
    } else server.listen({ host: address.host, port: address.port }, listening);
  });
  if ("socket" in address) chmodSync(address.socket, 0o600);
  return server;
}

async function removeStale(path: string): Promise<void> {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() !== true) return;
  const answers = await new Promise<boolean>((resolve) => {
    const probe = connect({ path });
    probe.once("connect", () => (probe.destroy(), resolve(true)));
    probe.once("error", () => resolve(false));
  });
  if (!answers) unlinkSync(path);
}
