import { readFileSync } from "node:fs";
import { askOnce, type Server } from "./ask-once.ts";
import { shopData } from "./shop-data.ts";

/** The login of the shop's services, and of the gateway. */
export const SHOP_LOGIN = { user: "shop_app", password: "shop-app" } as const;

/**
 * Database, login and tables of the shop, unless they are there.
 * @param server with the rights to make them, and any database
 * @param schemaFile statements, the last line of each with its semicolon at the end
 */
export async function fillShop(server: Server, schemaFile: string, begins: () => void): Promise<void> {
  const admin = { ...server, database: "postgres" };
  if ((await askOnce(admin, "select 1 from pg_database where datname = 'shop'")).length > 0) return;
  begins();
  // What an interrupted first start left goes before it is made anew.
  await askOnce(admin, "drop database if exists shop_new");
  await askOnce(admin, `drop role if exists ${SHOP_LOGIN.user}`);
  await askOnce(admin, `create role ${SHOP_LOGIN.user} login password '${SHOP_LOGIN.password}'`);
  await askOnce(admin, `create database shop_new owner ${SHOP_LOGIN.user}`);
  const tables = readFileSync(schemaFile, "utf8").trimEnd().split(/;$/m);
  await askOnce({ ...admin, ...SHOP_LOGIN, database: "shop_new" }, ...tables, ...shopData());
  // Under its name only once it is whole.
  await askOnce(admin, "alter database shop_new rename to shop");
}
