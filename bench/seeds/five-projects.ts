import { inSequence, type Measurement, merge, milliseconds, percentile, type Sample } from "../measure.ts";
import { seedProject, type World } from "../world.ts";
import { ClaimBenchTask, ListBenchTasks, LookAtBenchTask } from "./documents.ts";

const TASKS = 10_000;
const ROUNDS = 8;
const CALLS_OF_A_ROUND = 60;

/** As many tasks and calls, once in one project and once spread over five; rounds alternate, so that both meet the same noise. */
export async function fiveProjects(world: World): Promise<Measurement[]> {
  const five = ["five-a", "five-b", "five-c", "five-d", "five-e"];
  await seedProject(world, "one", TASKS);
  for (const projectId of five) await seedProject(world, projectId, TASKS / five.length);

  const use = (projects: readonly string[]) =>
    inSequence(CALLS_OF_A_ROUND, async (i) => {
      const projectId = projects[i % projects.length] ?? "";
      await world.request(LookAtBenchTask, { projectId });
      await world.request(ListBenchTasks, { projectId, status: "PENDING" });
      await world.request(ClaimBenchTask, { input: { projectId } });
    });

  await use(["one"]);
  await use(five);
  const inOne: Sample[] = [];
  const inFive: Sample[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    inOne.push(await use(["one"]));
    inFive.push(await use(five));
  }
  const [one, spread] = [merge(inOne), merge(inFive)];
  const [a, b] = [percentile(one.durations, 0.5), percentile(spread.durations, 0.5)];
  const slower = (b / a - 1) * 100;
  return [
    {
      what: "5 projects against 1 (next, list and claim, median)",
      measured: `${milliseconds(b)} against ${milliseconds(a)}: ${slower >= 0 ? "+" : ""}${slower.toFixed(1)} %`,
      target: "≤ +10 %",
      ok: one.errors + spread.errors === 0 && slower <= 10,
    },
  ];
}
