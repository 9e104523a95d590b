import { spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkIndex, loadBundle, type LoadedBundle } from "../../runtime/bundle/index.ts";
import { SessionPolicy, decideByConditions } from "../../runtime/decide/index.ts";
import { decodeManifest, encodeManifest, sealBundle, type Manifest } from "../../spec/contract/bundle/index.ts";
import type { Decision } from "../../spec/contract/decision/index.ts";
import { ABSENT, PROTOCOLS, type FactValue, type ProtocolName } from "../../spec/contract/facts/index.ts";
import { factsOn } from "../../test/support/policies.ts";
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
const automataOf = ({ index }: Manifest): string =>
  JSON.stringify(index.automata.map((one) => ({ ...one, next: [...one.next] })));

const decided = (bundle: LoadedBundle, protocol: ProtocolName, of: (path: string) => FactValue): Decision =>
  new SessionPolicy(bundle, protocol, of, false).decide(() => undefined);

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

  /**
   * Harmless: nobody gets more than both the original and the conditions of the changed bundle grant. An `allow` that matches
   * is one that matches by either; any other rule that matches by both is matched. What somebody who holds the key wrote into
   * the rules themselves is another policy, and what an automaton was made to accept can't be told from what it should.
   */
  it("is refused or harmless at every byte though somebody signed it again", () => {
    const signed = (bytes: Buffer) => loadBundle(sealBundle(bytes, privateKey), [publicKey], 0);
    const original = signed(payload);
    if (!original.ok) throw new Error(JSON.stringify(original.error));
    const automata = automataOf(manifest);
    // Facts that no vector of the bundle names.
    const cases = PROTOCOLS.flatMap((protocol) =>
      fc.sample(factsOn(protocol), { numRuns: 3, seed: 3 }).map((facts) => {
        const of = (path: string): FactValue => facts.get(path) ?? ABSENT;
        return { protocol, of, before: new Set(decided(original.value, protocol, of).matched) };
      }),
    );
    const counted = { refused: 0, taken: 0, decidedOtherwise: 0 };
    for (let at = 0; at < payload.length; at++) {
      // One bit of each byte; of every eighth more, which mostly is no MessagePack any more.
      for (const by of [0x01, 0x80, 0xff].slice(0, at % 8 === 0 ? 3 : 1)) {
        const changed = Buffer.from(payload);
        changed[at]! ^= by;
        const found = signed(changed);
        if (!found.ok || checkIndex(found.value) !== null) {
          counted.refused++;
          continue;
        }
        counted.taken++;
        const bundle = found.value;
        if (automataOf(bundle.manifest) !== automata) continue;
        for (const { protocol, of, before } of cases) {
          const matched = new Set(decided(bundle, protocol, of).matched);
          const told = new Set(decideByConditions(bundle, protocol, bundle.manifest.facts.map(of)).matched);
          if (matched.size !== before.size) counted.decidedOtherwise++;
          const gained = bundle.manifest.rules.flatMap(({ effect, name }, rule) => {
            if (effect === "allow") return matched.has(rule) && !before.has(rule) && !told.has(rule) ? [name] : [];
            return !matched.has(rule) && before.has(rule) && told.has(rule) ? [name] : [];
          });
          if (gained.length > 0) expect([at, by, protocol, gained]).toEqual([at, by, protocol, []]);
        }
      }
    }
    expect(counted.refused).toBeGreaterThan(1000);
    expect(counted.taken).toBeGreaterThan(1000);
    expect(counted.decidedOtherwise).toBeGreaterThan(0);
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
