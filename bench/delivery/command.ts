import { Command } from "commander";
import { untilInterrupted } from "../interrupt.ts";
import { whole, wholes } from "../numbers.ts";
import { makeScratchDatabase } from "../scratch-database.ts";
import { promises, report } from "./report.ts";
import { type DeliveryOptions, runDelivery } from "./run.ts";

const print = (line: string) => console.log(line);

export const deliveryCommand = new Command("delivery")
  .description("live delivery: latency and memory by number of subscribers and rate, and replay from a cursor")
  .option("--subscribers <list>", "how many at once", wholes, [1, 100, 1_000, 10_000])
  .option("--rates <list>", "events per second", wholes, [1, 10, 100])
  .option("--seconds <n>", "how long each rate lasts", whole(1), 10)
  .option("--groups-of <n>", "in mixed audiences so many ask for the same", whole(1), 10)
  .option("--claims <n>", "claims a second beside the largest audiences; 0 for none", whole(0), 20)
  .option("--replay <n>", "events to replay; 0 for none", whole(0), 100_000)
  .action(async (options: DeliveryOptions) => {
    const interrupted = untilInterrupted();
    const database = await makeScratchDatabase(process.env["DATABASE_URL"]);
    try {
      const result = await runDelivery(options, { database, print, interrupted });
      print(`\n${report(result)}`);
      if (!promises(result).every(({ ok }) => ok)) process.exitCode = 1;
    } finally {
      await database.drop();
    }
  });
