import { Command } from "commander";
import packageJson from "../package.json" with { type: "json" };
import { archiveCommand } from "./archive.ts";
import { auditCommand } from "./audit.ts";
import { demoCommand } from "./demo.ts";
import { mcpCommand } from "./mcp.ts";
import { migrateCommand } from "./migrate.ts";
import { startCommand } from "./start.ts";

// The reader of the output may have gone (`docket start | head`, a closed terminal): the command goes on without one.
for (const stream of [process.stdout, process.stderr])
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE" && error.code !== "EIO") throw error;
  });

await new Command("docket")
  .description(packageJson.description)
  .version(packageJson.version)
  .addCommand(startCommand)
  .addCommand(migrateCommand)
  .addCommand(archiveCommand)
  .addCommand(auditCommand)
  .addCommand(mcpCommand)
  .addCommand(demoCommand)
  .parseAsync();
