import { below, inSequence, type Measurement } from "../measure.ts";
import { seedProject, type World } from "../world.ts";
import { ListBenchTasks } from "./documents.ts";

const PROJECTS = ["query-a", "query-b", "query-c", "query-d", "query-e"];

/** Tasks of one project and status, out of 10,000 in five projects. */
export async function indexedQuery(world: World): Promise<Measurement[]> {
  for (const projectId of PROJECTS) await seedProject(world, projectId, 2_000);
  await world.owner.query("UPDATE tasks SET status = 'completed' WHERE project_id = ANY ($1) AND priority > 0", [
    PROJECTS,
  ]);
  await world.owner.query("VACUUM ANALYZE tasks");
  const list = (i: number) =>
    world.request(ListBenchTasks, { projectId: PROJECTS[i % PROJECTS.length] ?? "", status: "PENDING" });
  await inSequence(20, list);
  return [below("tasks by project and status, 10,000 tasks", await inSequence(200, list), 0.99, 50)];
}
