import { err, ok, type Result } from "../../../base/result.ts";
import { ScramClient, ScramServer, offeredMechanisms, type ScramVerifier } from "../../credentials/index.ts";
import type { ByteStream } from "../byte-stream.ts";
import { BodyReader, readReport } from "./fields.ts";
import { PASSWORD_BYTES_MAX, SERVER_CONTROL_BYTES_MAX } from "./limits.ts";
import {
  CLIENT,
  HEADER_BYTES,
  SERVER,
  authenticationCleartext,
  authenticationSasl,
  authenticationSaslContinue,
  authenticationSaslFinal,
  cstring,
  int32,
  message,
} from "./messages.ts";
import { startupPacket } from "./startup.ts";

interface Message {
  readonly type: number;
  readonly body: Buffer;
}

/** One message of a handshake, its length checked before it is waited for. Null when the connection ends. */
async function next(stream: ByteStream, bytesMax: number): Promise<Result<Message, string> | null> {
  const head = await stream.take(HEADER_BYTES);
  if (head === null) return null;
  const length = head.readInt32BE(1);
  if (length < 4 || length > bytesMax) return err(`a message of ${length} bytes during sign-in`);
  const body = length === 4 ? Buffer.alloc(0) : await stream.take(length - 4);
  return body === null ? null : ok({ type: head[0]!, body });
}

/** What the client has to be asked for, and how to answer it. */
export interface SignIn {
  /** Null: the name signs in with a token. */
  readonly verifier: ScramVerifier | null;
  readonly userExists: boolean;
  readonly serverNonce: string;
  /** `tls-server-end-point` of our certificate, when the connection is encrypted. */
  readonly channelBinding: Buffer | null;
  /** Checks a token; answers null when it is good, else why not. */
  readonly checkToken: (token: string) => Promise<string | null>;
}

export type SignInFailure =
  | { readonly kind: "left" }
  | { readonly kind: "refused"; readonly why: string }
  | { readonly kind: "protocol"; readonly why: string };

/**
 * Signs a client in: by SCRAM-SHA-256, or by a token that it gives as its password (over TLS only; the caller sees to that).
 * AuthenticationOk is left to the caller.
 */
export async function signIn(
  stream: ByteStream,
  send: (bytes: Buffer) => void,
  options: SignIn,
): Promise<Result<null, SignInFailure>> {
  const password = async (): Promise<Result<Buffer, SignInFailure>> => {
    const found = await next(stream, PASSWORD_BYTES_MAX);
    if (found === null) return err({ kind: "left" });
    if (!found.ok) return err({ kind: "protocol", why: found.error });
    if (found.value.type !== CLIENT.password)
      return err({ kind: "protocol", why: "another message than the password during sign-in" });
    return ok(found.value.body);
  };
  if (options.verifier === null) {
    send(authenticationCleartext());
    const answer = await password();
    if (!answer.ok) return answer;
    const body = new BodyReader(answer.value, 0, answer.value.length);
    const token = body.cstring();
    if (!body.finished) return err({ kind: "protocol", why: "a malformed password message" });
    const why = await options.checkToken(token);
    return why === null ? ok(null) : err({ kind: "refused", why });
  }
  send(authenticationSasl(offeredMechanisms(options.channelBinding)));
  const first = await password();
  if (!first.ok) return first;
  const body = new BodyReader(first.value, 0, first.value.length);
  const mechanism = body.cstring();
  const length = body.int32();
  const data = body.bytes(length);
  if (!body.finished) return err({ kind: "protocol", why: "a malformed SASL message" });
  const scram = new ScramServer({
    verifier: options.verifier,
    userExists: options.userExists,
    nonce: options.serverNonce,
    channelBinding: options.channelBinding,
  });
  const challenge = scram.first(mechanism, data);
  if (!challenge.ok) return err({ kind: "refused", why: challenge.error.message });
  send(authenticationSaslContinue(challenge.value));
  const proof = await password();
  if (!proof.ok) return proof;
  const final = scram.final(proof.value);
  if (!final.ok) return err({ kind: "refused", why: final.error.message });
  send(authenticationSaslFinal(final.value));
  return ok(null);
}

/** What a target said while we signed in there. */
export interface ServerSession {
  readonly processId: number;
  readonly cancelKey: Buffer;
  /** ParameterStatus messages, in order. */
  readonly parameters: ReadonlyMap<string, string>;
  /** Transaction status, always idle here. */
  readonly status: number;
}

export interface LoginOptions {
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly minor: number;
  readonly settings: readonly (readonly [string, string])[];
  readonly nonce: string;
  readonly channelBinding: Buffer | null;
}

/** Why a target did not take us: a word for the operator, and what of it the client may see. */
export interface LoginFailure {
  readonly why: string;
  readonly sqlstate: string;
}

/** Signs in at a target, to the first ReadyForQuery. Only SCRAM and trust are done: a password is never sent in clear. */
export async function login(
  stream: ByteStream,
  send: (bytes: Buffer) => void,
  options: LoginOptions,
): Promise<Result<ServerSession, LoginFailure>> {
  const fail = (why: string, sqlstate = "08006"): { ok: false; error: LoginFailure } => err({ why, sqlstate });
  send(startupPacket(options.minor, [["user", options.user], ["database", options.database], ...options.settings]));
  const parameters = new Map<string, string>();
  let processId = 0;
  let cancelKey: Buffer = Buffer.alloc(0);
  let scram: ScramClient | null = null;
  let proved = false;
  for (;;) {
    const found = await next(stream, SERVER_CONTROL_BYTES_MAX);
    if (found === null) return fail("the target closed the connection during sign-in");
    if (!found.ok) return fail(`the target sent ${found.error}`);
    const { type, body } = found.value;
    switch (type) {
      case SERVER.authentication: {
        const step = await authenticate(body, scram, options);
        if (!step.ok) return fail(step.error, "28000");
        if (step.value.scram !== undefined) scram = step.value.scram;
        if (step.value.proved === true) proved = true;
        if (step.value.send !== undefined) send(step.value.send);
        if (step.value.done === true && scram !== null && !proved)
          return fail("the target took our password without proving that it knows it", "28000");
        break;
      }
      case SERVER.parameterStatus: {
        const reader = new BodyReader(body, 0, body.length);
        const name = reader.cstring();
        parameters.set(name, reader.cstring());
        break;
      }
      case SERVER.backendKeyData:
        if (body.length < 8) return fail("the target sent a malformed cancel key");
        processId = body.readInt32BE(0);
        cancelKey = Buffer.from(body.subarray(4));
        break;
      case SERVER.readyForQuery:
        return ok({ processId, cancelKey, parameters, status: body[0] ?? 0 });
      case SERVER.error: {
        const report = readReport(body, 0, body.length);
        const fields = report.ok ? report.value : new Map<string, string>();
        return fail(`the target refuses: ${fields.get("M") ?? "no reason given"}`, fields.get("C") ?? "08006");
      }
      case SERVER.notice:
      case SERVER.negotiateVersion:
        break;
      default:
        return fail(`the target sent a message of type ${type} during sign-in`);
    }
  }
}

interface AuthenticationStep {
  readonly send?: Buffer;
  readonly scram?: ScramClient;
  readonly proved?: boolean;
  readonly done?: boolean;
}

async function authenticate(
  body: Buffer,
  scram: ScramClient | null,
  options: LoginOptions,
): Promise<Result<AuthenticationStep, string>> {
  const reader = new BodyReader(body, 0, body.length);
  const code = reader.int32();
  const data = body.subarray(4);
  switch (code) {
    case 0:
      return ok({ done: true });
    case 10: {
      const offered: string[] = [];
      for (let name = reader.cstring(); name !== ""; name = reader.cstring()) offered.push(name);
      const client = new ScramClient({
        password: options.password,
        nonce: options.nonce,
        offered,
        channelBinding: options.channelBinding,
      });
      const begun = client.begin();
      if (!begun.ok) return err(begun.error.message);
      const { mechanism, message: first } = begun.value;
      return ok({ scram: client, send: message(CLIENT.password, cstring(mechanism), int32(first.length), first) });
    }
    case 11: {
      if (scram === null) return err("a SCRAM step before its beginning");
      const answer = await scram.first(data);
      return answer.ok ? ok({ send: message(CLIENT.password, answer.value) }) : err(answer.error.message);
    }
    case 12: {
      if (scram === null) return err("a SCRAM step before its beginning");
      const checked = scram.final(data);
      return checked.ok ? ok({ proved: true }) : err(checked.error.message);
    }
    case 3:
      return err(
        "the target asks for the password in clear, which is not done; set its password_encryption and pg_hba.conf to scram-sha-256",
      );
    case 5:
      return err(
        "the target asks for an MD5 password, which is not done; set its password_encryption to scram-sha-256",
      );
    default:
      return err(`the target asks for authentication of kind ${code}, which is not done`);
  }
}
