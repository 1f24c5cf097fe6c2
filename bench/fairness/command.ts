import { Command } from "commander";
import { table } from "../table.ts";
import { fairness } from "./run.ts";

const print = (line: string) => console.log(line);

export const fairnessCommand = new Command("fairness")
  .description("what one key's claims take beside 100 slow list queries of another")
  .action(async () => {
    const measurements = await fairness({ print });
    print(`\n${table(measurements)}`);
    if (!measurements.every(({ ok }) => ok)) process.exitCode = 1;
  });
