import { Command } from "commander";

export const mcpCommand = new Command("mcp").description("serve the MCP tools on stdin and stdout").action(async () => {
  const { main } = await import("../mcp/main.ts");
  await main();
});
