import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";
import { askOnce } from "./ask-once.ts";
import { clusterFolder, startEmbedded } from "./embedded-postgres.ts";
import { SHOP_LOGIN, fillShop } from "./fill-shop.ts";
import { CUSTOMERS, ORDERS } from "./shop-data.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sallyport-fill-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it("the shop is filled once, also where a first start was interrupted after any of its steps", async () => {
  const schema = fileURLToPath(new URL("../../policies/shop/shop.sql", import.meta.url));
  const postgres = await startEmbedded({ data: clusterFolder(join(folder, "postgres")), password: "pw" });
  const admin = {
    host: postgres.host,
    port: postgres.port,
    user: postgres.user,
    password: postgres.password,
    database: "postgres",
  };
  const shop = { ...admin, ...SHOP_LOGIN, database: "shop" };
  let begun = 0;
  const fill = (): Promise<void> => fillShop(admin, schema, () => (begun += 1));
  const counts = (): Promise<unknown> =>
    askOnce(shop, "select (select count(*) from customers)::text, (select count(*) from orders)::text");
  try {
    await askOnce(admin, `create role ${SHOP_LOGIN.user} login password 'another'`);
    await fill();
    expect(await counts()).toEqual([[String(CUSTOMERS), String(ORDERS)]]);
    await fill();
    expect(begun).toBe(1);
    await askOnce(admin, "alter database shop rename to shop_new");
    await fill();
    expect(await counts()).toEqual([[String(CUSTOMERS), String(ORDERS)]]);
    expect(begun).toBe(2);
  } finally {
    await postgres.stop();
  }
});
