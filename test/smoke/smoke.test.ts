import { execFile } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { initialize } from "../../smoke/mcp.ts";
import { walk } from "../../smoke/walk.ts";
import { startTestServer } from "../support/server.ts";

/** As npm runs it. */
async function smoke(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const { promise, resolve } = Promise.withResolvers<{ code: number; out: string; err: string }>();
  const env = { PATH: process.env["PATH"], HOME: "/nowhere" };
  execFile(process.execPath, ["smoke/main.ts", ...args], { env, timeout: 60_000 }, (error, out, err) =>
    resolve({ code: Number(error?.code ?? 0), out, err }),
  );
  return await promise;
}

/** The lines that tell of a path, without what was seen. */
async function look(url: string, apiKey: string) {
  const lines: string[] = [];
  const failed = await walk({ url, apiKey, patienceMs: 1_000, print: (line) => lines.push(line) });
  return { failed, lines };
}

test("a server that does all is said to be well, and keeps no work of it", async () => {
  const { url, adminKey, ask } = await startTestServer({ env: { DOCKET_JOBS: "" } });
  const { failed, lines } = await look(url, adminKey);
  expect([failed, lines]).toEqual([[], expect.arrayContaining([expect.stringMatching(/^ok +reminder +triggered/)])]);
  expect(lines.at(-1)).toMatch(/^The project smoke-\S+ is archived\.$/);
  const left = await ask<{ projects: { nodes: object[] }; archived: { nodes: object[] } }>(
    `{ projects { nodes { projectId } }
       archived: projects(archived: true) { nodes { tasks(filter: {status: {ne: COMPLETED}}) { totalCount } } } }`,
  );
  expect(left).toEqual({ projects: { nodes: [] }, archived: { nodes: [{ tasks: { totalCount: 0 } }] } });
});

test("what fails is named with its cause, what needs it is skipped, and the rest is tried; exit codes tell it to scripts", async () => {
  const { url, agentKey, makeKey } = await startTestServer();
  const withoutJobs = await look(url, agentKey);
  expect(withoutJobs.failed).toEqual(["reminder"]);
  expect(withoutJobs.lines).toContainEqual(
    expect.stringMatching(/^FAILED +reminder +.* was not triggered .*job `reminders`/),
  );
  // An agent may not archive.
  expect(withoutJobs.lines.at(-1)).toMatch(/^The project smoke-\S+ stays, without work: .*ADMIN/);

  const wrong = await look(url, "dk_wrong");
  expect(wrong.failed).toHaveLength(11);
  expect(wrong.lines[1]).toMatch(/^FAILED +sign-in +Docket API error: 401/);
  expect(wrong.lines[2]).toMatch(/^skipped +project +it needs sign-in$/);

  const { secret: reader } = await makeKey({ role: "reader" });
  expect((await look(url, reader)).lines[2]).toMatch(/^FAILED +project +.*AGENT/);

  const away = await look("http://127.0.0.1:9", agentKey);
  expect(away.lines[0]).toMatch(/^FAILED +health +Nothing answers at http:\/\/127\.0\.0\.1:9\./);

  // Where a proxy passes on no MCP, what it says is shown.
  await expect(initialize({ url: `${url}/elsewhere`, apiKey: agentKey })).rejects.toThrow(
    /answers initialize with 404: .*Nothing is at/,
  );

  const stranger = createServer((request, response) =>
    response.end(request.url?.startsWith("/health") ? '{"status": "\\u001b[2Jready"}' : "<html>\u001b[31m"),
  );
  await new Promise<void>((resolve) => stranger.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void stranger.close());
  const { lines } = await look(`http://127.0.0.1:${(stranger.address() as AddressInfo).port}`, agentKey);
  expect(lines.slice(0, 2)).toEqual([
    expect.stringMatching(/^ok +health +\[2Jready/),
    expect.stringMatching(/^FAILED +sign-in/),
  ]);

  const [run, keyless] = await Promise.all([smoke(url, "--key-file", "package.json"), smoke("http://127.0.0.1:9")]);
  expect(run).toMatchObject({ code: 2, err: expect.stringContaining("one word of plain ASCII") });
  expect(keyless).toMatchObject({ code: 2, err: expect.stringMatching(/^No API key for http:\/\/127\.0\.0\.1:9/) });
});
