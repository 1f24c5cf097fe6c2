import { Command } from "commander";
import type { BackupOptions } from "../src/commands/backup.ts";

export const backupCommand = new Command("backup")
  .description("write the database that comes with Docket into one file, while the server runs or not")
  .argument("<file>")
  .option("--overwrite", "replace a file of that name")
  .addHelpText("after", "\nExample:\n  docket backup /srv/backups/docket-$(date +%F).tar.gz")
  .action(async (file: string, options: BackupOptions) => {
    const { backup } = await import("../src/commands/backup.ts");
    await backup(file, options);
  });

export const restoreCommand = new Command("restore")
  .description("make a file of `docket backup` the database of this folder, while no server runs")
  .argument("<file>")
  .option("--overwrite", "put it in the place of the database that is there, which is kept beside")
  .addHelpText(
    "after",
    "\nExamples:\n  docket restore /srv/backups/docket-2026-12-01.tar.gz --overwrite\n  DOCKET_HOME=/srv/copy docket restore docket.tar.gz",
  )
  .action(async (file: string, options: BackupOptions) => {
    const { restore } = await import("../src/commands/backup.ts");
    await restore(file, options);
  });
