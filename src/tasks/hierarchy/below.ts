import type { Db } from "../../db/database.ts";
import type { TaskKey, TaskStatus } from "../task.ts";

const LOCK = {
  name: "tasks-lock-below",
  text: `WITH RECURSIVE below (task_id) AS (
  SELECT $2::varchar
  UNION SELECT c.task_id FROM below b JOIN tasks c ON c.project_id = $1 AND c.parent_task_id = b.task_id AND c.deleted_at IS NULL
)
SELECT t.task_id AS "taskId", t.status, t.depth, t.parent_task_id = $2 AS "isChild",
  is_open(t.status, t.deleted_at, t.is_template) AS "isOpen"
FROM tasks t WHERE t.project_id = $1 AND t.task_id IN (SELECT task_id FROM below) AND t.task_id <> $2
ORDER BY t.project_id, t.task_id FOR NO KEY UPDATE OF t`,
};

interface Below {
  readonly taskId: string;
  readonly status: TaskStatus;
  readonly depth: number;
  readonly isChild: boolean;
  readonly isOpen: boolean;
}

/** All that lies below a locked task, locked too, the deepest ones first. */
export async function lockedBelow(db: Db, { projectId, taskId }: TaskKey): Promise<Below[]> {
  const rows = await db.write<Below>(LOCK, [projectId, taskId]);
  return rows.sort((a, b) => b.depth - a.depth);
}
