import { Agent, request as send } from "node:http";
import type { HttpTestGateway } from "../support/http-gateway.ts";
import type { Answer, Asked, OutcomesGateway } from "./driver.ts";

export interface WebRequest {
  readonly method: string;
  readonly path: string;
  readonly body?: string;
}

/** A gateway with clients that keep one connection open, for the protocols over HTTP. */
export function webGateway(
  gateway: HttpTestGateway,
  fields: Readonly<Record<string, string>>,
  requests: Readonly<Record<Asked, WebRequest>>,
): OutcomesGateway {
  return {
    running: gateway.running,
    folder: gateway.folder,
    open() {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      return Promise.resolve({
        ask: (what) => ask(gateway.port, agent, fields, requests[what]),
        close: () => Promise.resolve(agent.destroy()),
      });
    },
    async policy(text) {
      const fault = await gateway.policy(text);
      if (fault !== null) throw new Error(fault);
    },
    close: () => gateway.close(),
  };
}

function ask(
  port: number,
  agent: Agent,
  fields: Readonly<Record<string, string>>,
  { method, path, body }: WebRequest,
): Promise<Answer> {
  const headers = body === undefined ? fields : { ...fields, "content-type": "application/json" };
  return new Promise((resolve, reject) => {
    const one = send({ host: "127.0.0.1", port, agent, method, path, headers }, (response) => {
      let shown = "";
      response.setEncoding("utf8").on("data", (text: string) => (shown += text));
      response.on("error", reject);
      response.on("end", () => resolve({ status: String(response.statusCode), shown }));
    });
    one.on("error", reject);
    one.end(body);
  });
}
