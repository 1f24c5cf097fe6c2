import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { describe, expect, test } from "vitest";
import { scriptedDocket } from "../support/scripted-docket.ts";

const docket = fileURLToPath(new URL("../../cli/docket.js", import.meta.url));

/** A real MCP client of a real child process, with what that process wrote to its log. */
async function connectChild(env: Record<string, string>) {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [docket, "mcp"],
    env: { PATH: process.env["PATH"] ?? "", DOCKET_API_KEY: "dk_test", ...env },
    stderr: "pipe",
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
    [Symbol.asyncDispose]: () => client.close(),
  };
}

const task = {
  taskId: "TASK-001",
  projectId: "alpha",
  status: "IN_PROGRESS",
  description: "very private text",
  labels: [],
  inputs: [],
  expectedOutputs: [],
  metadata: {},
  priority: 2,
  project: { leaseSeconds: 3600 },
};
const root = {
  claimNextTask: () => ({ task, attempt: "4-9f86d081884c", replayed: false }),
  renewTaskLease: () => ({ attempt: "4-9f86d081884c", replayed: false }),
  updateTaskStatus: () => ({ task: { ...task, status: "COMPLETED" }, replayed: false }),
};

describe("the stdio server", () => {
  test("refuses to start without a key, and says where to get one", async () => {
    const child = spawn(process.execPath, [docket, "mcp"], { env: { PATH: process.env["PATH"] } });
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

  test("lists its tools and its instructions, and writes nothing else to stdout", async () => {
    await using child = await connectChild({});
    const { tools } = await child.client.listTools();
    expect(tools.map(({ name }) => name)).toContain("get_next_task");
    expect(child.client.getInstructions()).toContain("get_next_task");
    expect(child.faults).toEqual([]);
  });

  test("tells how to reach a server that is away", async () => {
    const gone = await scriptedDocket();
    await gone[Symbol.asyncDispose]();
    await using child = await connectChild({ DOCKET_URL: `${gone.url}/graphql` });
    const answer = await child.call("get_next_task", { project_id: "alpha" });
    expect(answer).toContain(`Docket unavailable: Connection refused at ${gone.url}. Start it with \`npm start\``);
  });

  test("renews what it holds until that is completed, as one client with one id", async () => {
    await using server = await scriptedDocket(root);
    await using child = await connectChild({ DOCKET_URL: server.url, DOCKET_PROJECT: "alpha" });
    const renewals = () => server.seen.filter(({ query }) => query.includes("renewTaskLease"));
    await child.call("get_next_task", { lease_seconds: 1 });
    await expect.poll(() => renewals().length).toBeGreaterThan(1);
    expect(renewals()[0]?.variables.input).toMatchObject({
      taskId: "TASK-001",
      attempt: "4-9f86d081884c",
      leaseSeconds: 1,
    });

    await child.call("update_task_status", { task_id: "TASK-001", status: "completed" });
    expect(server.seen.at(-1)?.variables.input).toMatchObject({ attempt: "4-9f86d081884c", projectId: "alpha" });
    const ids = new Set(server.seen.map(({ headers }) => headers["docket-client-id"]));
    expect([...ids]).toEqual([expect.stringMatching(/^[0-9a-f-]{36}$/)]);

    await using other = await connectChild({ DOCKET_URL: server.url, DOCKET_PROJECT: "alpha" });
    await other.call("get_next_task", {});
    expect(ids).not.toContain(server.seen.at(-1)?.headers["docket-client-id"]);
  });

  test("logs each call with tool, duration and outcome, and no texts of tasks", async () => {
    await using server = await scriptedDocket(root);
    await using child = await connectChild({ DOCKET_URL: server.url });
    await child.call("get_next_task", { project_id: "alpha", worker: "private name" });
    await expect.poll(child.log).toMatch(/"tool":"get_next_task","duration_ms":\d+,"outcome":"ok"/);
    expect(child.log()).not.toMatch(/private|dk_test/);
  });

  test("ends when its client goes, whatever it holds", async () => {
    await using server = await scriptedDocket(root);
    const child = spawn(process.execPath, [docket, "mcp"], {
      env: { PATH: process.env["PATH"], DOCKET_API_KEY: "dk_test", DOCKET_URL: server.url },
      stdio: ["pipe", "pipe", "ignore"],
    });
    const ended = once(child, "exit");
    const send = (message: object) => child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
    const clientInfo = { name: "raw", version: "1" };
    send({ id: 1, method: "initialize", params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo } });
    send({ method: "notifications/initialized" });
    send({ id: 2, method: "tools/call", params: { name: "get_next_task", arguments: { project_id: "alpha" } } });
    child.stdin.end();
    const [stdout, [code]] = await Promise.all([text(child.stdout), ended]);
    const answers = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(answers.map(({ id }) => id)).toEqual([1, 2]);
    expect(answers[1].result.structuredContent).toMatchObject({ attempt: "4-9f86d081884c" });
    expect(code).toBe(0);
  });
});
