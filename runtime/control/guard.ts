import type { IncomingMessage } from "node:http";
import { problem, type Problem } from "./problem.ts";

/**
 * What keeps a web page in somebody's browser away from the control API: the request must be addressed to this machine by
 * its own name (a name that was rebound to it is refused), and a browser's word about where it comes from must be us.
 * There is no CORS header in any answer.
 *
 * @returns why the request is refused, or null
 */
export function browserProblem(request: IncomingMessage): Problem | null {
  const host = (request.headers.host ?? "").toLowerCase();
  const { localPort } = request.socket;
  const own =
    localPort === undefined ? ["localhost"] : ["127.0.0.1", "localhost", "[::1]"].map((name) => `${name}:${localPort}`);
  if (!own.includes(host))
    return problem(421, "wrong-host", "Wrong host", "The control API answers to its own address only.");
  const { origin } = request.headers;
  if (origin !== undefined && origin.toLowerCase() !== `http://${host}`) {
    return problem(403, "wrong-origin", "Wrong origin", "The control API does not answer to other web pages.");
  }
  const site = request.headers["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin" && site !== "none") {
    return problem(403, "wrong-origin", "Wrong origin", "The control API does not answer to other web pages.");
  }
  return null;
}
