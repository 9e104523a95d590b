import { OPCODE, type WebSocketMessage } from "./websocket.ts";

const EMPTY = Buffer.alloc(0);

export type WebSocketSide = "client" | "target";

/**
 * What the two sides of a WebSocket put into their pings is for themselves: it comes back to them with the answer (RFC 6455,
 * section 5.5.3: the last ping's is enough), and never goes to the other side, where nobody would have masked or recorded it.
 */
export class Pings {
  readonly #asked: { [S in WebSocketSide]: Buffer } = { client: EMPTY, target: EMPTY };

  /** What goes on in place of a ping or pong of this side. */
  instead(side: WebSocketSide, { opcode, data }: WebSocketMessage): Buffer {
    if (opcode === OPCODE.ping) {
      this.#asked[side] = data;
      return EMPTY;
    }
    const other = side === "client" ? "target" : "client";
    const back = this.#asked[other];
    this.#asked[other] = EMPTY;
    return back;
  }
}
