import { fileURLToPath } from "node:url";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import type { World } from "../world.ts";
import { tokensIn, tokensInJson } from "./count.ts";

const docket = fileURLToPath(new URL("../../cli/docket.js", import.meta.url));

/** What a model paid for one call, in tokens. */
export interface CallCost {
  readonly tool: string;
  /** The tool's name and arguments, as JSON. */
  readonly request: number;
  /** The text of the answer. */
  readonly answer: number;
  /** The same result as structured content, for clients that show a model both. */
  readonly structured: number;
}

/** What a model pays before its first call, in tokens. */
export interface DefinitionCost {
  readonly tools: number;
  /** `tools` of tools/list, as JSON. */
  readonly listed: number;
  /** The part of it that is output schemas; many clients leave them out. */
  readonly outputSchemas: number;
  /** What the server says of itself when a client connects. */
  readonly instructions: number;
}

/** An agent's MCP client of `docket mcp`, which counts what its model would see. */
export interface CountingAgent extends AsyncDisposable {
  readonly paid: readonly CallCost[];
  definitions(): Promise<DefinitionCost>;
  /** Its structured result. @throws Error when it failed. */
  call(tool: string, args: Readonly<Record<string, unknown>>): Promise<Readonly<Record<string, unknown>>>;
}

/** @param project DOCKET_PROJECT: calls then name none. */
export async function connectAgent(
  { url, apiKey }: Pick<World, "url" | "apiKey">,
  project: string,
): Promise<CountingAgent> {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [docket, "mcp"],
    env: { PATH: process.env["PATH"] ?? "", DOCKET_URL: url, DOCKET_API_KEY: apiKey, DOCKET_PROJECT: project },
    stderr: "ignore",
  });
  const client = new Client({ name: "claude-code", version: "1.0.0" });
  await client.connect(transport);
  const paid: CallCost[] = [];
  return {
    paid,
    async definitions() {
      const { tools } = await client.listTools();
      const listed = tokensInJson(tools);
      const withoutOutput = tools.map(({ outputSchema: _, ...tool }) => tool);
      const instructions = tokensIn(client.getInstructions() ?? "");
      return { tools: tools.length, listed, outputSchemas: listed - tokensInJson(withoutOutput), instructions };
    },
    async call(tool, args) {
      const request = { name: tool, arguments: args };
      const { isError, content, structuredContent } = await client.callTool(request);
      const [shown] = content as { text: string }[];
      if (isError || shown === undefined) throw new Error(`${tool} failed: ${shown?.text}`);
      const result = structuredContent as Readonly<Record<string, unknown>>;
      paid.push({
        tool,
        request: tokensInJson(request),
        answer: tokensIn(shown.text),
        structured: tokensInJson(result),
      });
      return result;
    },
    [Symbol.asyncDispose]: () => client.close(),
  };
}
