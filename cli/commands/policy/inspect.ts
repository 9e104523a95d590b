import { createPublicKey, type KeyObject } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { Packr } from "msgpackr";
import { nearest } from "../../../base/text.ts";
import { disassemble } from "../../../spec/contract/bytecode/index.ts";
import { err } from "../../../base/result.ts";
import { BUNDLE_BYTES_MAX, decodeManifest, digestOf, type Manifest } from "../../../spec/contract/bundle/index.ts";
import { checkIndex, describeBundleError, loadBundle } from "../../../runtime/bundle/index.ts";
import { onlyArgument, readArguments } from "../../arguments.ts";
import { EXIT, UsageError, type Io } from "../../io.ts";

const INSPECT_HELP = `policyc inspect: what is in a bundle (without checking its signature; see policyc verify)

  policyc inspect [--json] FILE

  --json   everything, as JSON

Exit codes: 0 shown; 2 wrong use or unreadable input; 5 it is no bundle that this version reads.
`;
const VERIFY_HELP = `policyc verify: whether a bundle is whole, signed by a key, and passes its own test vectors

  policyc verify FILE --key PUBLIC_KEY_FILE [--sequence N] [--json]

  --key FILE       public key (PEM) of who must have signed it; may be given more than once
  --sequence N     refuse a release lower than N
  --json           the answer as JSON

It looks at what a gateway looks at when it loads the bundle, and also whether the index agrees with the rules' conditions.
Exit codes: 0 it is; 2 wrong use or unreadable input; 5 it is not.
`;
const DISASM_HELP = `policyc disasm: a bundle's conditions as instructions

  policyc disasm [--rule NAME] FILE

  --rule NAME   only of this rule

Exit codes: 0 shown; 2 wrong use or unreadable input; 5 it is no bundle that this version reads.
`;

function readBytes(path: string, io: Io): Buffer {
  const file = resolve(io.cwd, path);
  try {
    const { size } = statSync(file);
    if (size > BUNDLE_BYTES_MAX)
      throw new UsageError(`${path} has ${size} bytes; a bundle or key has at most ${BUNDLE_BYTES_MAX}`);
    return readFileSync(file);
  } catch (fault) {
    if (fault instanceof UsageError) throw fault;
    throw new UsageError(`${path} can't be read: ${(fault as NodeJS.ErrnoException).code ?? "unknown reason"}`);
  }
}

interface Opened {
  readonly manifest: Manifest;
  readonly digest: string;
  readonly keyId: string;
}

/** The manifest of a bundle file, unproved; a text says why there is none. */
export function openUnproved(bytes: Buffer): Opened | string {
  let envelope: unknown;
  try {
    envelope = new Packr({ useRecords: false }).unpack(bytes);
  } catch {
    return "it is not a bundle, or it is cut short; policyc build makes one";
  }
  const [magic, version, payload, keyId] = Array.isArray(envelope) ? (envelope as unknown[]) : [];
  if (magic !== "sallyport-bundle") return "it is not a bundle; policyc build makes one";
  if (version !== 1) return `its envelope is of version ${String(version)}; this policyc reads version 1`;
  if (!Buffer.isBuffer(payload) || typeof keyId !== "string") return "its parts are of wrong types";
  const manifest = decodeManifest(payload);
  if (!manifest.ok) return `${manifest.error.where} ${manifest.error.why}`;
  return { manifest: manifest.value, digest: digestOf(payload), keyId };
}

/** @returns null when it was refused, which was told */
function opened(path: string, io: Io): Opened | null {
  const found = openUnproved(readBytes(path, io));
  if (typeof found !== "string") return found;
  io.stderr(`policyc: ${path}: ${found}\n`);
  return null;
}

export function inspectCommand(argv: readonly string[], io: Io): number {
  const { values, positionals } = readArguments(argv, { json: { type: "boolean" } });
  if (values.help === true) {
    io.stdout(INSPECT_HELP);
    return EXIT.ok;
  }
  const bundle = opened(onlyArgument(positionals, "FILE"), io);
  if (bundle === null) return EXIT.refused;
  const { manifest, digest, keyId } = bundle;
  if (values.json === true) {
    io.stdout(`${JSON.stringify({ version: 1, digest, keyId, ...manifest }, plainNumbers, 2)}\n`);
    return EXIT.ok;
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

/** Tables of numbers are lists in JSON, whatever they are in memory. */
const plainNumbers = (_key: string, value: unknown): unknown =>
  ArrayBuffer.isView(value) && !(value instanceof DataView) ? [...(value as Uint32Array)] : value;

/** The keys of PEM files that hold public keys, or private ones, whose public half is taken. */
export function publicKeys(paths: readonly string[], io: Io): readonly KeyObject[] {
  return paths.map((path) => {
    const pem = readBytes(path, io);
    let key: KeyObject;
    try {
      key = createPublicKey(pem);
    } catch {
      throw new UsageError(`${path} is not a public key in PEM; policyc keygen makes a pair`);
    }
    if (key.asymmetricKeyType !== "ed25519")
      throw new UsageError(`${path} is of type ${key.asymmetricKeyType}; bundles are signed with Ed25519`);
    return key;
  });
}

export function verifyCommand(argv: readonly string[], io: Io): number {
  const { values, positionals } = readArguments(argv, {
    key: { type: "string", multiple: true },
    sequence: { type: "string" },
    json: { type: "boolean" },
  });
  if (values.help === true) {
    io.stdout(VERIFY_HELP);
    return EXIT.ok;
  }
  const path = onlyArgument(positionals, "FILE");
  if (values.key === undefined)
    throw new UsageError("--key is missing: give the public key that should have signed it");
  const sequence = Number(values.sequence ?? "0");
  if (!Number.isSafeInteger(sequence) || sequence < 0) throw new UsageError("--sequence takes a whole number from 0");
  const taken = loadBundle(readBytes(path, io), publicKeys(values.key, io), sequence);
  const strayed = taken.ok ? checkIndex(taken.value) : null;
  const loaded = strayed === null ? taken : err(strayed);
  if (values.json === true) {
    const answer = loaded.ok
      ? { ok: true, digest: loaded.value.digest, keyId: loaded.value.keyId, sequence: loaded.value.manifest.sequence }
      : { ok: false, kind: loaded.error.kind, why: describeBundleError(loaded.error) };
    io.stdout(`${JSON.stringify({ version: 1, file: path, ...answer }, null, 2)}\n`);
  } else if (!loaded.ok) io.stderr(`policyc: ${path} is refused: ${describeBundleError(loaded.error)}\n`);
  else
    io.stdout(
      `${path}: good, ${loaded.value.digest}, signed by ${loaded.value.keyId}, sequence ${loaded.value.manifest.sequence}\n`,
    );
  return loaded.ok ? EXIT.ok : EXIT.refused;
}

export function disasmCommand(argv: readonly string[], io: Io): number {
  const { values, positionals } = readArguments(argv, { rule: { type: "string" } });
  if (values.help === true) {
    io.stdout(DISASM_HELP);
    return EXIT.ok;
  }
  const bundle = opened(onlyArgument(positionals, "FILE"), io);
  if (bundle === null) return EXIT.refused;
  const { manifest } = bundle;
  const rules = manifest.rules.filter((rule) => values.rule === undefined || rule.name === values.rule);
  if (rules.length === 0 && values.rule !== undefined) {
    const near = nearest(
      values.rule,
      manifest.rules.map((rule) => rule.name),
    );
    throw new UsageError(`no rule is called ${values.rule}${near === undefined ? "" : `; did you mean ${near}?`}`);
  }
  for (const rule of rules) {
    io.stdout(`${rule.effect} ${rule.name} (${rule.source.file}:${rule.source.line})\n`);
    io.stdout(
      rule.condition < 0
        ? "      always\n"
        : `${disassemble(manifest, rule.condition)
            .map((line) => `  ${line}`)
            .join("\n")}\n`,
    );
  }
  return EXIT.ok;
}
