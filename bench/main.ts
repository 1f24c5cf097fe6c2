import { Command } from "commander";
import { compareCommand } from "./compare/command.ts";
import { promises, report } from "./delivery/report.ts";
import { type DeliveryOptions, runDelivery } from "./delivery/run.ts";
import { fairness } from "./fairness.ts";
import { whole, wholes } from "./numbers.ts";
import { makeScratchDatabase } from "./scratch-database.ts";
import { seeds } from "./seeds.ts";
import { table } from "./table.ts";

const DATABASE = `
DATABASE_URL names a PostgreSQL to use instead of an embedded one; a database of the run's own is made there and dropped.`;

const print = (line: string) => console.log(line);

const seedsCommand = new Command("seeds")
  .description("the times that the requirements name")
  .option("--seconds <n>", "how long a steady load lasts", whole(1), 60)
  .option("--profile <folder>", "where the server leaves a CPU profile when it ends")
  .addHelpText("after", DATABASE)
  .action(async ({ seconds, profile }: { seconds: number; profile?: string }) => {
    const measurements = await seeds({ seconds, profile, print });
    print(`\n${table(measurements)}`);
    if (!measurements.every(({ ok }) => ok)) process.exitCode = 1;
  });

const deliveryCommand = new Command("delivery")
  .description("live delivery: latency and memory by number of subscribers and rate, and replay from a cursor")
  .option("--subscribers <list>", "how many at once", wholes, [1, 100, 1_000, 10_000])
  .option("--rates <list>", "events per second", wholes, [1, 10, 100])
  .option("--seconds <n>", "how long each rate lasts", whole(1), 10)
  .option("--groups-of <n>", "in mixed audiences so many ask for the same", whole(1), 10)
  .option("--claims <n>", "claims a second beside the largest audiences; 0 for none", whole(0), 20)
  .option("--replay <n>", "events to replay; 0 for none", whole(0), 100_000)
  .addHelpText("after", DATABASE)
  .action(async (options: DeliveryOptions) => {
    const interrupt = new AbortController();
    for (const signal of ["SIGINT", "SIGTERM"] as const)
      process.once(signal, () => interrupt.abort(new Error("Interrupted.")));
    const database = await makeScratchDatabase(process.env["DATABASE_URL"]);
    try {
      const result = await runDelivery(options, { database, print, interrupted: interrupt.signal });
      print(`\n${report(result)}`);
      if (!promises(result).every(({ ok }) => ok)) process.exitCode = 1;
    } finally {
      await database.drop();
    }
  });

const fairnessCommand = new Command("fairness")
  .description("what one key's claims take beside 100 slow list queries of another")
  .addHelpText("after", DATABASE)
  .action(async () => {
    const measurements = await fairness({ print });
    print(`\n${table(measurements)}`);
    if (!measurements.every(({ ok }) => ok)) process.exitCode = 1;
  });

try {
  await new Command("npm run bench --")
    .addCommand(compareCommand.addHelpText("after", DATABASE))
    .addCommand(seedsCommand)
    .addCommand(deliveryCommand)
    .addCommand(fairnessCommand)
    .parseAsync();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
// Connections that are kept alive would delay the end.
process.exit();
