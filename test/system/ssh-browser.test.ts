import { once } from "node:events";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FAILURES_MAX } from "../../runtime/identity/index.ts";
import { systemClock, type Clock } from "../../runtime/outside/index.ts";
import { readLog } from "../support/read-log.ts";
import { freePort, hasOpenSsh, makeKey, startSshGateway, startSshd } from "../support/ssh.ts";
import type { TestSshGateway, TestSshOptions, TestSshd } from "../support/ssh.ts";
import { sshWithoutKey, waitingSsh } from "../support/ssh-browser.ts";

const POLICY = "package test\nallow people on ssh\n  when user.auth_method == web\n";

interface Page {
  readonly status: number;
  readonly text: string;
}
const page = async (link: string, init: RequestInit = {}): Promise<Page> => {
  const response = await fetch(link, init);
  return { status: response.status, text: await response.text() };
};
/** As a browser sends the page's form. */
const send = (link: string, fields: Record<string, string>, headers: Record<string, string> = {}): Promise<Page> =>
  page(link, {
    method: "POST",
    headers: { origin: new URL(link).origin, "sec-fetch-site": "same-origin", ...headers },
    body: new URLSearchParams(fields),
  });
const basic = (user: string): Record<string, string> => ({
  "sallyport-authorization": `Basic ${Buffer.from(`${user}:${user}`).toString("base64")}`,
});

describe.skipIf(!hasOpenSsh())("OpenSSH's client without a key signs in by a browser", () => {
  let sshd: TestSshd;
  let gateway: TestSshGateway;

  const start = async (waitMs: number, more: Partial<TestSshOptions> = {}): Promise<TestSshGateway> => {
    const port = await freePort();
    return startSshGateway(sshd, {
      ...more,
      policy: POLICY,
      passwords: true,
      listen: `{ protocol: http, address: "127.0.0.1:${port}" }`,
      config: `ssh:\n  signIn: { url: "http://127.0.0.1:${port}", waitMs: ${waitMs} }\n${more.config ?? ""}`,
    });
  };
  beforeAll(async () => {
    sshd = await startSshd();
    gateway = await start(60_000);
  });
  afterAll(async () => {
    await gateway?.close();
    await sshd?.stop();
  });
  const entries = async (type: string): Promise<readonly Record<string, unknown>[]> => {
    await gateway.running.gateway.recorder.flush();
    const all = await readLog(join(gateway.folder, "state/log"));
    return all.filter((one) => one.type === type).map((one) => one.value as unknown as Record<string, unknown>);
  };

  it("shows a link and a code, and goes on by itself once the page is confirmed; once", async () => {
    const ssh = await waitingSsh(gateway, "ana%host");
    const shown = await page(ssh.link);
    expect(shown.status).toBe(200);
    for (const part of [ssh.code, "<dd>ana</dd>", "<dd>host</dd>", "<dd>127.0.0.1</dd>"])
      expect(shown.text).toContain(part);
    const confirmed = await send(ssh.link, { answer: "confirm", password: "ana" });
    expect([confirmed.status, confirmed.text]).toEqual([200, expect.stringContaining("Go back to your terminal")]);
    expect(await ssh.done).toMatchObject({ status: 0, out: expect.stringMatching(/\nin\n$/) as string });
    expect((await entries("session.start")).at(-1)).toMatchObject({
      who: { user: "ana", method: "web" },
      from: "127.0.0.1",
    });
    expect((await page(ssh.link)).status).toBe(404);
    expect((await send(ssh.link, { answer: "confirm", password: "ana" })).status).toBe(404);
  });

  it("comes after keys that the gateway does not know", async () => {
    makeKey(join(gateway.folder, "unknown"));
    const ssh = await waitingSsh(gateway, "ana%host", ["-i", join(gateway.folder, "unknown")]);
    await send(ssh.link, { answer: "confirm", password: "ana" });
    expect((await ssh.done).status).toBe(0);
  });

  it("is refused with the reason when the person denies it, and recorded", async () => {
    const ssh = await waitingSsh(gateway, "ana%host");
    expect((await send(ssh.link, { answer: "deny" })).text).toContain("Denied");
    expect(await ssh.done).toMatchObject({
      status: 255,
      out: expect.stringMatching(/You are not signed in: it was denied in the browser/) as string,
    });
    expect((await entries("session.refused")).at(-1)).toMatchObject({
      user: "ana%host",
      why: "it was denied in the browser",
    });
  });

  it("belongs to its connection: another one that waits goes on waiting", async () => {
    const [first, second] = [await waitingSsh(gateway, "ana%host"), await waitingSsh(gateway, "ana%host")];
    expect(first.code).not.toBe(second.code);
    await send(second.link, { answer: "confirm", password: "ana" });
    expect((await second.done).status).toBe(0);
    expect((await page(first.link)).text).toContain(first.code);
    first.child.kill();
    await first.done;
  });

  it("is over when the client leaves", async () => {
    const ssh = await waitingSsh(gateway, "ana%host");
    const open = gateway.running.gateway.connections;
    expect(open.size).toBe(1);
    ssh.child.kill();
    await once(ssh.child, "close");
    while (open.size > 0) await new Promise((resolve) => setImmediate(resolve));
    expect((await send(ssh.link, { answer: "confirm", password: "ana" })).status).toBe(404);
  });

  it("is not for somebody else, who is told no more than that", async () => {
    const ssh = await waitingSsh(gateway, "ana%host");
    const seen = await page(ssh.link, { headers: basic("lea") });
    expect([seen.status, seen.text.includes(ssh.code)]).toEqual([403, false]);
    expect((await send(ssh.link, { answer: "confirm" }, basic("lea"))).status).toBe(403);
    expect((await send(ssh.link, { answer: "confirm" }, basic("ana"))).status).toBe(200);
    expect((await ssh.done).status).toBe(0);
  });

  const FORGED: readonly (readonly [title: string, headers: Record<string, string>])[] = [
    ["another page", { origin: "https://evil.example" }],
    ["a page that does not say where it is", { origin: "null" }],
    ["another host of the same site", { "sec-fetch-site": "same-site" }],
    ["a form that is none", { "content-type": "text/plain" }],
  ];
  it.each(FORGED)("an answer of %s is not taken", async (_title, headers) => {
    const ssh = await waitingSsh(gateway, "ana%host");
    expect((await send(ssh.link, { answer: "confirm", password: "ana" }, headers)).status).toBeGreaterThanOrEqual(400);
    expect((await page(ssh.link)).text).toContain(ssh.code);
    ssh.child.kill();
    await ssh.done;
  });

  it("is shown under its own address only", async () => {
    const ssh = await waitingSsh(gateway, "ana%host");
    const { port, pathname } = new URL(ssh.link);
    expect((await page(`http://localhost:${port}${pathname}`)).status).toBe(404);
    ssh.child.kill();
    await ssh.done;
  });

  it("bears five wrong passwords", async () => {
    const ssh = await waitingSsh(gateway, "ana%host");
    for (let i = 0; i < 5; i++)
      expect((await send(ssh.link, { answer: "confirm", password: "x" })).text).toContain("password is wrong");
    expect(await ssh.done).toMatchObject({ out: expect.stringMatching(/too many wrong passwords/) as string });
    // They count for the address too, like those of other protocols.
    expect(FAILURES_MAX).toBeGreaterThan(5);
  });

  it("lets eight of one address wait", async () => {
    const waiting = [];
    for (let i = 0; i < 8; i++) waiting.push(await waitingSsh(gateway, "ana%host"));
    const ninth = await sshWithoutKey(gateway, "ana%host").done;
    expect(ninth).toMatchObject({
      status: 255,
      out: expect.stringMatching(/too many sign-ins from your address/) as string,
    });
    for (const { child, done } of waiting) {
      child.kill();
      await done;
    }
  });

  it("waits longer than there is time to sign in, which runs before and after", async () => {
    const handshakeMs = 29_999;
    const running = new Set<object>();
    const clock: Clock = {
      ...systemClock,
      after(ms, call) {
        const stop = systemClock.after(ms, call);
        if (ms !== handshakeMs) return stop;
        const one = {};
        running.add(one);
        return () => {
          running.delete(one);
          stop();
        };
      },
    };
    const patient = await start(60_000, { config: `limits: { handshakeMs: ${handshakeMs} }\n`, parts: { clock } });
    const first = await waitingSsh(patient, "ana%host");
    expect(running.size).toBe(0);
    const other = await waitingSsh(patient, "ana%host");
    other.child.kill("SIGSTOP");
    await send(other.link, { answer: "deny" });
    // The client can't say that it has seen the refusal.
    expect(running.size).toBe(1);
    other.child.kill("SIGKILL");
    await send(first.link, { answer: "confirm", password: "ana" });
    expect((await first.done).status).toBe(0);
    await other.done;
    await expect.poll(() => running.size).toBe(0);
    await patient.close();
  });

  it("ends when its time is over, with the reason", async () => {
    const hasty = await start(1_000);
    const ssh = await waitingSsh(hasty, "ana%host");
    expect(await ssh.done).toMatchObject({
      status: 255,
      out: expect.stringMatching(/not signed in: nobody confirmed it in the browser in time/) as string,
    });
    expect((await page(ssh.link)).status).toBe(404);
    await hasty.close();
  });
});
