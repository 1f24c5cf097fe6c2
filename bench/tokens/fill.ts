import type { World } from "../world.ts";
import { HoldTokensTask } from "./documents.ts";
import type { TodoTask } from "./todo.ts";

/** Loads tasks into a project of their own; those in progress are held, by name, until the run is over. */
export async function fillProject(
  { owner, request }: Pick<World, "owner" | "request">,
  projectId: string,
  tasks: readonly TodoTask[],
): Promise<void> {
  await owner.query("INSERT INTO namespaces (namespace, shared) VALUES ($1, false)", [projectId]);
  await owner.query(
    "INSERT INTO projects (project_id, name, id_namespace) VALUES ($1::varchar, $1::varchar, $1::varchar)",
    [projectId],
  );
  await owner.query(
    `INSERT INTO tasks (project_id, task_id, status, description, priority, labels, due_date, context_notes)
     SELECT $1, id, CASE status WHEN 'completed' THEN status ELSE 'pending' END, text, priority, labels, due,
       array_to_string(notes, E'\\n')
     FROM jsonb_to_recordset($2) AS t (id text, status text, text text, priority int, labels text[], due date, notes text[])`,
    [projectId, JSON.stringify(tasks)],
  );
  await owner.query("ANALYZE tasks");
  const held = tasks.filter(({ status }) => status === "in_progress");
  for (const [index, { id: taskId }] of held.entries())
    await request(HoldTokensTask, {
      input: { projectId, taskId, status: "IN_PROGRESS", worker: `agent-${index + 1}`, leaseSeconds: 3_600 },
    });
}
