import { Command } from "commander";
import { whole } from "../numbers.ts";
import { table } from "../table.ts";
import { seeds } from "./run.ts";

const print = (line: string) => console.log(line);

export const seedsCommand = new Command("seeds")
  .description("the times that the requirements name")
  .option("--seconds <n>", "how long a steady load lasts", whole(1), 60)
  .option("--profile <folder>", "where the server leaves a CPU profile when it ends")
  .action(async ({ seconds, profile }: { seconds: number; profile?: string }) => {
    const measurements = await seeds({ seconds, profile, print });
    print(`\n${table(measurements)}`);
    if (!measurements.every(({ ok }) => ok)) process.exitCode = 1;
  });
