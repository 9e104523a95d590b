import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { cataloguePages, helpUri, lintPages } from "../lang/index.ts";
import { expectGolden } from "../test/support/golden.ts";
import { diagnosticsPage } from "./gen-diagnostics-page.ts";

it("the guide has a heading for every code, where links to it lead", () => {
  const page = diagnosticsPage();
  // How GitHub makes an anchor of a heading: lower case, spaces as hyphens.
  const anchors = [...page.matchAll(/^### (.+)$/gm)].map((match) => match[1]!.toLowerCase().replaceAll(" ", "-"));
  expect(anchors).toEqual([...cataloguePages, ...lintPages].map((one) => new URL(helpUri(one)).hash.slice(1)));
  expectGolden(fileURLToPath(new URL("../docs/guide/diagnostics.md", import.meta.url)), page);
});
