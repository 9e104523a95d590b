import { assert } from "../../base/assert.ts";
import { ok, type Result } from "../../base/result.ts";
import { NONCE_CHARS_MAX } from "./limits.ts";
import {
  areExtensions,
  attribute,
  decodeBase64,
  hmac,
  isNonce,
  messageText,
  sameBytes,
  SCRAM_SHA_256,
  SCRAM_SHA_256_PLUS,
  scramFailure,
  sha256,
  xor,
  type ScramFailure,
  type ScramMechanism,
  type ScramVerifier,
} from "./scram.ts";

export interface ScramServerOptions {
  readonly verifier: ScramVerifier;
  /** False for a mock verifier: the exchange goes its whole way and is refused at the end. */
  readonly userExists: boolean;
  /** The server's part of the nonce: at least 18 random bytes as base64. */
  readonly nonce: string;
  /** `tls-server-end-point` of the certificate that this connection was given, or null: then only the plain mechanism is offered. */
  readonly channelBinding: Uint8Array | null;
}

/** Mechanisms to offer, the stronger first. */
export const offeredMechanisms = (channelBinding: Uint8Array | null): readonly ScramMechanism[] =>
  channelBinding === null ? [SCRAM_SHA_256] : [SCRAM_SHA_256_PLUS, SCRAM_SHA_256];

type Step =
  | { readonly at: "first" }
  | {
      readonly at: "final";
      readonly bare: string;
      readonly reply: string;
      readonly nonce: string;
      readonly header: string;
      readonly bound: boolean;
    }
  | { readonly at: "done" };

/**
 * The server's side of one SCRAM exchange: `first`, then `final`, once each. A failure ends it. The user name inside the
 * message is not looked at: as in PostgreSQL, it is the connection's user whose verifier is given in.
 *
 * Source: RFC 5802 sections 5 to 7; the checks of the GS2 header follow PostgreSQL's `auth-scram.c`.
 */
export class ScramServer {
  readonly #options: ScramServerOptions;
  #step: Step = { at: "first" };

  constructor(options: ScramServerOptions) {
    assert(isNonce(options.nonce) && options.nonce.length >= 16, "a server nonce of at least 16 printable characters");
    this.#options = options;
  }

  /** Takes the client's first message, gives the server's first. */
  first(mechanism: string, message: Uint8Array): Result<Buffer, ScramFailure> {
    assert(this.#step.at === "first", "the first message comes first");
    this.#step = { at: "done" };
    const { channelBinding, verifier } = this.#options;
    const plus = mechanism === SCRAM_SHA_256_PLUS;
    if (!(plus ? channelBinding !== null : mechanism === SCRAM_SHA_256)) {
      return scramFailure("unsupported", "the client chose a SASL mechanism that was not offered");
    }
    const text = messageText(message);
    if (!text.ok) return text;
    const parts = text.value.split(",");
    const [flag, authorization, user, nonceText] = parts;
    if (flag === "n" || flag === "y") {
      if (plus) return scramFailure("malformed", `the client chose ${SCRAM_SHA_256_PLUS} but sends no channel binding`);
      // It could bind and believes that we can't, though we offered it: somebody cut the offer short.
      if (flag === "y" && channelBinding !== null) {
        return scramFailure(
          "channel-binding",
          "the client believes that channel binding is not offered, but it is: the negotiation was tampered with",
        );
      }
    } else if (flag?.startsWith("p=") === true) {
      if (!plus) return scramFailure("malformed", `the client chose ${SCRAM_SHA_256} but asks for channel binding`);
      if (flag !== "p=tls-server-end-point")
        return scramFailure("unsupported", "the only channel binding supported is tls-server-end-point");
    } else return scramFailure("malformed", "the SASL message does not begin with a GS2 header");
    if (authorization !== "") return scramFailure("unsupported", "an authorization identity is not supported");
    if (user?.startsWith("m=") === true)
      return scramFailure("unsupported", "the client requires a SCRAM extension that is not supported");
    const name = attribute(user, "n");
    if (name === undefined || /=(?!2C|3D)/.test(name))
      return scramFailure("malformed", "the SASL message has no well-formed user name");
    const clientNonce = attribute(nonceText, "r");
    if (clientNonce === undefined || !isNonce(clientNonce) || clientNonce.length > NONCE_CHARS_MAX) {
      return scramFailure("malformed", "the SASL message has no well-formed nonce");
    }
    if (!areExtensions(parts.slice(4)))
      return scramFailure("malformed", "the SASL message ends in something that is no extension");
    const nonce = clientNonce + this.#options.nonce;
    const reply = `r=${nonce},s=${verifier.salt.toString("base64")},i=${verifier.iterations}`;
    this.#step = { at: "final", bare: parts.slice(2).join(","), reply, nonce, header: `${flag},,`, bound: plus };
    return ok(Buffer.from(reply, "utf8"));
  }

  /** Takes the client's final message; gives the server's final, which means that the client is who it says. */
  final(message: Uint8Array): Result<Buffer, ScramFailure> {
    const step = this.#step;
    assert(step.at === "final", "the final message comes after the first");
    this.#step = { at: "done" };
    const { channelBinding, verifier, userExists } = this.#options;
    const text = messageText(message);
    if (!text.ok) return text;
    const parts = text.value.split(",");
    const proofText = attribute(parts.at(-1), "p");
    const proof = proofText === undefined ? undefined : decodeBase64(proofText);
    if (parts.length < 3 || proof?.length !== 32 || !areExtensions(parts.slice(2, -1))) {
      return scramFailure("malformed", "the SASL message has no well-formed proof");
    }
    const expected = Buffer.concat([
      Buffer.from(step.header, "utf8"),
      step.bound && channelBinding !== null ? channelBinding : Buffer.alloc(0),
    ]);
    const given = decodeBase64(attribute(parts[0], "c") ?? "");
    if (given === undefined || !sameBytes(given, expected)) {
      return scramFailure(
        "channel-binding",
        "the channel binding does not fit this connection: it may have been intercepted",
      );
    }
    if (attribute(parts[1], "r") !== step.nonce)
      return scramFailure("nonce", "the SASL message does not repeat the nonce");
    const withoutProof = parts.slice(0, -1).join(",");
    const authMessage = `${step.bare},${step.reply},${withoutProof}`;
    const clientKey = xor(proof, hmac(verifier.storedKey, authMessage));
    const fits = sameBytes(sha256(clientKey), verifier.storedKey);
    const serverFinal = `v=${hmac(verifier.serverKey, authMessage).toString("base64")}`;
    if (!fits || !userExists) return scramFailure("refused", "password authentication failed");
    return ok(Buffer.from(serverFinal, "utf8"));
  }
}
