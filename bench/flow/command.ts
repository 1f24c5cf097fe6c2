import { Command } from "commander";
import { print, tell } from "../tell.ts";
import { flow } from "./run.ts";

export const flowCommand = new Command("flow")
  .description("claims among 30,000 dependencies and over 20 projects, and what edges and trees take")
  .action(async () => {
    tell(await flow({ rounds: 5, print }));
  });
