import { expect, onTestFinished, test, vi } from "vitest";
import { makeProject, startTestServer } from "../support/server.ts";
import { makeUser } from "./in-process.ts";

test("docket status --watch draws the table again after an answer that did not come", async () => {
  const { url, agentKey, projectId } = await makeProject(await startTestServer(), ["first"]);
  const { docket } = await makeUser({ DOCKET_URL: url, DOCKET_API_KEY: agentKey, DOCKET_PROJECT: projectId });
  const { promise: drawnOnce, resolve: draws } = Promise.withResolvers<void>();
  const watcher = new AbortController();
  const status = docket(["status", "--watch"], {
    signal: watcher.signal,
    isTerminal: true,
    watched: (out) => (out.includes("ada") ? watcher.abort() : draws()),
  });
  await drawnOnce;
  // As often as one question is asked, while all else is answered.
  let lost = 4;
  const { fetch } = globalThis;
  const spy = vi.spyOn(globalThis, "fetch").mockImplementation(async (url, init) => {
    if (!String(init?.body).includes("WorkAtAGlance") || lost-- <= 0) return await fetch(url, init);
    throw new TypeError("fetch failed", { cause: Object.assign(new Error("refused"), { code: "ECONNREFUSED" }) });
  });
  onTestFinished(() => spy.mockRestore());
  await docket(["claim", "--worker", "ada"]);
  expect(await status).toMatchObject({
    out: expect.stringContaining("ada"),
    err: expect.stringMatching(/^docket: Docket unavailable: .* Trying again\.$/m),
  });
});
