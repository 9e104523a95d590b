import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { chromium, type Browser, type Page } from "playwright-core";
import type pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { startTestGateway, type TestGateway } from "../support/gateway.ts";
import { prepareDatabase, startPostgres, type TestPostgres } from "../support/postgres.ts";
import { inPath } from "../support/programs.ts";

/** The page on which people grant and deny, in a real browser, in front of a real gateway and PostgreSQL. */
const POLICY = `package test
allow everything on sql
approve writes on sql
  when statement.writes
  by group "dba-leads" within 15m valid once
  because "Somebody else should look. <b>Really.</b>"
`;
const HOSTILE = `update carts set note = '<img src=x onerror="document.title=1"><script>document.title=2</script>' where id = 1`;
/** Set to look at the page: screenshots are put there. */
const PICTURES = process.env["SALLYPORT_PICTURES"];

const missing = !inPath("chromium");
const test = missing ? it.skip : it;

let server: TestPostgres;
let gateway: TestGateway;
let browser: Browser;
const clients: pg.Client[] = [];

beforeAll(async () => {
  if (missing) return;
  server = await startPostgres();
  await prepareDatabase(
    server,
    "shopdb",
    "create table carts (id int, note text); insert into carts values (1, 'a'), (2, 'b')",
  );
  gateway = await startTestGateway(server, { policy: POLICY, database: "shopdb" });
  browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
});
afterEach(async () => {
  for (const client of clients.splice(0)) await client.end().catch(() => undefined);
  for (const context of browser?.contexts() ?? []) await context.close();
});
afterAll(async () => {
  await browser?.close();
  await gateway?.close();
  await server?.stop();
});

/** Runs a statement that waits; resolves once the request is there. `done` has its end. */
async function ask(user: string, sql: string): Promise<{ readonly id: string; readonly done: Promise<string> }> {
  const client = await gateway.connect(user);
  clients.push(client);
  const asked = new Promise<string>((resolve) => {
    client.on("notice", (notice) => {
      const id = /approval (apr_\w+)/.exec(notice.message ?? "")?.[1];
      if (id !== undefined) resolve(id);
    });
  });
  const done = client.query(sql).then(
    ({ command, rowCount }) => `${command} ${rowCount}`,
    (fault: Error) => fault.message,
  );
  return { id: await asked, done };
}

interface Seen {
  readonly page: Page;
  /** What went wrong in the page: exceptions, and what its policy on content refused. */
  readonly faults: string[];
}

async function openPage(options: Parameters<Browser["newContext"]>[0] = {}): Promise<Seen> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error" && !message.text().includes("status of 401")) faults.push(message.text());
  });
  await page.goto(`http://127.0.0.1:${gateway.controlPort}/`);
  return { page, faults };
}

/** By keyboard alone: the first field has the focus when the page opens. */
async function signIn(page: Page, user: string, password = user): Promise<void> {
  await page.keyboard.type(user);
  await page.keyboard.press("Tab");
  await page.keyboard.type(password);
  await page.keyboard.press("Enter");
}

async function picture(page: Page, name: string): Promise<void> {
  if (PICTURES === undefined) return;
  mkdirSync(PICTURES, { recursive: true });
  await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true });
}

describe("the approvals page", () => {
  test("takes keys from the moment it is there, before anything is drawn", async () => {
    const context = await browser.newContext();
    await context.addInitScript(
      "addEventListener('DOMContentLoaded', () => { focused = document.activeElement.id; });",
    );
    const page = await context.newPage();
    await page.goto(`http://127.0.0.1:${gateway.controlPort}/`);
    expect(await page.evaluate("focused")).toBe("user");
  });

  test("grants by keyboard alone: exactly what will run is shown, as text, and it runs", async () => {
    const { id, done } = await ask("dev", HOSTILE);
    const { page, faults } = await openPage();
    await picture(page, "sign-in");
    await signIn(page, "lea");
    const request = page.getByRole("article", { name: `Request ${id}` });
    await request.waitFor();
    expect(await request.locator("pre").textContent()).toBe(HOSTILE);
    expect(await request.textContent()).toContain("writes: Somebody else should look. <b>Really.</b> (0 of 1 granted)");
    expect(await request.textContent()).toMatch(/1[45] minutes left/);
    await picture(page, "waiting");
    // From the heading that has the focus: the reason, then Approve.
    await page.keyboard.press("Tab");
    await page.keyboard.type("ticket 7");
    await page.keyboard.press("Tab");
    expect(await page.evaluate("document.activeElement.textContent")).toBe("Approve");
    await page.keyboard.press("Enter");
    expect(await done).toBe("UPDATE 1");
    await page.getByText("Nothing waits.").waitFor();
    expect(await page.getByRole("status").textContent()).toBe(`${id} is approved.`);
    await page.getByRole("region", { name: "Earlier requests" }).getByText("ticket 7").first().waitFor();
    expect(await page.title()).toBe("Approvals");
    expect(faults).toEqual([]);
  });

  test("denies with a reason that the client is told", async () => {
    const { id, done } = await ask("dev", "update carts set note = 'x'");
    const { page, faults } = await openPage({ colorScheme: "dark", viewport: { width: 390, height: 844 } });
    await signIn(page, "max");
    const request = page.getByRole("article", { name: `Request ${id}` });
    await request.getByLabel("Reason, for the record").fill("not today");
    await picture(page, "phone-dark");
    const wide = await page.evaluate("document.documentElement.scrollWidth > innerWidth");
    expect(wide).toBe(false);
    await request.getByRole("button", { name: "Deny" }).click();
    expect(await done).toContain("max denied the approval: not today");
    expect(faults).toEqual([]);
  });

  test("shows a new request by itself, and that it is not yours when you asked", async () => {
    const { page, faults } = await openPage();
    await signIn(page, "lea");
    await page.getByText("Nothing waits.").waitFor();
    const { id } = await ask("lea", "delete from carts where id = 2");
    const request = page.getByRole("article", { name: `Request ${id}` });
    await request.getByText("This is not yours to decide.").waitFor();
    expect(await request.getByRole("button").count()).toBe(0);
    expect(await page.title()).toBe("(1) Approvals");
    expect(faults).toEqual([]);
  });

  test("says that the password is wrong, and lets nobody in", async () => {
    const { page } = await openPage();
    await signIn(page, "lea", "wrong");
    await page.getByRole("status").getByText(/./).waitFor();
    expect(await page.getByRole("main").isVisible()).toBe(false);
    await picture(page, "wrong-password");
  });

  test("says when the gateway does not answer, and goes on when it does", async () => {
    const { page } = await openPage();
    await signIn(page, "lea");
    await page.getByText("Nothing waits.").waitFor();
    await page.context().setOffline(true);
    await page.getByRole("alert").waitFor();
    await picture(page, "offline");
    await page.context().setOffline(false);
    await page.getByRole("alert").waitFor({ state: "hidden" });
  });
});
