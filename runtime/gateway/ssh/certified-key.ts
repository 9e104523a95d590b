import type { Client, ParsedKey } from "ssh2";
import { assert } from "../../../base/assert.ts";
import { sshString } from "../../identity/index.ts";

/** The parts of ssh2's client that a packet is written with. */
interface Writer {
  allocStart: number;
  alloc(bytes: number): Buffer;
  finalize(packet: Buffer): Buffer;
}
interface Writing {
  readonly _protocol?: { readonly _kexinit?: unknown; readonly _packetRW?: { readonly write?: Writer } };
}

/**
 * A private key as a client shows it under a certificate. ssh2 knows no certificates, but takes any key by its kind and its
 * bytes, and so shows the certificate as they are. Only the signature would have the certificate's kind for its name, where
 * the plain kind belongs (PROTOCOL.certkeys): the one packet with it is put right as it is handed on.
 *
 * @param client the client that signs in with it; used when it signs
 */
export function certifiedKey(key: ParsedKey, type: string, certificate: Buffer, client: () => Client): ParsedKey {
  const certified = Object.create(key) as ParsedKey;
  Object.defineProperties(certified, {
    type: { value: type },
    getPublicSSH: { value: () => certificate },
    sign: {
      value: (data: Buffer) => {
        const signature = key.sign(data);
        if (Buffer.isBuffer(signature)) nameSignature(client(), type, key.type, signature);
        return signature;
      },
    },
  });
  return certified;
}

/** Puts the plain kind into the next packet, which ssh2 writes before it does anything else. */
function nameSignature(client: Client, type: string, plain: string, signature: Buffer): void {
  const protocol = (client as unknown as Writing)._protocol;
  const writer = protocol?._packetRW?.write;
  // While keys are exchanged packets are laid out otherwise; before sign-in is over no server begins that.
  assert(writer !== undefined && protocol?._kexinit === undefined, "the client writes packets as ssh2 1.17 does");
  const wrong = proof(type, signature);
  const right = proof(plain, signature);
  writer.finalize = (packet: Buffer): Buffer => {
    // The method is the prototype's again.
    delete (writer as Partial<Writer>).finalize;
    const end = packet.lastIndexOf(wrong);
    assert(end > writer.allocStart, "the packet holds the signature");
    const head = packet.subarray(writer.allocStart, end);
    const renamed = writer.alloc(head.length + right.length);
    head.copy(renamed, writer.allocStart);
    right.copy(renamed, writer.allocStart + head.length);
    return writer.finalize(renamed);
  };
}

/** A signature as a packet has it at its end (RFC 4252, section 7). */
const proof = (name: string, signature: Buffer): Buffer =>
  sshString(Buffer.concat([sshString(name), sshString(signature)]));
