import { expect, it } from "vitest";
import { bytecodePage, currentPage } from "./gen-bytecode-page.ts";

it("the bytecode page is up to date (else run: node tools/gen-bytecode-page.ts)", async () => {
  expect(currentPage()).toBe(await bytecodePage());
});
