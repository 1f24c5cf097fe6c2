import { Argument, Command } from "commander";

export const migrateCommand = new Command("migrate")
  .description("bring the database up to date, or take its last migration back")
  .addArgument(new Argument("[direction]").choices(["up", "down"]).default("up"))
  .action(async (direction: "up" | "down") => {
    const { migrateDown, migrateUp } = await import("../src/main.ts");
    await (direction === "up" ? migrateUp() : migrateDown());
  });
