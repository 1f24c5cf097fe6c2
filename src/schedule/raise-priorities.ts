import { caller } from "../access/act-as.ts";
import type { Context } from "../access/viewer.ts";
import { leaveEvents } from "../log/write/append.ts";
import { keyAnd, TASK } from "../tasks/fields.ts";

/** SQL of `projects p`: how long before it is due the priority of a task is raised; NULL: it is not. */
const BEFORE = "make_interval(secs => reminder_seconds(p.settings ->> 'raisePriorityBefore'))";

/**
 * SQL of `projects p` and `tasks t`: what is to be raised once its due date is near. The condition on the task is exactly the
 * predicate of idx_tasks_raisable.
 */
const RAISABLE = `p.settings ->> 'raisePriorityBefore' IS NOT NULL AND p.archived_at IS NULL AND t.project_id = p.project_id
    AND t.due_date IS NOT NULL AND t.status <> 'completed' AND t.deleted_at IS NULL AND t.archived_at IS NULL
    AND NOT t.is_template AND t.priority > 0 AND t.priority_raised_for IS DISTINCT FROM t.due_date`;

const DUE_SOON = `${RAISABLE} AND t.due_date <= (SELECT docket_now()) + ${BEFORE}`;

/** SQL: when the first task is to be raised. */
export const FIRST_RAISED = `SELECT min(first.due_date - ${BEFORE}) FROM projects p
  CROSS JOIN LATERAL (SELECT t.due_date FROM tasks t WHERE ${RAISABLE} ORDER BY t.due_date LIMIT 1) first`;

/** Raised in one statement. */
const BATCH = 100;
const RAISED = ["priority"] as const;

/**
 * Those of each project are found by their index first: the planner would read all tasks otherwise.
 * SKIP LOCKED: whoever holds the row is another process that does the same, a claim, or a change.
 */
export const RAISE_PRIORITIES = {
  name: "tasks-raise-priorities",
  text: `WITH ${caller("$1", "$2", "$3")}, near AS MATERIALIZED (
  SELECT t.project_id, t.task_id FROM projects p CROSS JOIN LATERAL (
    SELECT t.project_id, t.task_id, t.due_date FROM tasks t WHERE ${DUE_SOON} ORDER BY t.due_date LIMIT ${BATCH}
  ) t ORDER BY t.due_date LIMIT ${BATCH}
), due AS MATERIALIZED (
  SELECT ${keyAnd(RAISED)}, t.due_date, p.settings ->> 'raisePriorityBefore' AS before
  FROM near n JOIN projects p ON p.project_id = n.project_id
    JOIN tasks t ON t.project_id = n.project_id AND t.task_id = n.task_id AND ${DUE_SOON}
  ORDER BY t.due_date FOR NO KEY UPDATE OF t SKIP LOCKED
), raised AS (
  UPDATE tasks t SET priority = t.priority - 1, priority_raised_for = t.due_date, version = t.version + 1,
    updated_at = docket_now()
  FROM caller CROSS JOIN due d WHERE t.project_id = d.project_id AND t.task_id = d.task_id
  RETURNING d.*, changes_between(${TASK.document("d", RAISED)}, ${TASK.document("t", RAISED)}) AS changes
)
${leaveEvents(`SELECT ROW(d.due_date, d.project_id, d.task_id) AS place, 'task.updated' AS type, d.project_id,
    'task' AS subject_type, d.task_id AS subject_id, jsonb_build_object('changes', d.changes, 'dueDate', d.due_date,
      'reason', 'It is due within ' || d.before || ', the project''s raisePriorityBefore.') AS payload
  FROM raised d`)} RETURNING subject_id`,
};

/**
 * Raises the priority of open tasks by one step as soon as they are due within the time that their project says, some at a
 * time, each once for each due date: `task.updated` with the reason.
 * @returns whether there may be more.
 * @throws DATABASE_UNAVAILABLE
 */
export async function raisePriorities({ db, viewer, correlationId }: Context): Promise<boolean> {
  const by = [viewer.actor, viewer.client, correlationId];
  return (await db.write(RAISE_PRIORITIES, by, { idempotent: true })).length > 0;
}
