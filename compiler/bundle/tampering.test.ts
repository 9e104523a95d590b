import { spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { LoadedBundle, loadBundle } from "../../runtime/bundle/index.ts";
import { SessionPolicy } from "../../runtime/decide/index.ts";
import { prepare } from "../../runtime/vm/index.ts";
import { decodeManifest, encodeManifest } from "../../spec/contract/bundle/index.ts";
import { verify } from "../../spec/contract/bytecode/index.ts";
import { PROTOCOLS, UNKNOWN } from "../../spec/contract/facts/index.ts";
import { compile, seal } from "../index.ts";

/** One of everything that a bundle can hold. */
const POLICY = `package p
detector badge = /B-[0-9]{2}/ check luhn
let late = time.hour("Europe/Vienna") >= 20
@soc2("CC6.1")
allow a on * when user.name matches /^a[a-c]*$/ or user.groups has any ["x", "y"]
deny d on ssh when any c in command.commands : c.program like "r*" and late because "no"
approve p on sql when statement.count > 3 by group "g" quorum 2 within 5m valid 1h because "ask"
mask m on sql columns public.users.{ssn, email} with { email: email, *: last(4) } predicates substitute
mask v on * values detect [badge, email] with redact
mask o on ssh output /x+y/ with redact
limit l on sql when client.address within cidr("10.0.0.0/8") to 5 rows, 9 bytes, 7 statements per 1m
alert t on sql when target.labels["env"] == "p" to "ops"
test "t" {
  user "abc" in "x"
  target "t" { env: "p" }
  facts { statement.count: 4 }
  expect approve by p
}
`;

const { privateKey, publicKey } = generateKeyPairSync("ed25519");
const { manifest, diagnostics } = compile([{ path: "p.policy", text: POLICY }], { sequence: 3 });
if (manifest === null) throw new Error(JSON.stringify(diagnostics));
const payload = encodeManifest(manifest);

describe("a bundle whose bytes were changed", () => {
  it("is refused at every byte while it is signed", () => {
    const { bytes } = seal(manifest, privateKey);
    expect(loadBundle(bytes, [publicKey], 0).ok).toBe(true);
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 0xff;
      expect([at, loadBundle(changed, [publicKey], 0).ok]).toEqual([at, false]);
    }
  });

  it("is refused or harmless at every byte though somebody signed it again", () => {
    let taken = 0;
    for (let at = 0; at < payload.length; at++) {
      for (const by of [0x01, 0x80, 0xff]) {
        const changed = Buffer.from(payload);
        changed[at]! ^= by;
        const decoded = decodeManifest(changed);
        if (!decoded.ok) continue;
        const verified = verify(decoded.value);
        if (!verified.ok) continue;
        taken++;
        // What verifies stays within its tables, whatever it is asked.
        const bundle = new LoadedBundle("changed", "none", decoded.value, prepare(verified.value));
        for (const protocol of PROTOCOLS) {
          const found = new SessionPolicy(bundle, protocol, () => UNKNOWN).decide(() => undefined);
          expect(["allow", "approve", "deny"]).toContain(found.verdict);
        }
      }
    }
    expect(taken).toBeGreaterThan(0);
  });

  it("is read back as it was", () => {
    expect(decodeManifest(payload)).toEqual({ ok: true, value: manifest });
  });
});

it("a gateway needs no code out of strings: a bundle is loaded and decides with that forbidden", () => {
  const folder = mkdtempSync(join(tmpdir(), "sallyport-no-eval-"));
  try {
    writeFileSync(join(folder, "b.bundle"), seal(manifest, privateKey).bytes);
    writeFileSync(join(folder, "b.pub"), publicKey.export({ type: "spki", format: "pem" }));
    const root = fileURLToPath(new URL("../../", import.meta.url));
    const script = `
      import { createPublicKey } from "node:crypto";
      import { readFileSync } from "node:fs";
      import { loadBundle } from ${JSON.stringify(`${root}runtime/bundle/index.ts`)};
      import { SessionPolicy } from ${JSON.stringify(`${root}runtime/decide/index.ts`)};
      let forbidden = false;
      try { Function("return 1")(); } catch { forbidden = true; }
      const loaded = loadBundle(readFileSync("b.bundle"), [createPublicKey(readFileSync("b.pub"))], 0);
      const facts = new Map([["user.name", "abc"], ["user.groups", new Set()], ["statement.count", 1]]);
      const found = new SessionPolicy(loaded.value, "postgres", (path) => facts.get(path)).decide(() => undefined);
      process.stdout.write(JSON.stringify([forbidden, loaded.ok, found.verdict]));`;
    const found = spawnSync(
      process.execPath,
      ["--disallow-code-generation-from-strings", "--input-type=module", "--eval", script],
      { cwd: folder, encoding: "utf8" },
    );
    expect(found.stderr).toBe("");
    expect(JSON.parse(found.stdout)).toEqual([true, true, "allow"]);
    expect(readFileSync(join(folder, "b.bundle")).length).toBeGreaterThan(100);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
