import { Command } from "commander";
import type { McpOptions } from "../mcp/main.ts";
import { withServer } from "./shell/options.ts";

export const mcpCommand = withServer(new Command("mcp"))
  .description("serve the MCP tools on stdin and stdout")
  .option("--project <id>", "the project of calls that name none, instead of DOCKET_PROJECT")
  .option("--toolsets <names>", "which tools, like default,tracking; all of them with all")
  .addHelpText("after", "\nExample:\n  docket mcp --toolsets default,tracking")
  .action(async (options: McpOptions) => {
    const { main } = await import("../mcp/main.ts");
    await main(options);
  });
