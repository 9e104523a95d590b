import { expect, it } from "vitest";
import { currentPages, languagePages } from "./gen-language-pages.ts";

it("grammar and facts are up to date (else run: node tools/gen-language-pages.ts)", async () => {
  expect(currentPages()).toEqual(await languagePages());
});
