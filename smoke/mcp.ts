import type { Ground } from "./path.ts";

const VERSION = "2025-11-25";

type Server = Pick<Ground, "url" | "apiKey">;

interface Message<Result> {
  readonly result?: Result;
  readonly error?: { readonly message?: string };
}

/** Calls a method of MCP over HTTP, where each call stands alone. */
async function call<Result>({ url, apiKey }: Server, method: string, params: object): Promise<Result> {
  const response = await fetch(`${url}/mcp`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${apiKey}`,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": VERSION,
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
    signal: AbortSignal.timeout(10_000),
  });
  const text = await response.text();
  const { result, error } = messageIn<Result>(text);
  if (result !== undefined) return result;
  throw new Error(`${url}/mcp answers ${method} with ${response.status}: ${error?.message ?? text.slice(0, 200)}`);
}

/** One message of a stream of events holds the same as an answer. What is none of MCP's, as a proxy's page, holds nothing. */
function messageIn<Result>(text: string): Message<Result> {
  try {
    return JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? text) as Message<Result>;
  } catch {
    return {};
  }
}

export async function initialize(server: Server): Promise<string> {
  const { serverInfo, protocolVersion } = await call<{
    protocolVersion: string;
    serverInfo: { name: string; version: string };
  }>(server, "initialize", {
    protocolVersion: VERSION,
    capabilities: {},
    clientInfo: { name: "docket-smoke", version: "1.0.0" },
  });
  return `${serverInfo.name} ${serverInfo.version}, protocol ${protocolVersion}`;
}

export async function listTools(server: Server): Promise<string> {
  const { tools } = await call<{ tools: readonly { name: string }[] }>(server, "tools/list", {});
  if (!tools.some(({ name }) => name === "get_next_task")) throw new Error("The tool get_next_task is not listed.");
  return `${tools.length} tools`;
}
