import { expect, it } from "vitest";
import { definitions, text } from "./html.ts";

it("what comes from outside is text, between tags and in attributes", () => {
  expect(text(`<b title="x">o'a & b`)).toBe("&lt;b title=&quot;x&quot;&gt;o&#39;a &amp; b");
  expect(definitions([["<i>", "</dl>"]])).toBe("<dl><dt>&lt;i&gt;</dt><dd>&lt;/dl&gt;</dd></dl>");
});
