import { below, type Measurement, openLoop } from "../measure.ts";
import { seedProject, type World } from "../world.ts";
import {
  AddBenchTasks,
  ClaimBenchTask,
  ListBenchTasks,
  LookAtBenchTask,
  ReserveBenchIds,
  SetBenchStatus,
} from "./documents.ts";

const PER_SECOND = 100;
const PROJECTS = ["steady-a", "steady-b", "steady-c", "steady-d", "steady-e"];

/** 100 requests a second, as five projects of agents would send them: half look, half write. */
export async function steadyLoad(world: World, { seconds }: { seconds: number }): Promise<Measurement[]> {
  const { request } = world;
  for (const projectId of PROJECTS) await seedProject(world, projectId, 2_000);
  const held: { projectId: string; taskId: string; attempt: string }[] = [];

  const call = async (i: number): Promise<unknown> => {
    const projectId = PROJECTS[i % PROJECTS.length] ?? "";
    const turn = Math.floor(i / PROJECTS.length) % 20;
    if (turn < 6) return request(LookAtBenchTask, { projectId });
    if (turn < 10) return request(ListBenchTasks, { projectId, status: "PENDING" });
    if (turn < 14) {
      const { claimNextTask } = await request(ClaimBenchTask, { input: { projectId } });
      const { attempt, task } = claimNextTask;
      if (attempt !== null && task !== null) held.push({ projectId, taskId: task.taskId, attempt });
      return;
    }
    if (turn < 17) {
      const task = held.shift();
      return task && request(SetBenchStatus, { input: { ...task, status: "COMPLETED" } });
    }
    if (turn < 19) return request(ReserveBenchIds, { input: { projectId, artifactType: "US", count: 3 } });
    return request(AddBenchTasks, { input: { projectId, tasks: [{ description: "added under load" }] } });
  };

  await openLoop(PER_SECOND, 2, call);
  const sample = await openLoop(PER_SECOND, seconds, call);
  const { durations, errors } = sample;
  const share = (100 * errors) / durations.length;
  return [
    below(`${PER_SECOND} requests/s for ${seconds} s`, { durations, errors: 0 }, 0.99, 200),
    { what: "  errors", measured: `${share.toFixed(2)} %`, target: "< 1 %", ok: share < 1 },
  ];
}
