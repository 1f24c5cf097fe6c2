import type { Given } from "../db/noun.ts";
import { badInput } from "../errors.ts";
import { append } from "../log/write/append.ts";
import type { Changes } from "../log/write/changes.ts";
import { subject } from "./change.ts";
import { faultsOf, requireFutureDueDates } from "./field-faults.ts";
import { TASK, type TaskFields } from "./fields.ts";
import type { TaskAddress } from "./locate.ts";
import type { TaskKey } from "./task.ts";
import { taskVerb } from "./task-verb.ts";

export type UpdateTask = TaskAddress &
  Given<TaskFields, "update"> & {
    readonly expectedVersion?: number | null | undefined;
  };

/**
 * The statement that writes other values ($3) for some fields of a locked task, where they differ, and tells what did: only
 * these fields are rendered, as its texts may be long.
 */
function writing(fields: readonly (keyof TaskFields)[]): string {
  const columns = fields.map(TASK.columnOf);
  return `WITH wanted AS (
  SELECT ${columns.map((column) => `n.${column}`)}, changes_between(${TASK.document("t", fields)}, ${TASK.document("n", fields)}) AS changes
  FROM tasks t CROSS JOIN jsonb_populate_record(NULL::tasks, $3::jsonb) n WHERE t.project_id = $1 AND t.task_id = $2
), written AS (
  UPDATE tasks t SET version = t.version + 1, updated_at = docket_now(), (${columns}) = (SELECT ${columns} FROM wanted)
  FROM wanted w WHERE t.project_id = $1 AND t.task_id = $2 AND w.changes <> '{}'
)
SELECT changes FROM wanted`;
}

/**
 * Changes what is said of a task; its status has verbs of its own. Only what differs is written: nothing new leaves the
 * version as it is and no event.
 * @throws TASK_NOT_FOUND, LEASE_LOST (with `attempt`), VERSION_CONFLICT, BAD_USER_INPUT, FORBIDDEN
 */
export const updateTask = taskVerb(
  { name: "updateTask", role: "agent", effect: "changes", idempotent: true, held: "fence" },
  async (ctx, input: UpdateTask, task): Promise<TaskKey> => {
    const { data, error } = TASK.check("update", input);
    if (error) throw badInput(faultsOf(error).join("; "));

    const fields = TASK.settable("update").filter((field) => field in data);
    if (fields.length > 0) {
      const { projectId, taskId } = task;
      const [written] = await ctx.db.write<{ changes: Changes }>(writing(fields), [
        projectId,
        taskId,
        TASK.record(data),
      ]);
      const changes = written?.changes ?? {};
      if (changes["dueDate"] && data.dueDate) await requireFutureDueDates(ctx, [data.dueDate]);
      if (Object.keys(changes).length > 0)
        await append(ctx, { type: "task.updated", ...subject(task), payload: { changes } });
    }
    return { projectId: task.projectId, taskId: task.taskId };
  },
);
