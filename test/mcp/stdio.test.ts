import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeUserFile } from "../../client/node/user-file.ts";
import { TOOLSETS } from "../../mcp/registry.ts";
import { builtDocket } from "../support/built-docket.ts";
import { makeProject, shareServer } from "../support/server.ts";
import { makeTemporaryFolder } from "../support/temporary-folder.ts";

const docket = await builtDocket();

/** A real MCP client of a real child process, with what that process wrote to its log. */
async function connectChild(env: Record<string, string>, cwd?: string) {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [docket, "mcp"],
    env: { PATH: process.env["PATH"] ?? "", ...env },
    stderr: "pipe",
    ...(cwd !== undefined && { cwd }),
  });
  const log: string[] = [];
  transport.stderr?.on("data", (chunk) => log.push(String(chunk)));
  const faults: Error[] = [];
  const client = new Client({ name: "child-test", version: "1.0.0" });
  client.onerror = (fault) => faults.push(fault);
  await client.connect(transport);
  return {
    client,
    faults,
    log: () => log.join(""),
    async call(name: string, args: Record<string, unknown>) {
      const result = await client.callTool({ name, arguments: args });
      return (result.content as { text: string }[])[0]?.text ?? "";
    },
    end: (signal: NodeJS.Signals) => process.kill(transport.pid ?? 0, signal),
    [Symbol.asyncDispose]: () => client.close(),
  };
}

const shared = shareServer();
/** Of an agent of all projects. */
let child: Awaited<ReturnType<typeof connectChild>>;
beforeAll(async () => {
  const { url, agentKey } = shared.server;
  child = await connectChild({ DOCKET_URL: url, DOCKET_API_KEY: agentKey });
});
afterAll(() => child[Symbol.asyncDispose]());

/** A project with pending tasks, and what a child of its own needs to reach it. */
async function serve(...descriptions: string[]) {
  const { url, agentKey, projectId } = await makeProject(shared.server, descriptions);
  const attempts = async () =>
    (
      await shared.owner.query<{ client: string; left: number; notes: string | null; outcome: string | null }>(
        `SELECT client, extract(epoch FROM lease_expires_at - claimed_at)::float AS left, notes, outcome
         FROM task_attempts WHERE project_id = $1 ORDER BY claimed_at`,
        [projectId],
      )
    ).rows;
  return {
    attempts,
    project_id: projectId,
    env: { DOCKET_URL: url, DOCKET_API_KEY: agentKey, DOCKET_PROJECT: projectId },
  };
}

describe("the stdio server", () => {
  test("takes what `docket login` kept and the project of the repository; where that leads to another server it has no key, and says where to get one", async () => {
    const { env: known, project_id } = await serve("a");
    const cwd = await makeTemporaryFolder("repository");
    const env = { XDG_CONFIG_HOME: cwd };
    writeUserFile(env, { server: known.DOCKET_URL, keys: { [known.DOCKET_URL]: known.DOCKET_API_KEY } });
    const bring = (file: object) => writeFile(join(cwd, ".docket.json"), JSON.stringify(file));
    await bring({ project: project_id });
    await using signedIn = await connectChild(env, cwd);
    expect(await signedIn.call("list_tasks", {})).toMatch(/TASK-001/);

    await bring({ server: "http://127.0.0.1:9", project: project_id });
    const child = spawn(process.execPath, [docket, "mcp"], { cwd, env: { PATH: process.env["PATH"], ...env } });
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
    expect(code).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toMatch(/needs an API key.*DOCKET_API_KEY.*\.docket\/agent-key/s);
  });

  test("refuses a wrong setting with a message and no stack", async () => {
    const env = { PATH: process.env["PATH"], DOCKET_URL: "nonsense", DOCKET_API_KEY: "dk_test" };
    const child = spawn(process.execPath, [docket, "mcp"], { env });
    const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, "exit")]);
    expect({ stderr, code }).toEqual({ stderr: expect.stringMatching(/^DOCKET_URL must be .*\n$/), code: 1 });
  });

  test("offers the toolsets that --toolsets names, whatever DOCKET_TOOLSETS says, and refuses to start for an unknown one", async () => {
    const env = { PATH: process.env["PATH"] ?? "", DOCKET_API_KEY: "dk_test", DOCKET_TOOLSETS: "default" };
    const args = (toolsets: string) => [docket, "mcp", "--toolsets", toolsets];
    const refused = spawn(process.execPath, args("traking"), { env });
    const [stdout, stderr, [code]] = await Promise.all([
      text(refused.stdout),
      text(refused.stderr),
      once(refused, "exit"),
    ]);
    expect({ stdout, stderr, code }).toEqual({
      stdout: "",
      stderr: "There is no toolset traking. Toolsets: default, tracking, or all.\n",
      code: 1,
    });
    const client = new Client({ name: "child-test", version: "1.0.0" });
    await client.connect(
      new StdioClientTransport({ command: process.execPath, args: args("tracking"), env, stderr: "ignore" }),
    );
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(TOOLSETS.tracking.map(({ name }) => name));
    await client.close();
  });

  test("lists its tools and its instructions, and writes nothing else to stdout", async () => {
    const { tools } = await child.client.listTools();
    expect(tools.map(({ name }) => name)).toContain("get_next_task");
    expect(child.client.getInstructions()).toContain("get_next_task");
    expect(child.faults).toEqual([]);
  });

  test("tells how to reach a server that is away", async () => {
    const listener = createServer().listen(0, "127.0.0.1");
    await once(listener, "listening");
    const gone = { url: `http://127.0.0.1:${(listener.address() as AddressInfo).port}` };
    await promisify(listener.close.bind(listener))();
    await using child = await connectChild({ DOCKET_URL: `${gone.url}/graphql`, DOCKET_API_KEY: "dk_test" });
    const answer = await child.call("get_next_task", { project_id: "alpha" });
    expect(answer).toContain(
      `Docket unavailable: Connection refused at ${gone.url}. Start it with \`npx docket start\``,
    );
  });

  test("claims for ten minutes, as one client with an id of its own", async () => {
    const { attempts, project_id, env } = await serve("a", "b");
    await using other = await connectChild(env);
    await child.call("get_next_task", { project_id });
    await other.call("get_next_task", {});
    const [mine, theirs] = await attempts();
    expect([mine?.left, theirs?.left]).toEqual([600, 600]);
    expect(mine?.client).toMatch(/^[0-9a-f-]{36}$/);
    expect(mine?.client).not.toBe(theirs?.client);
  });

  test("renews what it holds until that is completed", async () => {
    const { attempts, project_id } = await serve("a");
    await child.call("get_next_task", { project_id, lease_seconds: 2 });
    await expect.poll(async () => (await attempts())[0]?.left).toBeGreaterThan(4);
    const completed = await child.call("update_task_status", { project_id, task_id: "TASK-001", status: "completed" });
    expect(completed).toContain("completed");
    expect(await attempts()).toMatchObject([{ outcome: "completed" }]);
  });

  test("answers a call that is nested too deep, also where its numbers are looked at", async () => {
    const { project_id } = await serve("a");
    const nested = (levels: number) => JSON.parse(`${"[".repeat(levels)}1${"]".repeat(levels)}`);
    for (const [levels, attempt] of [
      [101, "1-1e1"],
      [3_000, "1-abc"],
      [3_000, "1-1e1"],
    ] as const) {
      const args = { project_id, task_id: "TASK-001", attempt, checkpoint: { a: nested(levels) } };
      expect(await child.call("renew_task_lease", args)).toMatch(/nested more than 100 levels deep.*For example/s);
    }
  });

  test("gives its answer again when a cancellation crossed it on the way", async () => {
    const { env } = await serve();
    await using child = await connectChild(env);
    const next = async () => JSON.parse(await child.call("get_next_available_id", { artifact_type: "US" })).id;
    expect([await next(), await next()]).toEqual(["US-001", "US-002"]);
    // The client numbers its requests, from 0, which greets.
    await child.client.notification({ method: "notifications/cancelled", params: { requestId: 1 } });
    expect([await next(), await next()]).toEqual(["US-001", "US-003"]);
  });

  test("logs each call with tool, duration and outcome, and no texts of tasks", async () => {
    const { project_id } = await serve("private text");
    await child.call("get_next_task", { project_id, worker: "private name" });
    await expect.poll(child.log).toMatch(/"tool":"get_next_task","duration_ms":\d+,"outcome":"ok"/);
    expect(child.log()).not.toMatch(/private|dk_/);
  });

  test("answers what it was asked when its client goes, gives back what it holds, and ends", async () => {
    const { attempts, env } = await serve("a");
    const child = spawn(process.execPath, [docket, "mcp"], {
      env: { PATH: process.env["PATH"], ...env },
      stdio: ["pipe", "pipe", "ignore"],
    });
    const ended = once(child, "exit");
    const send = (message: object) => child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
    const clientInfo = { name: "raw", version: "1" };
    send({ id: 1, method: "initialize", params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo } });
    send({ method: "notifications/initialized" });
    send({ id: 2, method: "tools/call", params: { name: "get_next_task", arguments: {} } });
    child.stdin.end();
    const [stdout, [code]] = await Promise.all([text(child.stdout), ended]);
    const answers = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(answers.map(({ id }) => id)).toEqual([1, 2]);
    expect(answers[1].result.structuredContent).toMatchObject({ task: { task_id: "TASK-001" } });
    expect(code).toBe(0);
    expect(await attempts()).toMatchObject([{ outcome: "released", notes: "session ended" }]);
  });

  test.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)(
    "gives back what it holds when it is ended by %s",
    async (signal) => {
      const { attempts, env } = await serve("a", "b");
      const child = await connectChild(env);
      for (const _ of [1, 2]) await child.call("get_next_task", {});
      child.end(signal);
      await expect.poll(attempts).toMatchObject(Array(2).fill({ outcome: "released", notes: "session ended" }));
      await child[Symbol.asyncDispose]();
    },
  );
});
