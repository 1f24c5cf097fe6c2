import { Command } from "commander";
import { exitCodeOf, faultForPeople } from "./shell/exit.ts";

export const demoCommand = new Command("demo")
  .description("let simulated agents work on five projects of a running server until Ctrl-C")
  .option("--clean", "archive the projects of earlier demos instead: they leave every overview, and nothing is deleted")
  .addHelpText("after", "\nExamples:\n  docket demo\n  docket demo --clean")
  .action(async ({ clean }: { clean?: true }) => {
    const { play, putAway } = await import("./demo/main.ts");
    try {
      await (clean ? putAway() : play());
    } catch (error) {
      console.error(faultForPeople(error));
      process.exitCode = exitCodeOf(error);
    }
    // Agents that were waiting when another one failed would keep the process alive.
    process.exit();
  });
