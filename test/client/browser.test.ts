import { existsSync, globSync } from "node:fs";
import { chromium } from "playwright-core";
import { build } from "vite";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { startTestServer } from "../support/server.ts";

const executablePath = "/usr/bin/chromium";

/** Each module of client/, bundled for a browser, by the name of its file; client/node/ stays out. */
const bundle = new Map<string, string>();
let modules: string[] = [];

beforeAll(async () => {
  const [built] = [
    await build({
      configFile: false,
      logLevel: "silent",
      build: {
        write: false,
        minify: false,
        rolldownOptions: {
          input: globSync("client/*.ts"),
          preserveEntrySignatures: "strict",
          output: { entryFileNames: "[name].js" },
        },
      },
    }),
  ].flat();
  if (!built || !("output" in built)) throw new Error("nothing was built");
  const chunks = built.output.filter((file) => file.type === "chunk");
  for (const { fileName, code } of chunks) bundle.set(fileName, code);
  modules = chunks.flatMap(({ moduleIds, imports }) => [...moduleIds, ...imports]);
});

test("what a client needs is bundled for a browser without anything of Node", () => {
  expect([...bundle.keys()]).toEqual(expect.arrayContaining(["request.js", "stream.js"]));
  // What only Node has, the bundler would replace by a module of this name, which throws when it is used.
  expect(modules.filter((id) => /^node:|vite-browser-external/.test(id))).toEqual([]);
  for (const code of bundle.values()) expect(code).not.toMatch(/\b(process\.|Buffer\b|setImmediate\b)/);
});

test.skipIf(!existsSync(executablePath))("a page asks and follows with the client that was bundled", async () => {
  const server = await startTestServer();
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
  onTestFinished(() => browser.close());
  const page = await browser.newPage();
  await page.route(`${server.url}/client/*`, (route) =>
    route.fulfill({
      contentType: "text/javascript",
      body: bundle.get(new URL(route.request().url()).pathname.slice("/client/".length)) ?? "",
    }),
  );
  await page.goto(`${server.url}/health`);
  const seen = await page.evaluate(askAndFollow({ url: server.url, apiKey: server.adminKey }));
  expect(seen).toEqual([{ type: "task.created" }]);
});

/** A script, as text because the tests' own bundler would rewrite its imports. */
const askAndFollow = (settings: { readonly url: string; readonly apiKey: string }) => `(async (settings) => {
  const { createRequest } = await import("/client/request.js");
  const { followStream } = await import("/client/stream.js");
  const request = createRequest(settings);
  await request('mutation { createProject(input: {projectId: "alpha", name: "Alpha"}) { replayed } }', {});
  const { logCursor } = await request("query { logCursor }", {});
  const stop = new AbortController();
  const frames = followStream({
    ...settings,
    document: "subscription ($after: String) { taskEvents(after: $after) { cursor events { type } } }",
    variables: { after: logCursor },
    signal: stop.signal,
  });
  await request('mutation { addTasks(input: {projectId: "alpha", tasks: [{description: "x"}]}) { taskIds } }', {});
  for await (const { events } of frames) {
    if (events.length === 0) continue;
    stop.abort();
    return events;
  }
})(${JSON.stringify(settings)})`;
