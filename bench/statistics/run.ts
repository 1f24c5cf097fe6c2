import { below, inSequence, type Measurement } from "../measure.ts";
import { startWorld } from "../world.ts";
import { BenchTrends, BenchWorkers, CountBenchTasks, FailedMostBenchTasks } from "./documents.ts";
import { fill, type Size } from "./fill.ts";

const CALLS = 30;
const MOST_MS = 100;

interface StatisticsOptions extends Size {
  readonly print: (line: string) => void;
}

/** The median of each statistic over all projects, on a server and data of this run. */
export async function statistics({ print, ...size }: StatisticsOptions): Promise<Measurement[]> {
  await using world = await startWorld({ profile: undefined });
  const { request } = world;
  print(`${size.tasks} tasks, ${size.attempts} attempts, ${size.events} events …`);
  await fill(world, size);
  const asked: Readonly<Record<string, () => Promise<unknown>>> = {
    "taskCounts by project and status": () => request(CountBenchTasks, { by: ["PROJECT", "STATUS"] }),
    "taskCounts by worker": () => request(CountBenchTasks, { by: ["WORKER"] }),
    "taskCounts by all five": () => request(CountBenchTasks, { by: ["STATUS", "PROJECT", "LABEL", "WORKER", "KIND"] }),
    "projectTrends by day, a week": () => request(BenchTrends, { from: "-P7D", interval: "DAY" }),
    "projectTrends by hour, a week": () => request(BenchTrends, { from: "-P7D", interval: "HOUR" }),
    "projectTrends by day, all four weeks": () => request(BenchTrends, { from: "-P28D", interval: "DAY" }),
    "workers since yesterday": () => request(BenchWorkers, { since: "-P1D", orderBy: { field: "NAME" } }),
    "workers of four weeks, by what they completed": () =>
      request(BenchWorkers, { since: "-P28D", orderBy: { field: "COMPLETED", direction: "DESC" } }),
    "tasks that failed most": () => request(FailedMostBenchTasks, {}),
  };
  const measurements: Measurement[] = [];
  for (const [what, ask] of Object.entries(asked)) {
    await inSequence(3, ask);
    measurements.push(below(what, await inSequence(CALLS, ask), 0.5, MOST_MS));
  }
  return measurements;
}
