import { createServer } from "node:http";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  freePort,
  hasOpenSsh,
  startSshGateway,
  startSshd,
  type TestSshGateway,
  type TestSshd,
} from "../support/ssh.ts";
import { waitingSsh } from "../support/ssh-browser.ts";
import { readLog } from "../support/read-log.ts";
import { inPath } from "../support/programs.ts";
// @ts-expect-error it comes without types
import UntypedProvider from "oidc-provider";

const Provider = UntypedProvider as new (
  issuer: string,
  configuration: object,
) => { callback(): Parameters<typeof createServer>[1] };

const SECRET = "very-secret-indeed-very-secret-indeed";
/** Set to look at the pages: screenshots are put there. */
const PICTURES = process.env["SALLYPORT_PICTURES"];

describe.skipIf(!hasOpenSsh() || !inPath("chromium"))("ssh, a real browser and an issuer", () => {
  let sshd: TestSshd;
  let gateway: TestSshGateway;
  let browser: Browser;
  const provider = createServer();
  let issuer = "";

  beforeAll(async () => {
    sshd = await startSshd();
    await new Promise<void>((resolve) => provider.listen(0, "127.0.0.1", () => resolve()));
    issuer = `http://127.0.0.1:${(provider.address() as { port: number }).port}`;
    const port = await freePort();
    const made = new Provider(issuer, {
      clients: [
        {
          client_id: "gateway",
          client_secret: SECRET,
          redirect_uris: [`http://127.0.0.1:${port}/.sallyport/callback`],
        },
      ],
      pkce: { required: () => true },
      conformIdTokenClaims: false,
      claims: { openid: ["sub"], profile: ["preferred_username", "groups"] },
      findAccount: (_context: object, id: string) => ({
        accountId: id,
        claims: () => ({ sub: id, preferred_username: id, groups: ["engineer"] }),
      }),
      features: { devInteractions: { enabled: true } },
    });
    provider.on("request", made.callback()!);
    gateway = await startSshGateway(sshd, {
      policy: `package test\nallow engineers on ssh\n  when user.groups has "engineer" and user.auth_method == web\n`,
      listen: `{ protocol: http, address: "127.0.0.1:${port}" }`,
      env: { CLIENT_SECRET: SECRET },
      config: `oidc:\n  - { issuer: "${issuer}", audience: gateway, jwks: { url: "${issuer}/jwks" }, nameClaim: preferred_username }\nhttp:\n  signIn: { issuer: "${issuer}", clientId: gateway, clientSecret: { env: CLIENT_SECRET }, scopes: "openid profile" }\nssh:\n  signIn: { url: "http://127.0.0.1:${port}" }\n`,
    });
    browser = await chromium.launch({
      executablePath: "/usr/bin/chromium",
      args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
    });
  });
  afterAll(async () => {
    await browser?.close();
    await gateway?.close();
    await sshd?.stop();
    provider.closeAllConnections();
    provider.close();
  });

  /** Opens the link as `user`, who signs in at the issuer. Faults: what the page's policy on content refused. */
  async function open(link: string, user: string): Promise<{ readonly page: Page; readonly faults: string[] }> {
    const page = await (await browser.newContext()).newPage();
    const faults: string[] = [];
    page.on("pageerror", (error) => faults.push(error.message));
    await page.goto(link);
    await page.getByPlaceholder("Enter any login").fill(user);
    await page.getByPlaceholder("and password").fill("x");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Continue" }).click();
    await page.waitForURL((url) => url.port === new URL(link).port && url.pathname.startsWith("/.sallyport/ssh/"));
    page.on("console", (message) => (message.type() === "error" ? faults.push(message.text()) : undefined));
    return { page, faults };
  }
  const picture = async (page: Page, name: string): Promise<void> => {
    if (PICTURES === undefined) return;
    mkdirSync(PICTURES, { recursive: true });
    await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true });
  };

  it("a person whom only the issuer knows signs in, by keyboard alone", async () => {
    const ssh = await waitingSsh(gateway, "dora%host");
    const { page, faults } = await open(ssh.link, "dora");
    expect(await page.getByText(ssh.code).count()).toBe(1);
    await picture(page, "ssh-sign-in");
    await page.keyboard.press("Tab");
    expect(await page.evaluate("document.activeElement.value")).toBe("confirm");
    await page.keyboard.press("Tab");
    expect(await page.evaluate("document.activeElement.value")).toBe("deny");
    await page.keyboard.press("Shift+Tab");
    await page.keyboard.press("Enter");
    await page.getByText("Go back to your terminal").waitFor();
    await picture(page, "ssh-signed-in");
    expect(await ssh.done).toMatchObject({ status: 0, out: expect.stringMatching(/\nin\n$/) as string });
    expect(faults).toEqual([]);
    await gateway.running.gateway.recorder.flush();
    const all = await readLog(join(gateway.folder, "state/log"));
    expect(all.findLast((one) => one.type === "session.start")?.value).toMatchObject({
      who: { user: "dora", method: "web", issuer, groups: ["engineer"] },
    });
  });

  it("somebody else who opens the link learns nothing and signs nobody in", async () => {
    const ssh = await waitingSsh(gateway, "dora%host");
    const { page } = await open(ssh.link, "mallory");
    await page.getByText("You are signed in here as mallory").waitFor();
    expect(await page.getByText(ssh.code).count()).toBe(0);
    expect(await page.getByRole("button").count()).toBe(0);
    ssh.child.kill();
    await ssh.done;
  });
});
