import { below, burst, type Measurement, merge, type Sample } from "../measure.ts";
import { seedProject, type World } from "../world.ts";
import { LookAtBenchTask } from "./documents.ts";

const AT_ONCE = 100;
const ROUNDS = 5;

/** Four times as many at once as there are database connections. */
export async function concurrentNext(world: World): Promise<Measurement[]> {
  await seedProject(world, "next", 1_000);
  const look = () => world.request(LookAtBenchTask, { projectId: "next" });
  await burst(AT_ONCE, look);
  const samples: Sample[] = [];
  for (let round = 0; round < ROUNDS; round++) samples.push(await burst(AT_ONCE, look));
  return [below(`${AT_ONCE} nextTask at once, ${ROUNDS} rounds`, merge(samples), 0.99, 200)];
}
