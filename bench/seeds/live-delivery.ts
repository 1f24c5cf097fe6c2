import { setTimeout as delay } from "node:timers/promises";
import { followStream } from "../../client/stream.ts";
import { type Measurement, milliseconds, percentile } from "../measure.ts";
import { seedProject, type World } from "../world.ts";
import { BenchEvents, ClaimBenchTask } from "./documents.ts";

const CHANGES = 100;
const LONGEST_MS = 2_000;

/** From the moment a change is asked for, so the commit and its answer are in it, to the frame at a subscriber. */
export async function liveDelivery(world: World): Promise<Measurement[]> {
  const projectId = "live";
  await seedProject(world, projectId, CHANGES);
  const stop = new AbortController();
  const variables = { filter: { projects: [projectId] } };
  const settings = { url: world.url, apiKey: world.apiKey, document: BenchEvents, variables, signal: stop.signal };
  const arrivedAt = new Map<string, number>();
  const listening = Promise.withResolvers<void>();
  const subscriber = (async () => {
    for await (const { events } of followStream(settings)) {
      listening.resolve();
      for (const { subjectId } of events) arrivedAt.set(subjectId, performance.now());
    }
  })();
  await Promise.race([listening.promise, subscriber]);

  const askedAt = new Map<string, number>();
  for (let i = 0; i < CHANGES; i++) {
    const now = performance.now();
    const { claimNextTask } = await world.request(ClaimBenchTask, { input: { projectId } });
    if (claimNextTask.task) askedAt.set(claimNextTask.task.taskId, now);
    // Apart from the pace of the frames (10 a second), and not in step with it.
    await delay(40 + ((i * 37) % 120));
  }
  const deadline = performance.now() + LONGEST_MS;
  while (arrivedAt.size < askedAt.size && performance.now() < deadline) await delay(10);
  stop.abort();
  await subscriber;

  const durations = [...askedAt].map(([taskId, asked]) => (arrivedAt.get(taskId) ?? Number.POSITIVE_INFINITY) - asked);
  const [half, most] = [percentile(durations, 0.5), percentile(durations, 0.99)];
  return [
    {
      what: "change to subscriber",
      measured: `p50 ${milliseconds(half)}, p99 ${milliseconds(most)}`,
      target: `< ${LONGEST_MS} ms`,
      ok: durations.length === CHANGES && most < LONGEST_MS,
      ms: half,
    },
  ];
}
