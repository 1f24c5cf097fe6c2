import { verb } from "../../access/verb.ts";
import type { Context } from "../../access/viewer.ts";
import { isUuid } from "../../db/storable.ts";
import { badInput, notFound } from "../../errors.ts";
import { append } from "../../log/write/append.ts";
import type { Changes } from "../../log/write/changes.ts";
import { NEXT_REMINDER, TASK } from "../../tasks/fields.ts";
import type { ReminderStatus, TaskKey } from "../../tasks/task.ts";
import type { ReminderKey } from "./reminder.ts";

export interface AcknowledgeReminder {
  readonly reminderId: string;
}

interface LockedReminder extends TaskKey, ReminderKey {
  readonly status: ReminderStatus;
}

/** The task first, as whatever changes both does; its reminder is read by a statement of its own, as it is then. */
const LOCK_TASK = {
  name: "reminder-lock-task",
  text: `SELECT t.project_id FROM tasks t JOIN reminder_schedule r USING (project_id, task_id)
WHERE r.reminder_id = $1 AND ($2::text[] IS NULL OR r.project_id = ANY ($2)) AND t.deleted_at IS NULL FOR NO KEY UPDATE OF t`,
};
const LOCK = {
  name: "reminder-lock",
  text: `SELECT r.project_id AS "projectId", r.task_id AS "taskId", r.reminder_id AS "reminderId", r.status
FROM reminder_schedule r
WHERE r.reminder_id = $1 FOR NO KEY UPDATE`,
};

async function lockReminder({ db, viewer }: Context, { reminderId }: AcknowledgeReminder): Promise<LockedReminder> {
  const [task] = isUuid(reminderId) ? await db.write(LOCK_TASK, [reminderId, viewer.projectIds]) : [];
  const [locked] = task ? await db.write<LockedReminder>(LOCK, [reminderId]) : [];
  return locked ?? Promise.reject(notFound("Reminder", reminderId));
}

const ACKNOWLEDGE = {
  name: "reminder-acknowledge",
  text: "UPDATE reminder_schedule SET status = 'acknowledged', updated_at = docket_now() WHERE project_id = $1 AND reminder_id = $2",
};

/** What the task says of its next reminder; of one that was moved ahead since, that is another. */
const SHOW = {
  name: "task-show-reminder",
  text: `WITH before AS (
  SELECT t.project_id, t.task_id, ${TASK.document("t", NEXT_REMINDER)} AS document, n.*
  FROM tasks t CROSS JOIN LATERAL next_reminder(t.project_id, t.task_id, t.reminder_offsets) n
  WHERE t.project_id = $1 AND t.task_id = $2
)
UPDATE tasks t SET reminder_offset = b.reminder_offset, reminder_status = b.status FROM before b
WHERE t.project_id = b.project_id AND t.task_id = b.task_id
RETURNING changes_between(b.document, ${TASK.document("t", NEXT_REMINDER)}) AS changes`,
};

/**
 * Says that somebody has seen a reminder that was triggered. Of one that was acknowledged it changes nothing.
 * @throws NOT_FOUND, FORBIDDEN; BAD_USER_INPUT for one that was not triggered.
 */
export const acknowledgeReminder = verb(
  {
    name: "acknowledgeReminder",
    role: "agent",
    effect: "changes",
    scope: "project",
    idempotent: true,
    on: lockReminder,
  },
  async (ctx, _input: AcknowledgeReminder, { projectId, taskId, reminderId, status }): Promise<ReminderKey> => {
    if (status === "pending" || status === "cancelled")
      throw badInput(
        `The reminder is ${status.toUpperCase()}; only one that was TRIGGERED is acknowledged. updateTask with reminders changes those that are to come.`,
      );
    if (status === "triggered") {
      await ctx.db.write(ACKNOWLEDGE, [projectId, reminderId]);
      const [shown] = await ctx.db.write<{ changes: Changes }>(SHOW, [projectId, taskId]);
      await append(ctx, {
        type: "task.reminder.acknowledged",
        ...{ projectId, subjectType: "task", subjectId: taskId },
        payload: { reminderId, changes: shown?.changes ?? {} },
      });
    }
    return { projectId, reminderId };
  },
);
