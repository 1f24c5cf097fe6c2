import type { Context } from "../access/viewer.ts";
import { changingFields } from "../db/change-fields.ts";
import type { Given } from "../db/noun.ts";
import { badInput } from "../errors.ts";
import { append } from "../log/write/append.ts";
import type { Changes } from "../log/write/changes.ts";
import { subject } from "./change.ts";
import { lockGraph } from "./dependencies/graph.ts";
import { faultsOf, requireFutureDueDates } from "./field-faults.ts";
import { NEXT_REMINDER, TASK, type TaskFields } from "./fields.ts";
import { requireMovable } from "./hierarchy/move.ts";
import type { TaskAddress } from "./locate.ts";
import { merged, metadataFaults } from "./metadata.ts";
import { requireRecurrence } from "./recurrence/require.ts";
import { givenOffsets, type RemindersGiven, requireDueDate } from "./reminders.ts";
import type { TaskKey } from "./task.ts";
import { taskVerb } from "./task-verb.ts";

export type UpdateTask = TaskAddress &
  Omit<Given<TaskFields, "update">, "reminderOffsets"> &
  RemindersGiven & {
    readonly expectedVersion?: number | null | undefined;
  };

const OF_TASKS = { table: "tasks", key: ["project_id", "task_id"] };

/**
 * Changes what is said of a task; its status has verbs of its own. Only what differs is written: nothing new leaves the
 * version as it is and no event.
 * A move under another parent is judged by `requireMovable`; metadata are a patch.
 * @throws TASK_NOT_FOUND, DEPENDENCY_CYCLE, LEASE_LOST (with `attempt`), VERSION_CONFLICT, BAD_USER_INPUT, FORBIDDEN
 */
export const updateTask = taskVerb(
  {
    name: "updateTask",
    role: "agent",
    effect: "changes",
    idempotent: true,
    held: "fence",
    templates: true,
    before: async (db, { parentTaskId }: UpdateTask) => {
      if (parentTaskId !== undefined) await lockGraph(db);
    },
  },
  async (ctx, input: UpdateTask, task): Promise<TaskKey> => {
    const faults: string[] = [];
    const reminderOffsets = givenOffsets(input, (fault) => void faults.push(fault));
    const { data, error } = TASK.check("update", { ...input, ...(reminderOffsets && { reminderOffsets }) });
    if (error) faults.push(...faultsOf(error));
    if (!data || faults.length > 0) throw badInput(faults.join("; "));

    if (data.parentTaskId !== undefined) await requireMovable(ctx, task, data.parentTaskId);
    if (data.kind !== undefined || data.metadata !== undefined)
      Object.assign(data, { metadata: await patched(ctx, task, data) });
    if (data.dueDate === null || data.reminderOffsets) await requireDueDate(ctx, task, data);
    await requireRecurrence(ctx, task, data);
    const changes = await changeFields(ctx, task, data);
    if (changes["dueDate"] && data.dueDate) await requireFutureDueDates(ctx, [data.dueDate]);
    return { projectId: task.projectId, taskId: task.taskId };
  },
);

/** Gives a locked task these values of what may be updated, where they differ. */
export async function changeFields(
  ctx: Context,
  { projectId, taskId }: TaskKey,
  values: Given<TaskFields, "update">,
): Promise<Changes> {
  const fields = TASK.settable("update").filter((field) => field in values);
  if (fields.length === 0) return {};
  const reminds = fields.includes("dueDate") || fields.includes("reminderOffsets");
  const statement = changingFields(TASK, OF_TASKS, fields, reminds ? NEXT_REMINDER : []);
  const [written] = await ctx.db.write<{ changes: Changes }>(statement, [projectId, taskId, TASK.record(values)]);
  const changes = written?.changes ?? {};
  if (Object.keys(changes).length > 0)
    await append(ctx, { type: "task.updated", ...subject({ projectId, taskId }), payload: { changes } });
  return changes;
}

const KEPT = {
  name: "task-metadata",
  text: "SELECT t.kind, t.metadata FROM tasks t WHERE t.project_id = $1 AND t.task_id = $2",
};

/** The metadata of a locked task as they are after an update. @throws BAD_USER_INPUT where they do not fit its kind. */
async function patched(
  { db }: Context,
  { projectId, taskId }: TaskKey,
  { kind, metadata: patch }: { readonly kind?: string; readonly metadata?: unknown },
) {
  const [kept] = await db.read<{ kind: string; metadata: object }>(KEPT, [projectId, taskId]);
  const { data, error } = TASK.check("update", { metadata: merged(kept?.metadata ?? {}, patch) });
  const faults = error ? faultsOf(error) : metadataFaults(kind ?? kept?.kind ?? "", data.metadata);
  if (faults.length > 0) throw badInput(faults.join("; "));
  return data?.metadata;
}
