import type { Context } from "../../src/access/viewer.ts";
import { addTasks } from "../../src/tasks/add.ts";
import type { AddTaskItem } from "../../src/tasks/new-task.ts";
import { seedTasks, type VerbTest, verbTest } from "../support/verbs.ts";

/** A project alpha with pending tasks TASK-001 … */
export async function withTasks(count = 3): Promise<VerbTest> {
  const t = await verbTest();
  await seedTasks(t, "alpha", count);
  return t;
}

export const item = (key: string, more: AddTaskItem = {}): AddTaskItem => ({ key, description: `do ${key}`, ...more });
export const add = (ctx: Context, ...tasks: AddTaskItem[]) => addTasks(ctx, { projectId: "alpha", tasks });

export interface Row {
  readonly id: string;
  readonly parent: string | null;
  readonly depth: number;
  readonly blockers: number;
  readonly children: number;
}

/** The graph as it stands, in the order of the queue, with the counts that the triggers keep. */
export async function graph({ owner }: VerbTest, projectId = "alpha") {
  const { rows: tasks } = await owner.query<Row>(
    `SELECT task_id AS id, parent_task_id AS parent, depth, open_blockers AS blockers, open_children AS children
     FROM tasks WHERE project_id = $1 ORDER BY queue_position`,
    [projectId],
  );
  const { rows: edges } = await owner.query<{ edge: string }>(
    `SELECT task_id || ' → ' || depends_on_project_id || '/' || depends_on_task_id AS edge FROM task_dependencies
     WHERE project_id = $1 AND kind = 'blocks' ORDER BY 1`,
    [projectId],
  );
  return { tasks, edges: edges.map(({ edge }) => edge) };
}

export const countOf = async ({ owner }: VerbTest) =>
  (await owner.query("SELECT count(*)::int AS n FROM tasks")).rows[0].n as number;
