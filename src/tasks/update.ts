import { once } from "../access/verb.ts";
import type { Context } from "../access/viewer.ts";
import type { Given } from "../db/noun.ts";
import { badInput } from "../errors.ts";
import { append } from "../log/write/append.ts";
import { changesOf } from "../projects/changes.ts";
import { changeTask, subject, type TaskDocument } from "./change.ts";
import { faultsOf, requireFutureDueDates } from "./field-faults.ts";
import { TASK, type TaskFields } from "./fields.ts";
import { lockTask, requireFence, requireVersion } from "./hold.ts";
import { locateTask, type TaskAddress, type TaskKey } from "./locate.ts";

export type UpdateTask = TaskAddress &
  Given<TaskFields, "update"> & {
    readonly expectedVersion?: number | null | undefined;
    readonly idempotencyKey?: string | null | undefined;
  };

/** The locked task as it is, and as it would be with other values ($3) for some of its columns. */
const COMPARE = {
  name: "task-compare",
  text: `SELECT ${TASK.document("t")} AS before, ${TASK.document("n")} AS after
FROM tasks t CROSS JOIN LATERAL jsonb_populate_record(t, $3::jsonb) n WHERE t.project_id = $1 AND t.task_id = $2`,
};

/**
 * Changes what is said of a task; its status has verbs of its own. Only what differs is written: nothing new leaves the
 * version as it is and no event.
 * @throws TASK_NOT_FOUND, LEASE_LOST (with `attempt`), VERSION_CONFLICT, BAD_USER_INPUT, FORBIDDEN
 */
export function updateTask(ctx: Context, input: UpdateTask) {
  return once(ctx, { operation: "updateTask", role: "agent", input }, async (inside): Promise<TaskKey> => {
    const task = await lockTask(inside, await locateTask(inside, input, "write"));
    requireFence(task, input.attempt);
    requireVersion(task, input.expectedVersion);
    const { data, error } = TASK.check("update", input);
    if (error) throw badInput(faultsOf(error).join("; "));

    const given = TASK.record(data);
    const columns = Object.keys(given).join(", ");
    const [compared] = await inside.db.read<{ before: TaskDocument; after: TaskDocument }>(COMPARE, [
      task.projectId,
      task.taskId,
      given,
    ]);
    const changes = compared ? changesOf(compared.before, compared.after) : {};
    if (changes["dueDate"] && data.dueDate) await requireFutureDueDates(inside, [data.dueDate]);
    if (Object.keys(changes).length > 0) {
      await changeTask(inside, task, `(${columns}) = (SELECT ${columns} FROM jsonb_populate_record(t, $3::jsonb))`, [
        given,
      ]);
      await append(inside, { type: "task.updated", ...subject(task), payload: { changes } });
    }
    return { projectId: task.projectId, taskId: task.taskId };
  });
}
