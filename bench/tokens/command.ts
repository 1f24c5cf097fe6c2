import { Command } from "commander";
import { tokensPart } from "./part.ts";

export const tokensCommand = new Command("tokens")
  .description("what an agent's model pays for Docket in tokens, beside a TODO.md that it reads and rewrites")
  .action(async () => {
    const { report, ok } = await tokensPart();
    console.log(report);
    if (!ok) process.exitCode = 1;
  });
