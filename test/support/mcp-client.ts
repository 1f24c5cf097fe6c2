import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { onTestFinished } from "vitest";
import { builtDocket } from "./built-docket.ts";

export interface ToolAnswer {
  readonly failed: boolean;
  /** What a model reads. */
  readonly text: string;
  /** The structured result. */
  readonly data: Record<string, unknown>;
}

/** An agent: a real MCP client of `docket mcp`, which runs as a process of its own. */
export interface McpAgent {
  readonly pid: number;
  /** @param meta what the client says beside the arguments, in `_meta`. */
  call(tool: string, args?: object, meta?: object): Promise<ToolAnswer>;
  close(): Promise<void>;
}

interface AgentOptions {
  /** The server, without a path. */
  readonly url: string;
  readonly key: string;
  /** DOCKET_PROJECT */
  readonly project?: string;
  readonly name?: string;
  /** DOCKET_TOOLSETS */
  readonly toolsets?: string;
  /** The command of an installed package, in place of what the tests have built. */
  readonly docket?: string;
  /** Left open for the caller to close, for `beforeAll`. */
  readonly keepOpen?: boolean;
}

/** Ends with the test, at the latest. */
export async function startMcpAgent(options: AgentOptions): Promise<McpAgent> {
  const { url, key, project, name = "acceptance", toolsets, docket, keepOpen = false } = options;
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [docket ?? (await builtDocket()), "mcp"],
    env: {
      PATH: process.env["PATH"] ?? "",
      DOCKET_URL: url,
      DOCKET_API_KEY: key,
      ...(project !== undefined && { DOCKET_PROJECT: project }),
      ...(toolsets !== undefined && { DOCKET_TOOLSETS: toolsets }),
    },
    stderr: "ignore",
  });
  const client = new Client({ name, version: "1.0.0" });
  await client.connect(transport);
  if (!keepOpen) onTestFinished(() => client.close());
  return {
    pid: transport.pid ?? 0,
    async call(tool, args = {}, meta = {}) {
      const result = await client.callTool({ name: tool, arguments: { ...args }, _meta: { ...meta } });
      const [content] = result.content as { text: string }[];
      return {
        failed: result.isError === true,
        text: content?.text ?? "",
        data: (result.structuredContent ?? {}) as Record<string, unknown>,
      };
    },
    close: () => client.close(),
  };
}

/** An agent's own client of `/mcp`, which ends with the test. */
export async function connectOverHttp(
  { url, agentKey }: { url: string; agentKey: string },
  headers: Readonly<Record<string, string>> = {},
): Promise<Client> {
  const client = new Client({ name: "test", version: "1.0.0" });
  const transport = new StreamableHTTPClientTransport(new URL(`${url}/mcp`), {
    requestInit: { headers: { authorization: `Bearer ${agentKey}`, ...headers } },
  });
  // Its optional sessionId is typed without undefined, which the strictest settings tell apart.
  await client.connect(transport as Parameters<Client["connect"]>[0]);
  onTestFinished(() => client.close());
  return client;
}
