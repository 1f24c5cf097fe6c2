import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { describe, expect, onTestFinished, test } from "vitest";
import { startTestServer } from "../support/server.ts";

async function connectClient(url: string, key: string): Promise<Client> {
  const client = new Client({ name: "test", version: "1.0.0" });
  const transport = new StreamableHTTPClientTransport(new URL(`${url}/mcp`), {
    requestInit: { headers: { authorization: `Bearer ${key}` } },
  });
  // Its optional sessionId is typed without undefined, which the strictest settings tell apart.
  await client.connect(transport as Parameters<Client["connect"]>[0]);
  onTestFinished(() => client.close());
  return client;
}

describe("MCP over HTTP", () => {
  test("offers the tools and acts with the caller's own key", async () => {
    const server = await startTestServer();
    const client = await connectClient(server.url, server.agentKey);
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toContain("get_next_task");
    const added = await client.callTool({
      name: "add_task",
      arguments: { project_id: "alpha", tasks: [{ description: "Write the docs", generator_name: "docs" }] },
    });
    expect(added.isError).not.toBe(true);
    const taken = await client.callTool({ name: "get_next_task", arguments: { project_id: "alpha", worker: "w1" } });
    expect(taken.structuredContent).toMatchObject({ task: { task_id: "TASK-001" }, attempt: 1 });
    await expect
      .poll(() => server.logged.find((line) => line["operation"] === "get_next_task"))
      .toMatchObject({ path: "/mcp", api_key_prefix: server.agentKey.slice(0, 8), status_code: 200 });
  });

  test("keeps callers apart who ask at the same moment", async () => {
    const server = await startTestServer();
    await server.ask(`mutation { a: createProject(input: {projectId: "alpha", name: "A"}) { replayed }
      b: createProject(input: {projectId: "beta", name: "B"}) { replayed } }`);
    const keys = await Promise.all(
      ["alpha", "beta"].map((projectId) => server.makeKey({ name: projectId, projectIds: [projectId] })),
    );
    const [alpha, beta] = await Promise.all(keys.map(({ secret }) => connectClient(server.url, secret)));
    const list = (client: Client | undefined, project_id: string) =>
      client?.callTool({ name: "list_tasks", arguments: { project_id } });
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => [list(alpha, "alpha"), list(beta, "alpha")]).flat(),
    );
    expect(answers.map((answer) => answer?.isError === true)).toEqual(
      Array.from({ length: 10 }, () => [false, true]).flat(),
    );
  });

  test("answers 401 with the seeds' text to a caller without a key, and takes no cookie", async () => {
    const { url } = await startTestServer();
    const headers = { "content-type": "application/json", accept: "application/json, text/event-stream" };
    const cookie = { cookie: `docket_session_${new URL(url).port}=ds_x`, origin: url };
    for (const more of [{}, { authorization: "Bearer dk_wrong" }, cookie]) {
      const response = await fetch(`${url}/mcp`, { method: "POST", headers: { ...headers, ...more }, body: "{}" });
      expect(response.status).toBe(401);
      expect(await response.json()).toMatchObject({
        jsonrpc: "2.0",
        error: { message: expect.stringMatching(/^Docket API error: 401 - Unauthorized\. /) },
      });
    }
  });

  test("is not for pages of other origins, and keeps no sessions", async () => {
    const { url, agentKey } = await startTestServer();
    const headers = { authorization: `Bearer ${agentKey}` };
    const foreign = await fetch(`${url}/mcp`, {
      method: "POST",
      headers: { ...headers, origin: "https://evil.example" },
    });
    expect(foreign.status).toBe(403);
    for (const method of ["GET", "DELETE"]) {
      const response = await fetch(`${url}/mcp`, { method, headers });
      expect([response.status, response.headers.get("allow")]).toEqual([405, "POST"]);
    }
  });
});
