import { generateKeyPairSync } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { chooseCommand, readArguments } from "../arguments.ts";
import { EXIT, UsageError, type Io } from "../io.ts";

export const KEYS_HELP = `sallyport keys: keys that sign bundles

  sallyport keys new [--out FOLDER] [--name NAME]    a new Ed25519 pair: NAME.key (keep it secret) and NAME.pub (for bundle.keys)

Options:
  --out FOLDER      where the files go; here unless given. Files that exist are not replaced
  --name NAME       how they are called; bundle unless given
`;

export function keysCommand(argv: readonly string[], io: Io): number {
  const { values, positionals } = readArguments(argv, { out: { type: "string" }, name: { type: "string" } });
  if (values.help === true || positionals.length === 0) {
    io.stdout(KEYS_HELP);
    return values.help === true ? EXIT.ok : EXIT.usage;
  }
  return chooseCommand(positionals[0]!, { new: newKeys }, "sallyport keys")(
    resolve(io.cwd, values.out ?? "."),
    values.name ?? "bundle",
    io,
  );
}

function newKeys(folder: string, name: string, io: Io): number {
  if (!/^[\w.-]+$/.test(name)) throw new UsageError("--name takes letters, digits, dots and dashes");
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  mkdirSync(folder, { recursive: true });
  const write = (file: string, text: string, mode: number): string => {
    const path = resolve(folder, file);
    try {
      writeFileSync(path, text, { mode, flag: "wx" });
    } catch (fault) {
      const { code } = fault as NodeJS.ErrnoException;
      throw new UsageError(
        code === "EEXIST"
          ? `${path} exists already; a key is never replaced`
          : `${path} can't be written: ${code ?? "unknown reason"}`,
      );
    }
    return path;
  };
  const secret = write(`${name}.key`, privateKey.export({ type: "pkcs8", format: "pem" }).toString(), 0o600);
  const open = write(`${name}.pub`, publicKey.export({ type: "spki", format: "pem" }).toString(), 0o644);
  io.stdout(
    `${secret}  signs bundles: keep it where policies are released, not at the gateway\n${open}  for bundle.keys in the gateway's configuration\n`,
  );
  return EXIT.ok;
}
