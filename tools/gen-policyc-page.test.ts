import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { expectGolden } from "../test/support/golden.ts";
import { policycPage } from "./gen-policyc-page.ts";

it("the guide says what --help says", async () => {
  const page = await policycPage();
  expect(page).toContain("### check");
  expectGolden(fileURLToPath(new URL("../docs/guide/policyc.md", import.meta.url)), page);
});
