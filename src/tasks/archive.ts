import { caller } from "../access/act-as.ts";
import type { Context } from "../access/viewer.ts";
import { leaveEvents } from "../log/write/append.ts";
import { TASK } from "./fields.ts";

/** Few enough that nobody waits for their rows for long. */
const BATCH = 500;

const ARCHIVAL = ["archivedAt"] as const;

/** What was settled by then, below which nothing is left on a list; SKIP LOCKED: another process may be at the same. */
const ARCHIVE = {
  name: "tasks-archive",
  text: `WITH ${caller("$1", "$2", "$3")}, old AS (
  SELECT t.project_id, t.task_id, ${TASK.document("t", ARCHIVAL)} AS before FROM tasks t
  WHERE t.archived_at IS NULL AND coalesce(t.deleted_at, t.completed_at) <= docket_now() - make_interval(days => $4)
    AND NOT t.is_template AND NOT EXISTS (
      SELECT FROM tasks c WHERE c.project_id = t.project_id AND c.parent_task_id = t.task_id AND c.archived_at IS NULL)
    -- A child that was added since the statement began shows in the row that it locks.
    AND t.open_children = 0
  ORDER BY coalesce(t.deleted_at, t.completed_at) LIMIT ${BATCH} FOR NO KEY UPDATE OF t SKIP LOCKED
), archived AS (
  UPDATE tasks t SET archived_at = docket_now(), version = t.version + 1, updated_at = docket_now()
  FROM caller CROSS JOIN old o WHERE t.project_id = o.project_id AND t.task_id = o.task_id
  RETURNING t.project_id, t.task_id, changes_between(o.before, ${TASK.document("t", ARCHIVAL)}) AS changes
)
${leaveEvents(`SELECT ROW(a.project_id, a.task_id) AS place, 'task.archived' AS type, a.project_id, 'task' AS subject_type,
    a.task_id AS subject_id, jsonb_build_object('changes', a.changes) AS payload FROM archived a`)} RETURNING subject_id`,
};

/**
 * Puts tasks away that were completed or deleted so many days ago, some at a time and those below before those above:
 * `task.archived` tells of each. What is open, or has anything below it that stays, stays.
 * @param days 1 or more.
 * @returns how many; asked again, those above them may be next.
 * @throws DATABASE_UNAVAILABLE
 */
export async function archiveSettled({ db, viewer, correlationId }: Context, days: number): Promise<number> {
  const by = [viewer.actor, viewer.client, correlationId];
  return (await db.write(ARCHIVE, [...by, days], { idempotent: true })).length;
}
