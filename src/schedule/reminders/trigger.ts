import { caller } from "../../access/act-as.ts";
import type { Context } from "../../access/viewer.ts";
import { leaveEvents } from "../../log/write/append.ts";
import { NEXT_REMINDER, TASK, TITLE } from "../../tasks/fields.ts";

/**
 * SQL of `reminder_schedule r`: what waits for its time, in projects that are not archived; such a reminder waits for the
 * project, too.
 */
export const WAITS = `r.status = 'pending'
    AND NOT EXISTS (SELECT FROM projects p WHERE p.project_id = r.project_id AND p.archived_at IS NOT NULL)`;

/** Triggered in one statement. */
const BATCH = 100;

/**
 * Of several that a task has at once the last one tells what that changes of the task.
 * SKIP LOCKED: whoever holds the rows is another process that does the same, or a change of the task, of which it is not
 * known yet whether it still is to remind. Both rows are locked at once, and none is waited for: whoever changes a task locks
 * it first, and then its reminders.
 */
export const TRIGGER_REMINDERS = {
  name: "reminders-trigger",
  text: `WITH ${caller("$1", "$2", "$3")}, due AS MATERIALIZED (
  SELECT r.project_id, r.task_id, r.reminder_id, r.trigger_at, r.reminder_type, r.reminder_offset AS triggered_offset,
    t.due_date, t.reminder_offset, t.reminder_status, t.reminder_offsets, ${TITLE} AS title
  FROM reminder_schedule r JOIN tasks t USING (project_id, task_id)
  WHERE ${WAITS} AND r.trigger_at <= (SELECT docket_now())
  ORDER BY r.trigger_at LIMIT ${BATCH} FOR NO KEY UPDATE OF r, t SKIP LOCKED
), triggered AS (
  UPDATE reminder_schedule r SET status = 'triggered', updated_at = docket_now() FROM due d
  WHERE r.project_id = d.project_id AND r.reminder_id = d.reminder_id
), shown AS (
  UPDATE tasks t SET reminder_offset = n.reminder_offset, reminder_status = n.status
  FROM caller CROSS JOIN (SELECT d.project_id, d.task_id, d.reminder_offsets, array_agg(d.reminder_id) AS ids
      FROM due d GROUP BY d.project_id, d.task_id, d.reminder_offsets) d
    CROSS JOIN LATERAL next_reminder(d.project_id, d.task_id, d.reminder_offsets, d.ids) n
  WHERE t.project_id = d.project_id AND t.task_id = d.task_id
  RETURNING t.project_id, t.task_id, ${TASK.document("t", NEXT_REMINDER)} AS after
)
${leaveEvents(`SELECT ROW(d.trigger_at, d.project_id, d.task_id, d.reminder_id) AS place, 'task.reminder.triggered' AS type,
    d.project_id, 'task' AS subject_type, d.task_id AS subject_id, jsonb_build_object('reminderId', d.reminder_id,
      'reminderType', d.reminder_type, 'triggerAt', d.trigger_at, 'dueDate', d.due_date, 'offset', d.triggered_offset,
      'title', d.title, 'changes', CASE WHEN d.last THEN changes_between(${TASK.document("d", NEXT_REMINDER)}, s.after)
        ELSE '{}' END) AS payload
  FROM (SELECT *, row_number() OVER (PARTITION BY project_id, task_id ORDER BY trigger_at DESC, reminder_id DESC) = 1 AS last
      FROM due) d JOIN shown s USING (project_id, task_id)`)} RETURNING subject_id`,
};

/**
 * Triggers the reminders whose time has come, some at a time, each once, whoever does it: `task.reminder.triggered`. Of the
 * task only its next reminder changes, so that its version stays.
 * @returns whether there may be more.
 * @throws DATABASE_UNAVAILABLE
 */
export async function triggerReminders({ db, viewer, correlationId }: Context): Promise<boolean> {
  const by = [viewer.actor, viewer.client, correlationId];
  return (await db.write(TRIGGER_REMINDERS, by, { idempotent: true })).length > 0;
}
