import { describe, expect, it } from "vitest";
import { readConfig } from "../config.ts";

const config = (signIn: string, listen: string, hosts: string): string => `listen:
  - { protocol: ssh, address: "127.0.0.1:2222" }
${listen}targets:
  - { name: api, protocol: http, hosts: [${hosts}], address: "127.0.0.1:80" }
bundle: { path: policy.bundle, keys: [bundle.pub] }
state: state
ssh:
  signIn: { ${signIn} }
`;
const HTTP = `  - { protocol: http, address: "127.0.0.1:8080" }\n`;

describe("ssh.signIn", () => {
  it("is where browsers reach the gateway", () => {
    const read = readConfig(config(`url: "https://Gateway.example.com:8443/"`, HTTP, "api"));
    expect(read).toMatchObject({
      ok: true,
      value: { ssh: { signIn: { origin: "https://gateway.example.com:8443", waitMs: 180_000 } } },
    });
  });

  it.each<readonly [title: string, signIn: string, listen: string, hosts: string, says: RegExp]>([
    ["without TLS", `url: "http://gateway.example.com"`, HTTP, "api", /must be an address such as https/],
    ["with a path", `url: "https://gateway.example.com/x"`, HTTP, "api", /without a path/],
    ["no address", `url: gateway`, HTTP, "api", /must be an address/],
    ["without its address", `waitMs: 5000`, HTTP, "api", /ssh\.signIn\.url is missing/],
    ["without a listener for its page", `url: "https://gw.example"`, "", "api", /needs a listener with protocol: http/],
    ["under a target's host", `url: "https://gw.example"`, HTTP, "api, GW.example", /gw\.example is a target's/],
  ])("%s is a mistake", (_title, signIn, listen, hosts, says) => {
    const read = readConfig(config(signIn, listen, hosts));
    expect(read.ok ? [] : read.error.map((one) => one.message)).toEqual([expect.stringMatching(says)]);
  });
});
