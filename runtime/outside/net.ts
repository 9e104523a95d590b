import { connect as connectTcp, createServer, isIP, type Server, type Socket } from "node:net";
import {
  TLSSocket,
  connect as connectTls,
  createSecureContext,
  createServer as createTlsServer,
  type SecureContext,
  type PeerCertificate,
} from "node:tls";

export type { Socket, Server, SecureContext, PeerCertificate };
export { TLSSocket, createSecureContext };

/** A read that goes into memory of ours: where the next bytes go, and what to do with them; false stops the reading. */
export interface ReadInto {
  readonly buffer: () => Buffer;
  readonly callback: (count: number) => boolean;
}

/**
 * Opens a TCP connection whose bytes are read into the caller's own memory. No `data` event is sent for it.
 *
 * @returns the socket once it is connected
 * @throws Error of the operating system (ECONNREFUSED, ENOTFOUND, …) or when `timeoutMs` passed
 */
export function dial(host: string, port: number, timeoutMs: number, read: ReadInto | null): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const options = { host, port, noDelay: true, keepAlive: true };
    const socket =
      read === null
        ? connectTcp(options)
        : connectTcp({
            ...options,
            onread: { buffer: read.buffer, callback: (count: number) => read.callback(count) },
          });
    socket.setTimeout(timeoutMs, () =>
      socket.destroy(new Error(`no connection to ${host}:${port} within ${timeoutMs} ms`)),
    );
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.setTimeout(0);
      socket.off("error", reject);
      resolve(socket);
    });
  });
}

export interface ClientTls {
  readonly ca: Buffer | null;
  /** Verify the server's certificate and its name. */
  readonly verify: boolean;
  readonly serverName: string;
  /** Certificate and key in PEM, for a server that asks who connects. */
  readonly client?: { readonly certificate: Buffer; readonly key: Buffer } | null;
}

/** Turns a connected socket into a TLS client. */
export function secureClient(socket: Socket, options: ClientTls): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const secure = connectTls({
      socket,
      // An address is no name that TLS could send; the certificate is checked against it all the same.
      ...(isIP(options.serverName) === 0 ? { servername: options.serverName } : { host: options.serverName }),
      rejectUnauthorized: options.verify,
      ...(options.client == null ? {} : { cert: options.client.certificate, key: options.client.key }),
      ...(options.ca === null ? {} : { ca: options.ca }),
    });
    secure.once("error", reject);
    secure.once("close", () => reject(new Error("the connection closed during the TLS handshake")));
    secure.once("secureConnect", () => {
      secure.off("error", reject);
      resolve(secure);
    });
  });
}

/** Turns an accepted socket into a TLS server's. `head`: bytes that were read before (a TLS handshake without SSLRequest). */
export function secureServer(socket: Socket, context: SecureContext, protocols: readonly string[]): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const secure = new TLSSocket(socket, { isServer: true, secureContext: context, ALPNProtocols: [...protocols] });
    secure.once("error", reject);
    secure.once("close", () => reject(new Error("the client left during the TLS handshake")));
    secure.once("secure", () => {
      secure.off("error", reject);
      resolve(secure);
    });
  });
}

/** Listens on an address; `accepted` gets each connection. Rejects when the address can't be had. */
export function listen(host: string, port: number, accepted: (socket: Socket) => void): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer({ noDelay: true, pauseOnConnect: true, allowHalfOpen: false }, accepted);
    server.once("error", reject);
    server.listen({ host, port }, () => {
      server.off("error", reject);
      resolve(server);
    });
  });
}

/** Certificate and key in PEM, and the authorities whose client certificates are taken (null: none is asked for). */
export interface ServerTls {
  readonly certificate: Buffer;
  readonly key: Buffer;
  readonly clientCa: Buffer | null;
}

const HANDSHAKE_MS = 10_000;

/** Listens on an address with TLS from the first byte; `accepted` gets each connection once its handshake is done. */
export function listenTls(
  host: string,
  port: number,
  tls: ServerTls,
  protocols: readonly string[],
  accepted: (socket: TLSSocket) => void,
): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createTlsServer(
      {
        cert: tls.certificate,
        key: tls.key,
        minVersion: "TLSv1.2",
        ALPNProtocols: [...protocols],
        handshakeTimeout: HANDSHAKE_MS,
        noDelay: true,
        ...(tls.clientCa === null ? {} : { ca: tls.clientCa, requestCert: true, rejectUnauthorized: false }),
      },
      accepted,
    );
    server.on("tlsClientError", (_fault: Error, socket: TLSSocket) => socket.destroy());
    server.once("error", reject);
    server.listen({ host, port }, () => {
      server.off("error", reject);
      resolve(server);
    });
  });
}

/** Who a client certificate is of, when one was shown that a trusted authority signed: its one common name. */
export function peerOf(socket: TLSSocket): { readonly name: string; readonly expiresAt: number } | null {
  if (!socket.authorized) return null;
  const { subject, valid_to: until } = socket.getPeerCertificate();
  const name: unknown = subject?.CN;
  return typeof name === "string" && name !== "" ? { name, expiresAt: Date.parse(until) } : null;
}

/** The port a server listens on. */
export function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}
