import { Command } from "commander";
import { whole } from "../numbers.ts";
import { table } from "../table.ts";
import { recurrences } from "./run.ts";

const print = (line: string) => console.log(line);

export const recurrencesCommand = new Command("recurrences")
  .description("how long the instances of a day take, and what claims and reservations keep meanwhile")
  .option("--templates <n>", "that recur daily", whole(1), 10_000)
  .action(async ({ templates }: { readonly templates: number }) => {
    const measurements = await recurrences({ templates, print });
    print(`\n${table(measurements)}`);
    if (!measurements.every(({ ok }) => ok)) process.exitCode = 1;
  });
