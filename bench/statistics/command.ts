import { Command } from "commander";
import { whole } from "../numbers.ts";
import { print, tell } from "../tell.ts";
import type { Size } from "./fill.ts";
import { statistics } from "./run.ts";

export const statisticsCommand = new Command("statistics")
  .description("what each statistic over all projects takes, beside many tasks, attempts and events")
  .option("--tasks <n>", "in ten projects", whole(10), 10_000)
  .option("--attempts <n>", "at four of five tasks", whole(1), 16_000)
  .option("--events <n>", "of these tasks", whole(1), 100_000)
  .action(async (size: Size) => {
    tell(await statistics({ ...size, print }));
  });
