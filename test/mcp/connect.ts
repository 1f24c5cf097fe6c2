import { randomUUID } from "node:crypto";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { createRequest } from "../../client/request.ts";
import type { Toolset } from "../../mcp/registry.ts";
import { createMcpServer, type FinishedCall } from "../../mcp/server.ts";
import { LeaseSession } from "../../mcp/session.ts";

interface Settings {
  readonly url: string;
  readonly agentKey?: string;
  readonly defaultProject?: string;
  /** Whether the server keeps leases, as stdio does. */
  readonly holds?: boolean;
  readonly timeoutMs?: number;
  /** Default: what a client gets that chooses nothing. */
  readonly toolsets?: readonly Toolset[];
  /** Of the client. */
  readonly name?: string;
}

/** An MCP client of our tools against a Docket at `url`, in this process. */
export async function connectTools(settings: Settings) {
  const {
    url,
    agentKey = "dk_test",
    defaultProject,
    holds = false,
    timeoutMs = 5_000,
    name = "test-client",
  } = settings;
  const connection = { url, apiKey: agentKey, clientId: randomUUID(), timeoutMs };
  const request = createRequest({ ...connection, sleep: async () => undefined });
  const session = new LeaseSession(request, { idleMs: 3_600_000 });
  const calls: FinishedCall[] = [];
  const server = createMcpServer({
    request,
    defaultProject,
    toolsets: settings.toolsets,
    ...(holds && { session }),
    finished: (call) => calls.push(call),
  });
  const client = new Client({ name, version: "1.0.0" });
  const [ours, theirs] = InMemoryTransport.createLinkedPair();
  await Promise.all([server.connect(ours), client.connect(theirs)]);
  // The client checks structured results against the schemas that it has listed.
  await client.listTools();

  return {
    client,
    session,
    calls,
    /** Calls a tool; `text` is what a model reads, `data` the structured result. */
    async call(tool: string, args: Record<string, unknown> = {}) {
      const result = await client.callTool({ name: tool, arguments: args });
      const [content] = result.content as { text: string }[];
      return { failed: result.isError === true, text: content?.text ?? "", data: result.structuredContent };
    },
    async [Symbol.asyncDispose]() {
      await session.close();
      await client.close();
      await server.close();
    },
  };
}
