import { Agent, createServer } from "node:http";
import { createProxyServer } from "http-proxy-3";

/** The peer that Node programs use: http-proxy-3 with kept connections. `node bench/http-proxy-peer.ts PORT TARGET_PORT` */
const [port, target] = process.argv.slice(2).map(Number);
const proxy = createProxyServer({
  target: `http://127.0.0.1:${target}`,
  agent: new Agent({ keepAlive: true, maxSockets: 256 }),
});
proxy.on("error", () => undefined);
createServer((request, response) => proxy.web(request, response)).listen(port, "127.0.0.1", () =>
  process.stdout.write("ready\n"),
);
