import type { NormalRequest, ResponseHead, StreamAsk } from "../../protocols/http/index.ts";
import type { Judgement } from "../../session/index.ts";
import type { ClientConnection } from "../http/client.ts";
import { WAITING_BYTES_MAX } from "../http/limits.ts";
import type { WebSession } from "../http/session.ts";
import type { Standing } from "../http/standing.ts";
import { joinSockets, partSockets } from "../http/upgrade.ts";
import type { UpstreamConnection } from "../http/upstream.ts";
import type { TextMask } from "../ssh/text-mask.ts";
import { DRAIN_MS } from "./limits.ts";

export interface StreamRelayParts {
  readonly client: ClientConnection;
  readonly connection: UpstreamConnection;
  readonly request: NormalRequest;
  readonly head: ResponseHead;
  readonly session: WebSession;
  readonly judged: Judgement;
  readonly ask: StreamAsk;
  readonly standing: Standing;
  /** Makes a mask for one stream of output; null when none applies. */
  readonly mask: () => TextMask | null;
  /** Called once, when all is over. `whole`: it was recorded to its end. */
  readonly ended: (why: string, bytes: number, masked: readonly string[], whole: boolean) => void;
}

/** Two sockets with nothing in between but counting, the policy's word at each piece, and an end. */
export class Tunnel {
  protected readonly parts: StreamRelayParts;
  protected over = false;
  protected bytes = 0;
  readonly #upgrade: string;
  #callOff: () => void = () => undefined;

  constructor(parts: StreamRelayParts, upgrade: string) {
    this.parts = parts;
    this.#upgrade = upgrade;
  }

  begin(): void {
    this.#watchSignIn();
    joinSockets(this.parts, this.#upgrade, {
      onClient: (chunk) => {
        if (this.#mayGoOn()) this.onClient(chunk);
      },
      onTarget: (chunk) => {
        if (this.#mayGoOn()) this.onTarget(chunk);
      },
      clientDrained: () => this.resumeTarget(),
      targetDrained: () => this.parts.client.socket.resume(),
      clientLeft: (why) => this.end(why),
      targetLeft: (why) => this.targetEnded(why),
      targetFailed: (why) => this.end(why),
    });
  }

  /** Ends it when the sign-in does, though nothing moves. */
  #watchSignIn(): void {
    const { service, identity } = this.parts.session;
    const { expiresAt } = identity;
    if (expiresAt === null) return;
    this.#callOff = service.clock.after(expiresAt - service.clock.now(), () => {
      if (this.#mayGoOn()) this.#watchSignIn();
    });
  }

  /** False: it is over, or by now the policy would not let it go on. */
  #mayGoOn(): boolean {
    if (this.over) return false;
    const why = this.parts.standing.fault();
    if (why !== null) this.stop(why.hint === undefined ? why.message : `${why.message}. ${why.hint}`);
    return why === null;
  }

  protected resumeTarget(): void {
    this.parts.connection.socket.resume();
  }

  protected onClient(chunk: Buffer): void {
    this.toTarget(chunk);
  }

  protected onTarget(chunk: Buffer): void {
    if (this.count(chunk.length)) this.toClient(chunk);
  }

  protected toTarget(bytes: Buffer): void {
    const { client, connection } = this.parts;
    if (!connection.socket.write(bytes) && connection.socket.writableLength > WAITING_BYTES_MAX) client.socket.pause();
  }

  protected toClient(bytes: Buffer): void {
    const { client, connection } = this.parts;
    if (!client.socket.write(bytes) && client.socket.writableLength > WAITING_BYTES_MAX) connection.socket.pause();
  }

  /** False: a rule allows no more, and it is over. */
  protected count(bytes: number): boolean {
    this.bytes += bytes;
    const limit = this.parts.judged.decision.byteLimit;
    if (limit === null || this.bytes <= limit) return true;
    this.stop(`more than the ${limit} bytes that a rule allows`);
    return false;
  }

  protected stop(why: string): void {
    this.end(`ended by the gateway: ${why}`);
  }

  protected targetEnded(why: string): void {
    this.end(why);
  }

  protected end(why: string): void {
    if (this.over) return;
    this.over = true;
    this.#callOff();
    partSockets(this.parts, this.parts.session.service.clock, DRAIN_MS);
    this.finished(why);
  }

  protected finished(why: string): void {
    this.parts.ended(why, this.bytes, [], true);
  }
}
