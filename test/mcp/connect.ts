import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { createRequest } from "../../client/request.ts";
import { createMcpServer, type FinishedCall } from "../../mcp/server.ts";
import { LeaseSession } from "../../mcp/session.ts";

interface Settings {
  readonly url: string;
  readonly defaultProject?: string;
  /** Whether the server keeps leases, as stdio does. */
  readonly holds?: boolean;
  readonly timeoutMs?: number;
}

/** An MCP client of our tools against a Docket at `url`, in this process. */
export async function connectTools({ url, defaultProject, holds = false, timeoutMs = 5_000 }: Settings) {
  const request = createRequest({ url, apiKey: "dk_test", timeoutMs, sleep: async () => undefined });
  const session = new LeaseSession(request);
  const calls: FinishedCall[] = [];
  const server = createMcpServer({
    request,
    defaultProject,
    ...(holds && { session }),
    finished: (call) => calls.push(call),
  });
  const client = new Client({ name: "test-client", version: "1.0.0" });
  const [ours, theirs] = InMemoryTransport.createLinkedPair();
  await Promise.all([server.connect(ours), client.connect(theirs)]);
  // The client checks structured results against the schemas that it has listed.
  await client.listTools();

  return {
    client,
    session,
    calls,
    /** Calls a tool; `text` is what a model reads, `data` the structured result. */
    async call(name: string, args: Record<string, unknown> = {}) {
      const result = await client.callTool({ name, arguments: args });
      const [content] = result.content as { text: string }[];
      return { failed: result.isError === true, text: content?.text ?? "", data: result.structuredContent };
    },
    async [Symbol.asyncDispose]() {
      session.close();
      await client.close();
      await server.close();
    },
  };
}
