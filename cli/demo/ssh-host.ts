import ssh2, { type Connection, type ServerChannel } from "ssh2";

/** A small machine for the demo: an SSH server with a few files in memory, which knows a handful of programs. */
export interface DemoHost {
  readonly port: number;
  /** Its host key, as known_hosts has it. */
  readonly hostKey: string;
  stop(): void;
}

const FILES: Readonly<Record<string, string>> = {
  "/etc/hosts": "127.0.0.1 localhost\n10.0.0.9 db\n",
  "/etc/motd": "This is the shop's web host.\n",
  "/srv/shop/orders.log":
    "12:01 order 4711 by klara@example.com paid with 4111 1111 1111 1111\n" +
    "12:04 order 4712 by samir@example.com paid with 5500 0000 0000 0004\n" +
    "12:09 order 4713 by rosa@example.com on account\n",
  "/srv/shop/config.yaml": "workers: 4\nregion: vienna\n",
};

interface Ran {
  readonly out: string;
  readonly err: string;
  readonly status: number;
}
const fail = (err: string, status = 1): Ran => ({ out: "", err: `${err}\n`, status });
const done = (out: string): Ran => ({ out, err: "", status: 0 });

/** Words of one simple command: quotes hold words together, and nothing is expanded. */
const words = (text: string): readonly string[] =>
  [...text.matchAll(/(?:[^\s"']+|"[^"]*"|'[^']*')+/g)].map(([word]) => word.replaceAll(/["']/g, ""));

class Machine {
  readonly #files = new Map(Object.entries(FILES));

  /** Programs with `|` between them, and `>` or `>>` at the end. */
  line(text: string): Ran {
    const parted = /^(.*?)(?:(>>?)\s*(\S+))?\s*$/s.exec(text);
    let input = "";
    let last: Ran = done("");
    for (const part of (parted?.[1] ?? "").split("|")) {
      last = this.#program(words(part), input);
      if (last.status !== 0) return last;
      input = last.out;
    }
    const file = parted?.[3];
    if (file === undefined) return last;
    this.#files.set(file, (parted?.[2] === ">>" ? (this.#files.get(file) ?? "") : "") + last.out);
    return { ...last, out: "" };
  }

  #program([name, ...args]: readonly string[], input: string): Ran {
    switch (name) {
      case undefined:
      case "true":
        return done("");
      case "sudo":
        return this.#program(args, input);
      case "echo":
        return done(`${args.join(" ")}\n`);
      case "hostname":
        return done("web01\n");
      case "whoami":
        return done("deploy\n");
      case "ls": {
        const folder = `${(args.find((arg) => !arg.startsWith("-")) ?? "/").replace(/\/+$/, "")}/`;
        const names = [...this.#files.keys()].filter((path) => path.startsWith(folder));
        if (names.length === 0) return fail(`ls: ${folder}: No such file or directory`, 2);
        return done([...new Set(names.map((path) => path.slice(folder.length).split("/")[0]!))].join("\n") + "\n");
      }
      case "cat": {
        if (args.length === 0) return done(input);
        const missing = args.find((path) => !this.#files.has(path));
        if (missing !== undefined) return fail(`cat: ${missing}: No such file or directory`);
        return done(args.map((path) => this.#files.get(path)!).join(""));
      }
      case "grep": {
        const [word = "", path] = args;
        const text = path === undefined ? input : this.#files.get(path);
        if (text === undefined) return fail(`grep: ${path}: No such file or directory`, 2);
        const found = text.split("\n").filter((one) => one.includes(word) && one !== "");
        return found.length === 0 ? fail("", 1) : done(`${found.join("\n")}\n`);
      }
      case "tee": {
        const path = args.at(-1) ?? "";
        this.#files.set(path, (args.includes("-a") ? (this.#files.get(path) ?? "") : "") + input);
        return done(input);
      }
      case "rm":
        for (const path of args) this.#files.delete(path);
        return done("");
      default:
        return fail(`${name}: not found; this host knows cat, echo, grep, hostname, ls, rm, sudo, tee and whoami`, 127);
    }
  }
}

/**
 * Starts it on this machine.
 *
 * @param accepted the public key that may sign in, as one line
 * @param hostKey its private key
 */
export function startDemoHost(accepted: string, hostKey: string): Promise<DemoHost> {
  const allowed = ssh2.utils.parseKey(accepted);
  if (allowed instanceof Error) throw allowed;
  const own = ssh2.utils.parseKey(hostKey);
  if (own instanceof Error) throw own;
  const machine = new Machine();
  const server = new ssh2.Server({ hostKeys: [hostKey] }, (client: Connection) => {
    client.on("error", () => undefined);
    client.on("authentication", (context) => {
      if (context.method !== "publickey" || !context.key.data.equals(allowed.getPublicSSH()))
        return context.reject(["publickey"]);
      const { signature, blob } = context;
      const { hashAlgo } = context as unknown as { readonly hashAlgo?: string };
      if (signature !== undefined && blob !== undefined && allowed.verify(blob, signature, hashAlgo) !== true)
        return context.reject(["publickey"]);
      context.accept();
    });
    client.on("session", (accept) => {
      const session = accept();
      let terminal = false;
      session.on("pty", (acceptPty) => {
        terminal = true;
        acceptPty?.();
      });
      session.on("exec", (acceptRun, _reject, { command }) => {
        const channel = acceptRun();
        channel.on("error", () => undefined);
        end(channel, show(channel, machine.line(command), terminal));
      });
      session.on("shell", (acceptRun) => shell(acceptRun(), machine, terminal));
    });
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { readonly port: number };
      resolve({
        port,
        hostKey: `${own.type} ${own.getPublicSSH().toString("base64")}`,
        stop: () => void server.close(),
      });
    });
  });
}

function show(channel: ServerChannel, { out, err, status }: Ran, terminal: boolean): number {
  const lines = (text: string): string => (terminal ? text.replaceAll("\n", "\r\n") : text);
  if (out !== "") channel.write(lines(out));
  if (err !== "") (terminal ? channel : channel.stderr).write(lines(err));
  return status;
}

function end(channel: ServerChannel, status: number): void {
  channel.exit(status);
  channel.end();
  channel.resume();
}

/** A prompt; what is typed is echoed as a terminal would. */
function shell(channel: ServerChannel, machine: Machine, terminal: boolean): void {
  let line = "";
  let status = 0;
  const prompt = (): void => void (terminal && channel.write("web01$ "));
  channel.on("error", () => undefined);
  if (terminal)
    channel.write("This is the shop's web host. Programs: cat echo grep hostname ls rm sudo tee whoami\r\n");
  prompt();
  channel.on("data", (bytes: Buffer) => {
    for (const character of bytes.toString("utf8")) {
      if (character === "\u0004") return end(channel, status);
      if (character === "\r" || character === "\n") {
        if (terminal) channel.write("\r\n");
        const text = line.trim();
        line = "";
        if (text === "exit") return end(channel, status);
        if (text !== "") status = show(channel, machine.line(text), terminal);
        prompt();
      } else if (character === "\u007f") {
        if (line !== "" && terminal) channel.write("\b \b");
        line = line.slice(0, -1);
      } else if (character >= " ") {
        line += character;
        if (terminal) channel.write(character);
      }
    }
  });
  channel.on("end", () => end(channel, status));
}
