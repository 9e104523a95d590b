import { execFileSync } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { endpointBinding } from "./channel-binding.ts";

const folder = mkdtempSync(join(tmpdir(), "sallyport-binding-"));
afterAll(() => rmSync(folder, { recursive: true }));

function certificate(...options: string[]): Buffer {
  const file = join(folder, "certificate.pem");
  execFileSync(
    "openssl",
    ["req", "-x509", "-nodes", "-subj", "/CN=x", "-keyout", join(folder, "key.pem"), "-out", file, ...options],
    { stdio: "ignore" },
  );
  return new X509Certificate(readFileSync(file)).raw;
}

it.each([
  ["rsa:2048", ["-newkey", "rsa:2048", "-sha256"], "sha256"],
  ["rsa with SHA-1 counts as SHA-256", ["-newkey", "rsa:2048", "-sha1"], "sha256"],
  ["rsa with SHA-512", ["-newkey", "rsa:2048", "-sha512"], "sha512"],
  ["ecdsa with SHA-384", ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-sha384"], "sha384"],
] as const)("%s", (_title, options, hash) => {
  const der = certificate(...options);
  expect(endpointBinding(der)).toEqual(createHash(hash).update(der).digest());
});

it("there is none for Ed25519 or for bytes that are no certificate", () => {
  expect(endpointBinding(certificate("-newkey", "ed25519"))).toBeNull();
  expect(endpointBinding(Buffer.from("no"))).toBeNull();
});
