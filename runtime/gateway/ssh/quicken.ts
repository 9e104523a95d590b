import { createSecretKey, type KeyObject } from "node:crypto";
import type { Random, Socket } from "../../outside/index.ts";
import { ChaChaOpener, ChaChaSealer, tagger } from "./chacha.ts";
import { GcmOpener, GcmSealer, isGcm } from "./gcm.ts";
import { giveBack, lend } from "./packet-memory.ts";
import { PacketOpener, type OnPayload, type Opener, type Sealer, type Write } from "./packets.ts";

/** ssh2's private members. Any of them may be missing. */
interface Members {
  [member: string]: unknown;
}

/** Members of ssh2's ciphers that hold a key, which it hands to node:crypto for every packet. */
const KEYS = ["_encKey", "_encKeyMain", "_encKeyPktLen", "_decipherKey", "_decKeyMain", "_decKeyPktLen", "_macKey"];

/**
 * Where ssh2's own addon is not built for this Node, its ciphers take several times as long as what they do: this puts
 * others in their place, and has everything that is sealed in one moment written at once. What it does not find as ssh2
 * 1.17 has it stays as it is. To be called in the call that tells of an exchange of keys, after each.
 */
export function quicken(connection: object, socket: Socket, random: Random): void {
  const { _protocol: protocol } = connection as { readonly _protocol?: Members };
  const { _cipher: cipher, _decipher: decipher } = protocol ?? {};
  if (protocol === undefined || !isObject(cipher) || !isObject(decipher)) return;
  prepareKeys(cipher);
  prepareKeys(decipher);
  if (typeof cipher["_onWrite"] === "function") {
    cipher["_onWrite"] = gathered(socket, cipher["_onWrite"] as Write);
    protocol["_cipher"] = sealerFor(cipher, random) ?? cipher;
  }
  protocol["_decipher"] = openerFor(decipher) ?? decipher;
  if (watched.has(socket)) return;
  watched.add(socket);
  // Behind ssh2, which is done with bytes when it has listened; of ours no opener keeps any of them.
  socket.on("data", (bytes: Buffer) => {
    if (!(protocol["_decipher"] instanceof PacketOpener)) return;
    lend(bytes);
    giveBack(bytes);
  });
}

/** Sockets whose bytes are given back. */
const watched = new WeakSet<Socket>();

const isObject = (value: unknown): value is Members => typeof value === "object" && value !== null;

/**
 * node:crypto takes ten times as long over a key in plain bytes as over a prepared one, and a cipher is made for every
 * packet.
 */
function prepareKeys(cipher: Members): void {
  for (const member of KEYS) {
    const key = cipher[member];
    if (Buffer.isBuffer(key)) cipher[member] = createSecretKey(key);
  }
}

/** Has what comes until the work at hand is done written in one call. */
function gathered(socket: Socket, write: Write): Write {
  let pieces: Buffer[] | null = null;
  const send = (): void => {
    const sent = pieces!;
    pieces = null;
    socket.uncork();
    // The kernel has all of it.
    if (socket.writableLength === 0) for (const piece of sent) giveBack(piece);
  };
  return (bytes) => {
    if (pieces === null) {
      pieces = [];
      socket.cork();
      queueMicrotask(send);
    }
    pieces.push(bytes);
    write(bytes);
  };
}

const isIv = (value: unknown): value is Buffer => Buffer.isBuffer(value) && value.length === 12;
/** By now prepared. */
const isKey = (value: unknown): value is KeyObject => isObject(value) && "symmetricKeySize" in value;

function sealerFor(cipher: Members, random: Random): Sealer | null {
  const { outSeqno, _onWrite, _encSSLName: name, _encKey: key, _encIV: iv } = cipher;
  const { _encKeyMain: main, _encKeyPktLen: length } = cipher;
  if (typeof outSeqno !== "number") return null;
  const write = _onWrite as Write;
  if (isGcm(name) && isKey(key) && isIv(iv)) return new GcmSealer(name, key, iv, outSeqno, write, random);
  if (tagger !== null && isKey(main) && isKey(length))
    return new ChaChaSealer(main, length, tagger, outSeqno, write, random);
  return null;
}

function openerFor(decipher: Members): Opener | null {
  const { inSeqno, _onPayload, _decipherSSLName: name, _decipherKey: key, _decipherIV: iv } = decipher;
  const { _decKeyMain: main, _decKeyPktLen: length } = decipher;
  // One that has begun with a packet is left to end it.
  const { _len, _lenBytes, _lenPos } = decipher;
  if (typeof inSeqno !== "number" || typeof _onPayload !== "function" || _len !== 0) return null;
  const onPayload = _onPayload as OnPayload;
  if (isGcm(name) && isKey(key) && isIv(iv) && _lenBytes === 0) return new GcmOpener(name, key, iv, inSeqno, onPayload);
  if (tagger !== null && isKey(main) && isKey(length) && _lenPos === 0)
    return new ChaChaOpener(main, length, tagger, inSeqno, onPayload);
  return null;
}
