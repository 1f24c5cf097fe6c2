import type { Ground } from "./path.ts";

const VERSION = "2025-11-25";

/** Calls a method of MCP over HTTP, where each call stands alone. */
async function call<Result>({ url, apiKey }: Ground, method: string, params: object): Promise<Result> {
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
  // One message of a stream of events holds the same.
  const { result, error } = JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? text) as {
    result?: Result;
    error?: { message: string };
  };
  if (result === undefined) throw new Error(`${url}/mcp answers ${method} with ${response.status}: ${error?.message}`);
  return result;
}

export async function initialize(ground: Ground): Promise<string> {
  const { serverInfo, protocolVersion } = await call<{
    protocolVersion: string;
    serverInfo: { name: string; version: string };
  }>(ground, "initialize", {
    protocolVersion: VERSION,
    capabilities: {},
    clientInfo: { name: "docket-smoke", version: "1.0.0" },
  });
  return `${serverInfo.name} ${serverInfo.version}, protocol ${protocolVersion}`;
}

export async function listTools(ground: Ground): Promise<string> {
  const { tools } = await call<{ tools: readonly { name: string }[] }>(ground, "tools/list", {});
  if (!tools.some(({ name }) => name === "get_next_task")) throw new Error("The tool get_next_task is not listed.");
  return `${tools.length} tools`;
}
