import fc from "fast-check";
import { expect, it } from "vitest";
import { actionDigest, type ExactAction } from "./digest.ts";

const action: ExactAction = {
  protocol: "postgres",
  target: "shop",
  account: "app",
  database: "shop",
  requester: "ann",
  issuer: null,
  bundle: "b1",
  text: Buffer.from("delete from orders"),
  parameters: [Buffer.from("1"), null],
  parameterFormats: [0],
  searchPath: ["public"],
};

const changes: readonly (readonly [what: string, change: Partial<ExactAction>])[] = [
  ["protocol", { protocol: "mysql" }],
  ["target", { target: "shop2" }],
  ["account", { account: "root" }],
  ["database", { database: "other" }],
  ["requester", { requester: "bob" }],
  ["issuer", { issuer: "https://id.example" }],
  ["bundle", { bundle: "b2" }],
  ["text", { text: Buffer.from("delete from orders ") }],
  ["a parameter's value", { parameters: [Buffer.from("2"), null] }],
  ["NULL in the place of an empty value", { parameters: [Buffer.from("1"), Buffer.alloc(0)] }],
  ["one parameter more", { parameters: [Buffer.from("1"), null, null] }],
  ["a parameter's format", { parameterFormats: [1] }],
  ["where names are looked up", { searchPath: ["evil", "public"] }],
  ["not knowing where", { searchPath: null }],
];
it.each(changes)("another %s is another action", (_what, change) => {
  expect(actionDigest({ ...action, ...change })).not.toBe(actionDigest(action));
});

it("stays the same over time: grants outlive the gateway's process", () => {
  expect(actionDigest({ ...action })).toBe(actionDigest(action));
  expect(actionDigest(action)).toMatchInlineSnapshot(
    `"25953d0400753dd57784ad31ccac8636ee1295860574035b8d234e3471844897"`,
  );
});

it("bytes that are not UTF-8 are told apart", () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
      expect(actionDigest({ ...action, text: a }) === actionDigest({ ...action, text: b })).toBe(
        Buffer.from(a).equals(Buffer.from(b)),
      );
    }),
  );
});
