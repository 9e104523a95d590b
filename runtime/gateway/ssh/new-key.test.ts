import ssh2 from "ssh2";
import { expect, it } from "vitest";
import { newKeyPair } from "./new-key.ts";

const generate = (): { readonly private: string; readonly public: string } =>
  ssh2.utils.generateKeyPairSync("ed25519", { comment: "test" });
const isReadable = (pair: { readonly private: string }): boolean =>
  !(ssh2.utils.parseKey(pair.private) instanceof Error);

it("a key that ssh2 made unreadable is not used", () => {
  let broken = generate();
  for (let i = 0; isReadable(broken) && i < 20_000; i++) broken = generate();
  expect(isReadable(broken)).toBe(false);
  let made = 0;
  const pair = newKeyPair("test", () => (made++ === 0 ? broken : generate()));
  expect(made).toBeGreaterThan(1);
  expect(isReadable(pair)).toBe(true);
});

it("gives up when no key can be read", () => {
  expect(() => newKeyPair("test", () => ({ private: "", public: "" }))).toThrow("can't be read");
});
