import { createPublicKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { Packr } from "msgpackr";
import { disassemble } from "../../../spec/contract/bytecode/index.ts";
import { BUNDLE_BYTES_MAX, decodeManifest, digestOf, type Manifest } from "../../../spec/contract/bundle/index.ts";
import { describeBundleError, loadBundle } from "../../../runtime/bundle/index.ts";
import { onlyArgument, readArguments } from "../../arguments.ts";
import { UsageError, type Io } from "../../io.ts";

const INSPECT_HELP = `policyc inspect: what is in a bundle (without checking its signature; see policyc verify)

  policyc inspect [--json] FILE
`;
const VERIFY_HELP = `policyc verify: whether a bundle is whole, signed by a key, and passes its own test vectors

  policyc verify FILE --key PUBLIC_KEY_FILE

Exit codes: 0 it is; 2 wrong use; 5 it is not.
`;
const DISASM_HELP = `policyc disasm: a bundle's conditions as instructions

  policyc disasm FILE
`;

function readBytes(path: string, io: Io): Buffer {
  try {
    return readFileSync(resolve(io.cwd, path));
  } catch (fault) {
    throw new UsageError(`${path} can't be read: ${(fault as Error).message}`);
  }
}

/** The manifest of a bundle file, unproved. */
function manifestOf(
  path: string,
  io: Io,
): { readonly manifest: Manifest; readonly digest: string; readonly keyId: string } {
  const bytes = readBytes(path, io);
  if (bytes.length > BUNDLE_BYTES_MAX) throw new UsageError(`${path} is larger than a bundle can be`);
  let envelope: unknown;
  try {
    envelope = new Packr({ useRecords: false }).unpack(bytes);
  } catch {
    throw new UsageError(`${path} is not a bundle`);
  }
  const [, , payload, keyId] = Array.isArray(envelope) ? (envelope as unknown[]) : [];
  if (!Buffer.isBuffer(payload) || typeof keyId !== "string") throw new UsageError(`${path} is not a bundle`);
  const manifest = decodeManifest(payload);
  if (!manifest.ok) throw new UsageError(`${path}: ${manifest.error.where} ${manifest.error.why}`);
  return { manifest: manifest.value, digest: digestOf(payload), keyId };
}

export function inspectCommand(argv: readonly string[], io: Io): number {
  const { values, positionals } = readArguments(argv, { json: { type: "boolean" } });
  if (values.help === true) {
    io.stdout(INSPECT_HELP);
    return 0;
  }
  const { manifest, digest, keyId } = manifestOf(onlyArgument(positionals, "FILE"), io);
  if (values.json === true) {
    io.stdout(`${JSON.stringify({ digest, keyId, ...manifest }, null, 2)}\n`);
    return 0;
  }
  const lines = [
    `package   ${manifest.package}`,
    `digest    ${digest}`,
    `key       ${keyId}`,
    `sequence  ${manifest.sequence}`,
    `requires  ${manifest.requires.join(", ")}`,
    `steps     at most ${manifest.stepsMax} a decision`,
    `vectors   ${manifest.vectors.length}`,
    ...manifest.sources.map((source) => `source    ${source.file} ${source.sha256.slice(0, 16)}`),
    ...manifest.rules.map(
      (rule) =>
        `rule      ${rule.effect} ${rule.name} on ${rule.protocols.join(", ")} (${rule.source.file}:${rule.source.line})`,
    ),
  ];
  io.stdout(`${lines.join("\n")}\n`);
  return 0;
}

export function verifyCommand(argv: readonly string[], io: Io): number {
  const { values, positionals } = readArguments(argv, { key: { type: "string" } });
  if (values.help === true) {
    io.stdout(VERIFY_HELP);
    return 0;
  }
  const path = onlyArgument(positionals, "FILE");
  if (values.key === undefined)
    throw new UsageError("--key is missing: give the public key that should have signed it");
  let key;
  try {
    key = createPublicKey(readBytes(values.key, io));
  } catch {
    throw new UsageError(`${values.key} is not a public key in PEM`);
  }
  const loaded = loadBundle(readBytes(path, io), [key], 0);
  if (!loaded.ok) {
    io.stderr(`policyc: ${path} is refused: ${describeBundleError(loaded.error)}\n`);
    return 5;
  }
  io.stdout(`${path}: good, ${loaded.value.digest}\n`);
  return 0;
}

export function disasmCommand(argv: readonly string[], io: Io): number {
  const { values, positionals } = readArguments(argv, {});
  if (values.help === true) {
    io.stdout(DISASM_HELP);
    return 0;
  }
  const { manifest } = manifestOf(onlyArgument(positionals, "FILE"), io);
  for (const rule of manifest.rules) {
    io.stdout(`${rule.effect} ${rule.name} (${rule.source.file}:${rule.source.line})\n`);
    io.stdout(
      rule.condition < 0
        ? "      always\n"
        : `${disassemble(manifest, rule.condition)
            .map((line) => `  ${line}`)
            .join("\n")}\n`,
    );
  }
  return 0;
}
