import { Command } from "commander";
import { untilInterrupted } from "../interrupt.ts";
import { whole, wholes } from "../numbers.ts";
import { print } from "../tell.ts";
import { delivery, LONG } from "./part.ts";
import type { DeliveryOptions } from "./run.ts";

export const deliveryCommand = new Command("delivery")
  .description("live delivery: latency and memory by number of subscribers and rate, and replay from a cursor")
  .option("--subscribers <list>", "how many at once", wholes, LONG.subscribers)
  .option("--rates <list>", "events per second", wholes, LONG.rates)
  .option("--seconds <n>", "how long each rate lasts", whole(1), LONG.seconds)
  .option("--groups-of <n>", "in mixed audiences so many ask for the same", whole(1), LONG.groupsOf)
  .option("--claims <n>", "claims a second beside the largest audiences; 0 for none", whole(0), LONG.claims)
  .option("--replay <n>", "events to replay; 0 for none", whole(0), LONG.replay)
  .action(async (options: DeliveryOptions) => {
    const { report, ok } = await delivery(options, { print, interrupted: untilInterrupted() });
    print(`\n${report}`);
    if (!ok) process.exitCode = 1;
  });
