import { startHttpGateway, startTarget, type TestTarget } from "../support/http-gateway.ts";
import { outcomesSuite } from "./suite.ts";
import { webGateway } from "./web.ts";

let target: TestTarget;

outcomesSuite({
  protocol: "http",
  missing: false,
  requester: "dev",
  approver: { name: "lea", groups: ["dba-leads"] },
  rules: { denied: "request.method == DELETE", held: "request.method == POST", mask: `fields "$.email"` },
  secret: "secret-value@example.com",
  status: { ok: "200", denied: "403", unavailable: "503", lost: "502" },
  async begin() {
    target = await startTarget((request, _body, response) => {
      response.setHeader("content-type", "application/json");
      response.end(request.url === "/me" ? `{"email":"secret-value@example.com"}` : `{"it":"passed"}`);
    });
    return target.port;
  },
  end: () => target.close(),
  async start(policy, port) {
    const gateway = await startHttpGateway({
      policy,
      targets: `  - { name: api, protocol: http, hosts: [api], address: "127.0.0.1:${port}" }`,
    });
    return webGateway(gateway, gateway.as("dev"), {
      allowed: { method: "GET", path: "/x" },
      denied: { method: "DELETE", path: "/x" },
      held: { method: "POST", path: "/x", body: "{}" },
      masked: { method: "GET", path: "/me" },
    });
  },
  happened: (what) => target.requests.filter(({ method }) => method === (what === "denied" ? "DELETE" : "POST")).length,
});
