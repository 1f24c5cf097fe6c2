import { Command } from "commander";
import { table } from "../table.ts";
import { wrongKeys } from "./run.ts";

const print = (line: string) => console.log(line);

export const wrongKeysCommand = new Command("wrong-keys")
  .description("what claims take while one address sends 2,000 wrong keys a second")
  .action(async () => {
    const measurements = await wrongKeys({ print });
    print(`\n${table(measurements)}`);
    if (!measurements.every(({ ok }) => ok)) process.exitCode = 1;
  });
