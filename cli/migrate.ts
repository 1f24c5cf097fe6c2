import { Argument, Command } from "commander";

export const migrateCommand = new Command("migrate")
  .description("bring the database up to date, or take its last migration back")
  .addArgument(new Argument("[direction]").choices(["up", "down"]).default("up"))
  .option("--create", "create the database of DATABASE_URL first, when it is missing")
  .addHelpText("after", "\nExamples:\n  docket migrate --create\n  docket migrate down")
  .action(async (direction: "up" | "down", { create = false }: { create?: boolean }) => {
    const { migrateDown, migrateUp } = await import("../src/commands/migrate.ts");
    await (direction === "up" ? migrateUp({ create }) : migrateDown());
  });
