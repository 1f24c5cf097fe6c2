import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { EventSource } from "eventsource";
import { chromium } from "playwright-core";
import { expect, onTestFinished, test } from "vitest";
import { createSignInToken } from "../../src/keys/sign-in.ts";
import { type CuttingProxy, startCuttingProxy } from "../support/cutting-proxy.ts";
import { nextOf, readEvents, subscribe } from "../support/event-stream.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { happen, NUMBERS, numbersIn, upTo } from "./numbered-events.ts";

const CUTS = 4;
const EVENTS = 20;
const ALL_AFTER_THE_FIRST = Array.from({ length: EVENTS - 1 }, (_, i) => i + 2);

/** Lets events 2 to EVENTS happen, and breaks the follower's connection now and then. */
async function happenWithCuts(server: TestServer, proxy: CuttingProxy): Promise<void> {
  for (let n = 2; n <= EVENTS; n++) {
    await happen(server, n);
    if (n % (EVENTS / CUTS) !== 0 || n === EVENTS) continue;
    // Before it has come back there would be nothing to break.
    await expect.poll(() => server.log.streams).toBe(1);
    proxy.cut();
  }
}

test("an EventSource whose connection breaks again and again sees every event once, in order", async () => {
  const server = await startTestServer();
  const proxy = await startCuttingProxy(server.url);
  await happen(server, 1);
  const seen: number[] = [];
  const source = new EventSource(`${proxy.url}/graphql?query=${encodeURIComponent(NUMBERS)}`, {
    fetch: (url, init) =>
      fetch(url, { ...init, headers: { ...init.headers, authorization: `Bearer ${server.agentKey}` } }),
  });
  onTestFinished(() => source.close());
  const live = new Promise((resolve) => source.addEventListener("next", resolve, { once: true }));
  source.addEventListener("next", (event) => seen.push(...numbersIn(event)));
  await live;
  await happenWithCuts(server, proxy);
  await expect.poll(() => seen).toEqual(ALL_AFTER_THE_FIRST);
  expect(proxy.connections).toBeGreaterThanOrEqual(CUTS);
});

test("an EventSource comes back when it had too many streams, and gives up when its key is revoked", async () => {
  const server = await startTestServer();
  const { keyId, secret: key } = await server.makeKey({ name: "page" });
  const query = "subscription { taskEvents { cursor } }";
  const others = await Promise.all([1, 2, 3].map(() => subscribe(server.url, query, { key })));
  const codes: (string | undefined)[] = [];
  const faults: (number | undefined)[] = [];
  const source = new EventSource(`${server.url}/graphql?query=${encodeURIComponent(query)}`, {
    fetch: (url, init) => fetch(url, { ...init, headers: { ...init.headers, authorization: `Bearer ${key}` } }),
  });
  onTestFinished(() => source.close());
  source.addEventListener("next", ({ data }) => {
    const code = JSON.parse(data).errors?.[0].extensions.code;
    codes.push(code);
    if (code) others[0]?.leave();
  });
  source.addEventListener("error", ({ code }) => faults.push(code));
  await expect.poll(() => codes).toEqual(["RATE_LIMITED", undefined]);
  await server.ask(
    "mutation ($keyId: ID!) { revokeApiKey(input: {keyId: $keyId}) { replayed } }",
    { keyId },
    { key: server.adminKey },
  );
  await expect.poll(() => source.readyState).toBe(source.CLOSED);
  expect(faults.at(-1)).toBe(401);
});

const hasCurl = existsSync("/usr/bin/curl");

test.skipIf(!hasCurl)("curl follows a subscription, and resumes it by the last id it has printed", async () => {
  const server = await startTestServer();
  await happen(server, 1);
  const follow = async (lastEventId?: string) => {
    const resume = lastEventId === undefined ? [] : ["-H", `Last-Event-ID: ${lastEventId}`];
    const key = `Authorization: Bearer ${server.agentKey}`;
    const parameter = ["--get", "--data-urlencode", `query=${NUMBERS}`];
    const curl = spawn("curl", ["-sN", "-H", key, ...resume, ...parameter, `${server.url}/graphql`]);
    onTestFinished(() => void curl.kill());
    const events = readEvents(curl.stdout);
    return { events, stop: () => curl.kill() };
  };
  const first = await follow();
  await nextOf(first.events);
  await happen(server, 2);
  const seen = await upTo(2, first.events);
  expect(seen.numbers).toEqual([2]);
  first.stop();
  await happen(server, 3);
  await happen(server, 4);
  const second = await follow(seen.id);
  expect((await upTo(4, second.events)).numbers).toEqual([3, 4]);
});

const executablePath = "/usr/bin/chromium";

test.skipIf(!existsSync(executablePath))("a page's EventSource comes back by itself and misses nothing", async () => {
  const server = await startTestServer();
  const proxy = await startCuttingProxy(server.url);
  const { keyId } = await server.makeKey({ name: "boss", role: "admin" });
  await happen(server, 1);
  const signIn = await fetch(`${proxy.url}/sign-in`, {
    method: "POST",
    redirect: "manual",
    headers: { origin: proxy.url },
    body: new URLSearchParams({ token: await createSignInToken(server.database, keyId) }),
  });
  const [name = "", value = ""] = signIn.headers.get("set-cookie")?.split(";")[0]?.split("=") ?? [];
  const browser = await chromium.launch({
    executablePath,
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
  });
  onTestFinished(() => browser.close());
  const context = await browser.newContext();
  await context.addCookies([{ name, value, url: proxy.url, httpOnly: true, sameSite: "Strict" }]);
  const page = await context.newPage();
  const seen: number[] = [];
  let live = false;
  await page.exposeFunction("took", (data: string) => {
    live = true;
    seen.push(...numbersIn({ data }));
  });
  await page.goto(`${proxy.url}/health`);
  await page.evaluate(`
    new EventSource("/graphql?query=" + encodeURIComponent(${JSON.stringify(NUMBERS)}))
      .addEventListener("next", ({ data }) => took(data));`);
  await expect.poll(() => live).toBe(true);
  await happenWithCuts(server, proxy);
  await expect.poll(() => seen).toEqual(ALL_AFTER_THE_FIRST);
});
