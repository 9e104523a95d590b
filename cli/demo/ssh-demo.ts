import { readFileSync } from "node:fs";
import { join } from "node:path";

import { keyPairIn } from "../ssh-key-file.ts";
import { startDemoHost, type DemoHost } from "./ssh-host.ts";

/** The demo's SSH part: a host, its place in the configuration, and what to paste. */
export interface SshDemo {
  readonly host: DemoHost;
  readonly listen: string;
  readonly target: string;
  /** Keys of the people, for their lines in the configuration. */
  readonly keyOf: (name: string) => string;
  readonly welcome: string;
}

/** A key pair in a file, made when it is not there; answers the public half without its comment. */
const keyPair = (path: string): string => keyPairIn(path, "demo").split(/\s+/).slice(0, 2).join(" ");

interface SshDemoParts {
  readonly folder: string;
  /** The folder in lines to paste. */
  readonly shownFolder: string;
  /** Where the gateway listens for SSH. */
  readonly port: number;
}

export async function startSshDemo({ folder, shownFolder, port }: SshDemoParts): Promise<SshDemo> {
  const gatewayKey = keyPair(join(folder, "ssh-gateway"));
  keyPair(join(folder, "ssh-host"));
  const host = await startDemoHost(gatewayKey, readFileSync(join(folder, "ssh-host"), "utf8"));
  const ssh = (name: string): string =>
    `ssh -p ${port} -i ${shownFolder}/ssh-${name} -o IdentitiesOnly=yes -o UserKnownHostsFile=${shownFolder}/known_hosts -o StrictHostKeyChecking=accept-new '${name}%web01@127.0.0.1'`;
  return {
    host,
    listen: `  - protocol: ssh\n    address: 127.0.0.1:${port}\n`,
    target: `  - name: web01\n    protocol: ssh\n    address: 127.0.0.1:${host.port}\n    labels: { env: production }\n    hostKeys: ["${host.hostKey}"]\n    credential: { user: deploy, key: ssh-gateway }\n`,
    keyOf: (name) => keyPair(join(folder, `ssh-${name}`)),
    welcome: `An SSH host, web01, is behind it too. As dev: masked, and then waiting for an approval:

  ${ssh("dev")} cat /srv/shop/orders.log
  ${ssh("dev")} 'echo 10.0.0.7 cache | sudo tee -a /etc/hosts'
`,
  };
}
