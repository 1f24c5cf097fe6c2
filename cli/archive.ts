import { Command } from "commander";

export const archiveCommand = new Command("archive")
  .description("archive the tasks that were completed or deleted long ago, as the server does every hour")
  .option("--days <n>", "so many days ago, instead of ARCHIVE_AFTER_DAYS")
  .option("--dry-run", "only say how many they are")
  .addHelpText("after", "\nExample:\n  docket archive --days 90 --dry-run")
  .action(async (options: { days?: string; dryRun?: boolean }) => {
    const { archive } = await import("../src/commands/archive.ts");
    await archive(options);
  });
