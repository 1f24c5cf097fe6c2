import { existsSync } from "node:fs";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { createSignInToken } from "../../src/keys/sign-in.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

const executablePath = "/usr/bin/chromium";

describe.skipIf(!existsSync(executablePath))("GraphiQL in a browser", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
  }, 60_000);
  afterAll(() => browser?.close());

  interface Opened {
    readonly page: Page;
    /** What the page asked other hosts for. */
    readonly foreign: string[];
    readonly faults: string[];
    /** Of each WebSocket, the client id it named. */
    readonly clients: unknown[];
  }

  /** A page that was signed in by the link of the banner. */
  async function open(server: TestServer): Promise<Opened> {
    const { keyId } = await server.makeKey({ name: "boss", role: "admin" });
    const page = await (await browser.newContext()).newPage();
    onTestFinished(() => page.context().close());
    const foreign: string[] = [];
    const faults: string[] = [];
    page.on("request", (request) => {
      if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith(server.url)) foreign.push(request.url());
    });
    const clients: unknown[] = [];
    page.on("websocket", (socket) => {
      socket.on("framesent", ({ payload }) => {
        const message = JSON.parse(String(payload));
        if (message.type === "connection_init") clients.push(message.payload.clientId);
      });
    });
    page.on("pageerror", (error) => faults.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") faults.push(message.text());
    });
    await page.goto(`${server.url}/sign-in?token=${await createSignInToken(server.database, keyId)}`);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.waitForURL(`${server.url}/graphql`);
    await page.getByRole("tab", { name: "Watch" }).waitFor();
    return { page, foreign, faults, clients };
  }

  test("opens with tabs for a query, a claim, a reservation and a subscription that ticks", async () => {
    const server = await startTestServer();
    const { page, foreign, faults, clients } = await open(server);
    for (const name of ["Overview", "Claim", "Reserve", "Watch"])
      expect(await page.getByRole("tab", { name }).count()).toBe(1);

    await page.getByRole("button", { name: /execute/i }).click();
    await expect.poll(() => page.locator(".result-window").textContent()).toContain('"boss"');

    // GraphiQL swallows clicks while it still moves its tabs: click until it has taken one.
    const watch = page.getByRole("tab", { name: "Watch" });
    const selected = page.getByRole("tab", { name: "Watch", selected: true });
    const click = (button: typeof watch) => button.click({ timeout: 1_000 }).catch(() => undefined);
    const chosen = () => click(watch).then(() => selected.count());
    await expect.poll(chosen).toBe(1);
    const execute = page.getByRole("button", { name: /execute/i });
    const streams = async () => {
      if (server.log.streams === 0) await click(execute);
      return server.log.streams;
    };
    await expect.poll(streams, { timeout: 20_000, interval: 500 }).toBe(1);
    await server.ask(`mutation { createProject(input: {projectId: "ticking", name: "T"}) { replayed } }`);
    await expect.poll(() => page.locator(".result-window").textContent()).toContain("ticking");

    // The address has the tab's document by now: it must open the page again, and not answer the document.
    await page.reload();
    await page.getByRole("tab", { name: "Watch" }).waitFor();
    await expect.poll(() => server.log.streams).toBe(0);
    await expect.poll(streams, { timeout: 20_000, interval: 500 }).toBe(1);
    // Each load of the page is a client of its own, so that several do not use up the streams of one.
    expect(clients).toEqual([expect.stringMatching(/^graphiql-\w+$/), expect.stringMatching(/^graphiql-\w+$/)]);
    expect(clients[0]).not.toBe(clients[1]);
    expect(foreign).toEqual([]);
    expect(faults).toEqual([]);
  });
});
