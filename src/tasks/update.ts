import { verb } from "../access/verb.ts";
import type { Given } from "../db/noun.ts";
import { badInput } from "../errors.ts";
import { append } from "../log/write/append.ts";
import type { Changes } from "../log/write/changes.ts";
import { changeTask, subject } from "./change.ts";
import { faultsOf, requireFutureDueDates } from "./field-faults.ts";
import { TASK, type TaskFields } from "./fields.ts";
import { lockedTask, requireFence, requireVersion } from "./hold.ts";
import type { TaskAddress } from "./locate.ts";
import type { TaskKey } from "./task.ts";

export type UpdateTask = TaskAddress &
  Given<TaskFields, "update"> & {
    readonly expectedVersion?: number | null | undefined;
  };

/** What would change of the locked task with other values ($3) for some of its columns. */
const COMPARE = {
  name: "task-compare",
  text: `SELECT changes_between(${TASK.document("t")}, ${TASK.document("n")}) AS changes
FROM tasks t CROSS JOIN LATERAL jsonb_populate_record(t, $3::jsonb) n WHERE t.project_id = $1 AND t.task_id = $2`,
};

/**
 * Changes what is said of a task; its status has verbs of its own. Only what differs is written: nothing new leaves the
 * version as it is and no event.
 * @throws TASK_NOT_FOUND, LEASE_LOST (with `attempt`), VERSION_CONFLICT, BAD_USER_INPUT, FORBIDDEN
 */
export const updateTask = verb(
  { name: "updateTask", role: "agent", effect: "changes", scope: "project", idempotent: true, on: lockedTask },
  async (ctx, input: UpdateTask, task): Promise<TaskKey> => {
    requireFence(task, input.attempt);
    requireVersion(task, input.expectedVersion);
    const { data, error } = TASK.check("update", input);
    if (error) throw badInput(faultsOf(error).join("; "));

    const given = TASK.record(data);
    const columns = Object.keys(given).join(", ");
    const [wanted] = await ctx.db.read<{ changes: Changes }>(COMPARE, [task.projectId, task.taskId, given]);
    const changes = wanted?.changes ?? {};
    if (changes["dueDate"] && data.dueDate) await requireFutureDueDates(ctx, [data.dueDate]);
    if (Object.keys(changes).length > 0) {
      await changeTask(ctx, task, `(${columns}) = (SELECT ${columns} FROM jsonb_populate_record(t, $3::jsonb))`, [
        given,
      ]);
      await append(ctx, { type: "task.updated", ...subject(task), payload: { changes } });
    }
    return { projectId: task.projectId, taskId: task.taskId };
  },
);
