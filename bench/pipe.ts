import { connect, createServer } from "node:net";

/** A bare Node pipe: what a process in between costs before it does anything. */
const [listenPort, targetPort] = process.argv.slice(2).map(Number);
createServer({ noDelay: true }, (client) => {
  const server = connect({ host: "127.0.0.1", port: targetPort!, noDelay: true });
  client.pipe(server);
  server.pipe(client);
  client.on("error", () => server.destroy());
  server.on("error", () => client.destroy());
}).listen(listenPort, "127.0.0.1", () => process.stdout.write("ready\n"));
