import { Command } from "commander";
import packageJson from "../package.json" with { type: "json" };
import { auditCommand } from "./audit.ts";
import { demoCommand } from "./demo.ts";
import { mcpCommand } from "./mcp.ts";
import { migrateCommand } from "./migrate.ts";
import { startCommand } from "./start.ts";

await new Command("docket")
  .description(packageJson.description)
  .version(packageJson.version)
  .addCommand(startCommand)
  .addCommand(migrateCommand)
  .addCommand(auditCommand)
  .addCommand(mcpCommand)
  .addCommand(demoCommand)
  .parseAsync();
