import { below, inSequence, type Measurement } from "../measure.ts";
import { seedProject, type World } from "../world.ts";
import { ClaimBenchTask, LookAtBenchTask, SetBenchStatus } from "./documents.ts";

const CALLS = 200;

/** Health, nextTask and a change of status, one call after the other. */
export async function singleCalls(world: World): Promise<Measurement[]> {
  const { request } = world;
  const projectId = "single";
  await seedProject(world, projectId, 1_000);

  const health = async () => {
    const response = await fetch(`${world.url}/health`);
    const { status } = (await response.json()) as { status?: unknown };
    if (status !== "healthy") throw new Error(`/health says ${String(status)}`);
  };
  const look = () => request(LookAtBenchTask, { projectId });
  const claimed: { taskId: string; attempt: string }[] = [];
  const claim = async () => {
    const { claimNextTask } = await request(ClaimBenchTask, { input: { projectId } });
    const { attempt, task } = claimNextTask;
    if (attempt !== null && task !== null) claimed.push({ taskId: task.taskId, attempt });
  };
  const complete = async () => {
    const task = claimed.pop();
    if (!task) throw new Error("There is no claimed task left");
    await request(SetBenchStatus, { input: { projectId, ...task, status: "COMPLETED" } });
  };

  await inSequence(20, look);
  await inSequence(20, claim);
  await inSequence(20, complete);
  return [
    below("GET /health", await inSequence(CALLS, health), 0.95, 100),
    below("nextTask", await inSequence(CALLS, look), 0.95, 100),
    below("claimNextTask", await inSequence(CALLS, claim), 0.95, 100),
    below("updateTaskStatus", await inSequence(CALLS, complete), 0.95, 100),
  ];
}
