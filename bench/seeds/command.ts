import { Command } from "commander";
import { whole } from "../numbers.ts";
import { print, tell } from "../tell.ts";
import { seeds } from "./run.ts";

export const seedsCommand = new Command("seeds")
  .description("the times that the requirements name")
  .option("--seconds <n>", "how long a steady load lasts", whole(1), 60)
  .option("--profile <folder>", "where the server leaves a CPU profile when it ends")
  .action(async ({ seconds, profile }: { seconds: number; profile?: string }) => {
    tell(await seeds({ seconds, profile, print }));
  });
