import { Command, InvalidArgumentError, Option } from "commander";
import { untilInterrupted } from "../interrupt.ts";
import { print, tell } from "../tell.ts";
import { crashLoop, WAYS, type Way } from "./run.ts";

const LEAST_RESTARTS = 10;

function restarts(given: string): number {
  const count = Number(given);
  if (!Number.isSafeInteger(count) || count < LEAST_RESTARTS)
    throw new InvalidArgumentError(`It must be a whole number from ${LEAST_RESTARTS}.`);
  return count;
}

const ways = Object.keys(WAYS) as Way[];

export const crashLoopCommand = new Command("crash-loop")
  .description("an MCP agent that dies at once on a bad task and is started 100 times: the good work goes on")
  .option("--restarts <count>", "agents that are started, one after another, for each way to die", restarts, 100)
  .addOption(new Option("--by <way>", "how they die: with -9, or as their input is closed (both)").choices(ways))
  .action(async ({ restarts, by }: { restarts: number; by?: Way }) => {
    const settings = { restarts, ways: by === undefined ? ways : [by], print, interrupted: untilInterrupted() };
    tell(await crashLoop(settings));
  });
