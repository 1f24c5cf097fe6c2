import { Command } from "commander";

export const startCommand = new Command("start")
  .description("run the server")
  .addHelpText(
    "after",
    "\nExamples:\n  docket start\n  PORT=4001 DATABASE_URL=postgres://docket@db/docket docket start",
  )
  .action(async () => {
    const { start } = await import("../src/commands/start.ts");
    await start();
  });
