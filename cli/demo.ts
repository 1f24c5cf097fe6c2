import { Command } from "commander";
import { exitCodeOf, faultForPeople } from "./shell/exit.ts";
import { withServer } from "./shell/options.ts";

interface DemoOptions {
  readonly clean?: true;
  readonly server?: string;
  readonly keyFile?: string;
}

export const demoCommand = withServer(new Command("demo"))
  .description("let simulated agents work on five projects of a running server until Ctrl-C")
  .option("--clean", "archive the projects of earlier demos instead: they leave every overview, and nothing is deleted")
  .addHelpText("after", "\nExamples:\n  docket demo\n  docket demo --clean")
  .action(async ({ clean, ...server }: DemoOptions) => {
    const { play, putAway } = await import("./demo/main.ts");
    try {
      await (clean ? putAway(server) : play(server));
    } catch (error) {
      console.error(faultForPeople(error));
      process.exitCode = exitCodeOf(error);
    }
    // Agents that were waiting when another one failed would keep the process alive.
    process.exit();
  });
