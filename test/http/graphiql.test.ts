import { existsSync } from "node:fs";
import { type Browser, chromium, type Locator, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fillingClaims } from "../../src/http/graphiql-page.ts";
import { TABS } from "../../src/http/graphiql-tabs.ts";
import { createSignInToken } from "../../src/keys/sign-in.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { runExample } from "../support/examples.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

function browserStorage() {
  const items = new Map<string, string>();
  return {
    getItem: (key: string) => items.get(key) ?? null,
    setItem: (key: string, value: string) => void items.set(key, value),
  };
}

const READY_MADE = ["Overview", "Claim", "Complete", "Reserve", "Registry", "Watch"];
const executablePath = "/usr/bin/chromium";

test("the ready-made tabs run as they stand on a new server, one after the other, each by the name of its tab", async () => {
  const server = await startTestServer();
  const send = fillingClaims(fetch, browserStorage());
  for (const { query, variables } of TABS) {
    expect(query.match(/^(query|mutation|subscription) /gm)).toHaveLength(1);
    await runExample(server, query, JSON.parse(variables ?? "{}"), send);
  }
});

test("the tab Complete completes what its browser claimed last and still holds, and nothing of another browser's", async () => {
  const server = await startTestServer();
  const storage = browserStorage();
  const play = async (name: string, kept = storage, more: object = {}) => {
    const { query, variables = "{}" } = TABS.find((tab) => tab.query.includes(` ${name}`)) ?? { query: "" };
    // Each time as after a reload.
    const response = await fillingClaims(fetch, kept)(`${server.url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${server.adminKey}` },
      body: JSON.stringify({ query, variables: { ...JSON.parse(variables), ...more } }),
    });
    return JSON.stringify(await response.json());
  };
  for (const task of ["TASK-001", "TASK-002"]) expect(await play("Claim")).toContain(`"taskId":"${task}"`);
  expect(await play("Complete", browserStorage())).toMatch(/nothing to complete in this browser/);
  // One that the admin gave back is told as lost once; then the one before it is the last.
  await server.ask('mutation { releaseTask(input: {taskId: "TASK-002"}) { replayed } }', {}, { key: server.adminKey });
  expect(await play("Complete")).toContain("LEASE_LOST");
  expect(await play("Complete")).toMatch(/"taskId":"TASK-001","status":"COMPLETED"/);
  expect(await play("Complete")).toMatch(/nothing to complete in this browser/);
  // Variables that the person gave stay as they are.
  expect(await play("Complete", storage, { task: "TASK-009", attempt: "1-9f86d081884c" })).toContain("TASK_NOT_FOUND");
});

test("the comments of the ready-made tabs are wholly in view", () => {
  const comments = TABS.flatMap(({ query }) => query.split("\n").filter((line) => line.startsWith("#")));
  expect(comments.length).toBeGreaterThan(TABS.length);
  expect(comments.filter((line) => line.length > 51)).toEqual([]);
});

describe.skipIf(!existsSync(executablePath))("GraphiQL in a browser", () => {
  let browser: Browser;
  let database: TestDatabase;
  let server: TestServer;
  let page: Page;
  /** What the page asked other hosts for. */
  const foreign: string[] = [];
  const faults: string[] = [];
  /** Of each WebSocket, the client id it named. */
  const clients: unknown[] = [];

  // Loading the page is most of what these tests take, so they share one.
  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath,
      args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
    });
    database = await createTestDatabase();
    server = await startTestServer({ test: database, keepOpen: true });
    page = await browser.newPage();
    // A spinner that nobody sees turn costs a lot.
    await page.addInitScript(() =>
      addEventListener("DOMContentLoaded", () => {
        const still = document.createElement("style");
        still.textContent = "* { animation: none !important }";
        document.head.append(still);
      }),
    );
    page.on("request", (request) => {
      if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith(server.url)) foreign.push(request.url());
    });
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
    // As by the link of the banner.
    const { keyId } = await server.makeKey({ name: "boss", role: "admin" });
    await page.goto(`${server.url}/sign-in?token=${await createSignInToken(server.database, keyId)}`);
    // What another server of this address left in this browser.
    await page.evaluate(() => {
      const tab = {
        id: "x",
        title: "<untitled>",
        query: null,
        variables: null,
        headers: null,
        operationName: null,
        response: null,
      };
      localStorage.setItem("graphiql:tabState", JSON.stringify({ activeTabIndex: 0, tabs: [tab] }));
    });
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.waitForURL(`${server.url}/graphql`);
    await page.getByRole("tab", { name: "Watch" }).waitFor();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
    await database?.drop();
  });

  /** Whether the text is in the result, of which only the lines that are in view are in the page. */
  async function scrolled(lines: Locator, text: string): Promise<boolean> {
    await lines.hover();
    await lines.page().mouse.wheel(0, 150);
    return (await lines.textContent())?.includes(text) ?? false;
  }

  /** Plays the tab Watch, which is selected. */
  async function watch() {
    const execute = page.getByRole("button", { name: /execute/i });
    const streams = async () => {
      if (server.log.streams === 0) await execute.click({ timeout: 1_000 }).catch(() => undefined);
      return server.log.streams;
    };
    await expect.poll(streams, { timeout: 20_000, interval: 500 }).toBe(1);
  }

  const names = async () =>
    (await page.locator(".graphiql-tabs [role=tab]").allInnerTexts()).map((name) => name.trim());

  test("opens with tabs for a query, a claim, a reservation and a subscription that ticks, whatever another server of this address left", async () => {
    expect(await names()).toEqual(READY_MADE);

    await page.getByRole("button", { name: /execute/i }).click();
    await expect.poll(() => page.locator(".result-window").textContent()).toContain('"boss"');

    // One press each, as a hand does it: with the pointer moving, and the button down for a moment.
    for (const name of ["Claim", "Reserve", "Overview", "Watch"]) {
      const box = await page.getByRole("tab", { name }).boundingBox();
      if (!box) throw new Error(`${name} is not in view`);
      const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
      await page.mouse.move(x, y, { steps: 4 });
      await page.mouse.down();
      await page.mouse.move(x + 3, y, { steps: 3 });
      await page.mouse.up();
      await page.getByRole("tab", { name, selected: true }).waitFor();
    }
    await watch();
    await server.ask(`mutation { createProject(input: {projectId: "ticking", name: "T"}) { replayed } }`);
    await expect.poll(() => page.locator(".result-window").textContent()).toContain("ticking");
    // The next frame takes its place, and it stays in sight below.
    await server.ask(`mutation { createProject(input: {projectId: "tocking", name: "T"}) { replayed } }`);
    await expect.poll(() => page.locator(".result-window").textContent(), { timeout: 15_000 }).toContain("tocking");
    const frames = page.locator(".result-window .view-lines");
    await expect.poll(() => scrolled(frames, "ticking"), { timeout: 15_000 }).toBe(true);

    expect(foreign).toEqual([]);
    expect(faults).toEqual([]);

    // It watches on by itself, also when nobody answered for a moment.
    let tries = 0;
    page.on("websocket", () => tries++);
    await server.close();
    await expect.poll(() => tries).toBeGreaterThan(1);
    server = await startTestServer({ test: database, env: { PORT: new URL(server.url).port }, keepOpen: true });
    await expect.poll(() => server.log.streams, { timeout: 30_000 }).toBe(1);
  });

  test("shows only the ready-made tabs at the bare address later, and a link beside them", {
    timeout: 240_000,
  }, async () => {
    await page.goto(server.url);
    await page.getByRole("tab", { name: "Watch" }).waitFor();
    await expect.poll(() => server.log.streams).toBe(0);
    expect(await names()).toEqual(READY_MADE);

    // Played again and again, Complete is for what was claimed last, and the tabs keep their names.
    const play = async (name: string, expected: RegExp) => {
      await page.getByRole("tab", { name }).click();
      await page.getByRole("tab", { name, selected: true }).waitFor();
      await page.getByRole("button", { name: /execute/i }).click();
      await expect.poll(() => page.locator(".result-window").textContent(), { timeout: 15_000 }).toMatch(expected);
    };
    for (const task of ["TASK-001", "TASK-002"]) {
      await play("Claim", new RegExp(`"attempt":.*"${task}"`));
      await play("Complete", new RegExp(`"${task}".*"COMPLETED"`));
    }
    await play("Complete", /nothing\sto\scomplete/);
    expect(await names()).toEqual(READY_MADE);

    // A link that somebody sent opens beside them; it is not answered, although it has a document.
    const link = "  query Shared { viewer { name } }\n  query Other { viewer { role } }";
    await page.goto(`${server.url}/graphql?query=${encodeURIComponent(link)}`);
    await page.getByRole("tab", { name: "Shared", selected: true }).waitFor();
    expect(await names()).toEqual([...READY_MADE, "Shared"]);
    // Of several operations the one that is chosen is played.
    await page.getByRole("button", { name: /execute/i }).click();
    await page.getByRole("menuitem", { name: "Other" }).click();
    await expect
      .poll(() => page.locator(".result-window").textContent(), { timeout: 15_000 })
      .toMatch(/"role":\s"ADMIN"/);
  });

  test("says what to do when an empty document is played", { timeout: 240_000 }, async () => {
    // With one operation, so that the button has nothing to choose from.
    await page.getByRole("tab", { name: "Overview" }).click();
    await page.getByRole("tab", { name: "Overview", selected: true }).waitFor();
    await page.locator(".graphiql-query-editor .view-lines").first().click();
    await page.keyboard.press("Control+A");
    await page.keyboard.press("Delete");
    await page.getByRole("button", { name: /execute/i }).click();
    await expect
      .poll(() => page.locator(".result-window").textContent(), { timeout: 15_000 })
      .toMatch(/document\sis\sempty/);
  });

  test("is a client of its own each time it is loaded, so that several do not use up the streams of one", async () => {
    await page.getByRole("tab", { name: "Watch" }).click();
    await page.getByRole("tab", { name: "Watch", selected: true }).waitFor();
    await watch();
    expect(clients).toEqual(clients.map(() => expect.stringMatching(/^graphiql-\w+$/)));
    expect(new Set(clients).size).toBe(2);
  });
});
