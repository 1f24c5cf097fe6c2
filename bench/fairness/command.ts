import { Command } from "commander";
import { print, tell } from "../tell.ts";
import { fairness } from "./run.ts";

export const fairnessCommand = new Command("fairness")
  .description("what one key's claims take beside 100 slow list queries of another")
  .action(async () => {
    tell(await fairness({ print }));
  });
