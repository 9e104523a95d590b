import { assert } from "../../base/assert.ts";
import { ok, type Result } from "../../base/result.ts";
import { ITERATIONS_MAX, ITERATIONS_MIN, NONCE_CHARS_MAX, PASSWORD_BYTES_MAX, SALT_BYTES_MAX } from "./limits.ts";
import {
  attribute,
  decodeBase64,
  hmac,
  isNonce,
  messageText,
  saltedPassword,
  sameBytes,
  SCRAM_SHA_256,
  SCRAM_SHA_256_PLUS,
  scramFailure,
  sha256,
  xor,
  type ScramFailure,
  type ScramMechanism,
} from "./scram.ts";

export interface ScramClientOptions {
  /** User name inside the message. Left out, it is empty: as with libpq, a PostgreSQL server takes the connection's. */
  readonly user?: string;
  /** As UTF-8 when it is a text. */
  readonly password: string | Uint8Array;
  /** At least 18 random bytes as base64. */
  readonly nonce: string;
  /** Mechanisms that the server offers. */
  readonly offered: readonly string[];
  /** `tls-server-end-point` of the server's certificate, or null where there is none (no TLS, or a certificate without a hash). */
  readonly channelBinding: Uint8Array | null;
}

type Step =
  | { readonly at: "begin" }
  | { readonly at: "first"; readonly bare: string; readonly header: string; readonly binding: Uint8Array }
  | { readonly at: "final"; readonly serverSignature: Buffer }
  | { readonly at: "done" };

/**
 * The client's side of one SCRAM exchange: `begin`, `first`, `final`, once each.
 *
 * It refuses a server that wants fewer than `ITERATIONS_MIN` rounds (the proof would be cheap to guess) or more than
 * `ITERATIONS_MAX` (it would burn our time), and one that can't show that it knows the verifier.
 */
export class ScramClient {
  readonly #options: ScramClientOptions;
  #step: Step = { at: "begin" };

  constructor(options: ScramClientOptions) {
    assert(isNonce(options.nonce) && options.nonce.length >= 16, "a client nonce of at least 16 printable characters");
    this.#options = options;
  }

  /** The mechanism to ask for and the client's first message. */
  begin(): Result<{ readonly mechanism: ScramMechanism; readonly message: Buffer }, ScramFailure> {
    assert(this.#step.at === "begin", "an exchange begins once");
    this.#step = { at: "done" };
    const { offered, channelBinding, nonce, password, user = "" } = this.#options;
    if (Buffer.byteLength(password) > PASSWORD_BYTES_MAX)
      return scramFailure("unsupported", `the password is longer than ${PASSWORD_BYTES_MAX} bytes`);
    const plus = channelBinding !== null && offered.includes(SCRAM_SHA_256_PLUS);
    if (!plus && !offered.includes(SCRAM_SHA_256)) {
      return scramFailure(
        "unsupported",
        `the server offers neither ${SCRAM_SHA_256_PLUS} (usable here: ${channelBinding === null ? "no" : "yes"}) nor ${SCRAM_SHA_256}`,
      );
    }
    // `y` tells a server that offered binding, unseen by us, that somebody cut its offer short.
    const header = plus ? "p=tls-server-end-point,," : channelBinding === null ? "n,," : "y,,";
    const name = user.replaceAll("=", "=3D").replaceAll(",", "=2C");
    const bare = `n=${name},r=${nonce}`;
    this.#step = { at: "first", bare, header, binding: plus ? channelBinding : Buffer.alloc(0) };
    return ok({ mechanism: plus ? SCRAM_SHA_256_PLUS : SCRAM_SHA_256, message: Buffer.from(header + bare, "utf8") });
  }

  /** Takes the server's first message, gives the client's final. The rounds are computed on the thread pool. */
  async first(message: Uint8Array): Promise<Result<Buffer, ScramFailure>> {
    const step = this.#step;
    assert(step.at === "first", "the server's first message comes after the client's");
    this.#step = { at: "done" };
    const text = messageText(message);
    if (!text.ok) return text;
    const parts = text.value.split(",");
    if (parts[0]?.startsWith("m=") === true)
      return scramFailure("unsupported", "the server requires a SCRAM extension that is not supported");
    const nonce = attribute(parts[0], "r");
    const salt = decodeBase64(attribute(parts[1], "s") ?? "");
    const iterationsText = attribute(parts[2], "i");
    if (
      nonce === undefined ||
      salt === undefined ||
      salt.length === 0 ||
      salt.length > SALT_BYTES_MAX ||
      !/^[1-9]\d{0,9}$/.test(iterationsText ?? "")
    ) {
      return scramFailure("malformed", "the server's SASL message is malformed");
    }
    if (
      !isNonce(nonce) ||
      !nonce.startsWith(this.#options.nonce) ||
      nonce.length === this.#options.nonce.length ||
      nonce.length > NONCE_CHARS_MAX
    ) {
      return scramFailure("nonce", "the server's nonce does not extend ours");
    }
    const iterations = Number(iterationsText);
    if (iterations < ITERATIONS_MIN || iterations > ITERATIONS_MAX) {
      return scramFailure(
        "iterations",
        `the server asks for ${iterations} rounds; between ${ITERATIONS_MIN} and ${ITERATIONS_MAX} are accepted`,
      );
    }
    const { password } = this.#options;
    const salted = await saltedPassword(
      typeof password === "string" ? Buffer.from(password, "utf8") : password,
      salt,
      iterations,
    );
    const clientKey = hmac(salted, "Client Key");
    const binding = Buffer.concat([Buffer.from(step.header, "utf8"), step.binding]).toString("base64");
    const withoutProof = `c=${binding},r=${nonce}`;
    const authMessage = `${step.bare},${text.value},${withoutProof}`;
    const proof = xor(clientKey, hmac(sha256(clientKey), authMessage));
    this.#step = { at: "final", serverSignature: hmac(hmac(salted, "Server Key"), authMessage) };
    return ok(Buffer.from(`${withoutProof},p=${proof.toString("base64")}`, "utf8"));
  }

  /** Takes the server's final message: ok when the server knows the verifier too. */
  final(message: Uint8Array): Result<null, ScramFailure> {
    const step = this.#step;
    assert(step.at === "final", "the server's final message comes last");
    this.#step = { at: "done" };
    const text = messageText(message);
    if (!text.ok) return text;
    const first = text.value.split(",")[0];
    if (first?.startsWith("e=") === true) return scramFailure("refused", "the server refused the password");
    const signature = decodeBase64(attribute(first, "v") ?? "");
    if (signature === undefined || !sameBytes(signature, step.serverSignature)) {
      return scramFailure(
        "server-proof",
        "the server could not prove that it knows the password's verifier: it may be an impostor",
      );
    }
    return ok(null);
  }
}
