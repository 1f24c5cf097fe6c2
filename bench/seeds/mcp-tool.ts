import { fileURLToPath } from "node:url";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { below, inSequence, type Measurement } from "../measure.ts";
import { seedProject, type World } from "../world.ts";

const docket = fileURLToPath(new URL("../../cli/docket.js", import.meta.url));
const CALLS = 100;

/** From an MCP client through `docket mcp` to the server and back. */
export async function mcpTool(world: World): Promise<Measurement[]> {
  await seedProject(world, "tool", 1_000);
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [docket, "mcp"],
    env: {
      PATH: process.env["PATH"] ?? "",
      DOCKET_URL: world.url,
      DOCKET_API_KEY: world.apiKey,
      DOCKET_PROJECT: "tool",
    },
    stderr: "ignore",
  });
  const client = new Client({ name: "docket bench", version: "1.0.0" });
  await client.connect(transport);
  try {
    const call = async (name: string, args: Record<string, unknown>) => {
      const { isError, content } = await client.callTool({ name, arguments: args });
      if (isError) throw new Error(JSON.stringify(content));
    };
    const take = () => call("get_next_task", {});
    const reserve = () => call("reserve_id_range", { artifact_type: "US", count: 3 });
    await inSequence(10, take);
    return [
      below("MCP tool get_next_task, round trip", await inSequence(CALLS, take), 0.95, 500),
      below("MCP tool reserve_id_range, round trip", await inSequence(CALLS, reserve), 0.95, 500),
    ];
  } finally {
    await client.close();
  }
}
