import { Command } from "commander";

export const mcpCommand = new Command("mcp")
  .description("serve the MCP tools on stdin and stdout")
  .option("--toolsets <names>", "which tools, like default,tracking; all of them with all")
  .addHelpText("after", "\nExample:\n  docket mcp --toolsets default,tracking")
  .action(async ({ toolsets }: { readonly toolsets?: string }) => {
    const { main } = await import("../mcp/main.ts");
    await main({ toolsets });
  });
